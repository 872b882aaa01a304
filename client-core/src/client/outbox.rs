//! The outbox: what one writes is saved and shown at once, encrypted when its group is loaded and the socket open,
//! sent as the same bytes until it is acknowledged, and encrypted anew only after a stale-epoch refusal (D-4, D-5).

use protocol::{
    ErrorCode, GroupId, MessageId, Problem,
    groups::{Entry, Posted},
    limits::FRAME_CONTENT_BYTES_MAX,
    messages::PostMessage,
    socket::{ClientFrame, from_bytes},
    values::Bytes,
};

use super::{
    Client, CommandError, CommandErrorCode, Content, Context, Delivery, Event, Message,
    content::{ApplicationContent, Body, TEXT_BYTES_MAX},
    groups::Mls,
    pending::{Ask, Purpose},
    random,
    requests::Method,
    stored::{self, Encrypted, GroupStage, Hash, OutboxItem},
};

/// Messages of one group on their way at once.
const FLIGHTS_MAX: usize = 32;
/// Messages that wait in the outbox.
const OUTBOX_MAX: usize = 10_000;
/// Encryptions of one message that are remembered.
const HASHES_MAX: usize = 16;

/// What to put into the outbox.
pub(crate) struct Draft {
    pub(crate) message_id: MessageId,
    pub(crate) body: Body,
    pub(crate) view: Option<Content>,
    pub(crate) awaits_upload: bool,
}

/// What the relay says of a post that it does not take.
struct Refusal {
    code: ErrorCode,
    head: Option<u64>,
    seq: Option<u64>,
}

impl Client {
    /// Sends a text: it is in the outbox when this returns.
    ///
    /// # Errors
    /// [`CommandErrorCode::TextTooLong`], [`CommandErrorCode::NotFound`] for a group that is not there,
    /// [`CommandErrorCode::NotAllowed`] for one that has ended or whose peer is blocked, [`CommandErrorCode::AccountGone`]
    /// for one whose peer has no account any more,
    /// [`CommandErrorCode::StoreFailed`] when too many wait.
    pub fn send_text(
        &mut self,
        group: GroupId,
        text: &str,
        cx: &mut Context<'_>,
    ) -> Result<MessageId, CommandError> {
        if text.len() > TEXT_BYTES_MAX || text.trim().is_empty() {
            return Err(CommandErrorCode::TextTooLong.into());
        }
        let message_id = MessageId::from_bytes(random(cx.rng));
        let view = Some(Content::Text { text: text.to_owned() });
        let body = Body::Text(text.to_owned());
        self.put_outbox(group, Draft { message_id, body, view, awaits_upload: false }, cx)?;
        self.flush(group, cx);
        self.session_tick(cx);
        Ok(message_id)
    }

    pub(super) fn put_outbox(
        &mut self,
        group: GroupId,
        draft: Draft,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let slot = self.groups.get(&group).filter(|slot| slot.summary.stage != GroupStage::Creating);
        let slot = slot.ok_or(CommandErrorCode::NotFound)?;
        if slot.summary.is_closed() {
            return Err(CommandErrorCode::AccountGone.into());
        }
        if slot.summary.stage == GroupStage::Ended || self.is_blocked(slot.summary.peer) {
            return Err(CommandErrorCode::NotAllowed.into());
        }
        if self.outbox.len() >= OUTBOX_MAX {
            return Err(CommandErrorCode::StoreFailed.into());
        }
        let Draft { message_id, body, view, awaits_upload } = draft;
        if view.is_some() {
            let peer = slot.summary.peer;
            self.accept(peer, cx);
        }
        let content = ApplicationContent { message_id, written_at: cx.now, body };
        let content = content.encode().map_err(|_| CommandErrorCode::TextTooLong)?;
        let last =
            self.outbox.range((group, 0)..=(group, u64::MAX)).next_back().map(|((_, order), _)| *order);
        // The clock keeps orders rising after a restart with an empty outbox.
        let order = last.map_or(0, |last| last + 1).max(cx.now.0);
        let item = OutboxItem {
            group_id: group,
            order,
            message_id,
            post_id: MessageId::from_bytes(random(cx.rng)),
            written_at: cx.now,
            content,
            view,
            delivery: Delivery::Queued,
            encrypted: None,
            hashes: Vec::new(),
            awaits_upload,
            seq: None,
        };
        self.outbox.insert((group, order), item);
        self.save_item(group, order, cx);
        self.show_item(group, order, cx);
        Ok(())
    }

    /// Sends a failed message again under its id.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when the outbox does not hold it, [`CommandErrorCode::AccountGone`] when its reader has
    /// no account any more.
    pub fn retry_message(
        &mut self,
        group: GroupId,
        message: MessageId,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let order = self.find_item(group, message)?;
        if self.groups.get(&group).is_some_and(|slot| slot.summary.is_closed()) {
            return Err(CommandErrorCode::AccountGone.into());
        }
        if let Some(item) = self.outbox.get_mut(&(group, order)) {
            if item.awaits_upload {
                return Err(CommandErrorCode::FileUnreadable.into());
            }
            item.delivery = Delivery::Queued;
        }
        self.save_item(group, order, cx);
        self.show_item(group, order, cx);
        self.flush(group, cx);
        self.session_tick(cx);
        Ok(())
    }

    pub(super) fn queued(&self) -> usize {
        let waits = |item: &&OutboxItem| item.view.is_some() && item.delivery == Delivery::Queued;
        self.outbox.values().filter(waits).count()
    }

    pub(super) fn find_item(&self, group: GroupId, message: MessageId) -> Result<u64, CommandError> {
        let found = self
            .outbox
            .range((group, 0)..=(group, u64::MAX))
            .find(|(_, item)| item.message_id == message)
            .map(|((_, order), _)| *order);
        found.ok_or_else(|| CommandErrorCode::NotFound.into())
    }

    pub(super) fn save_item(&mut self, group: GroupId, order: u64, cx: &mut Context<'_>) {
        if let Some(item) = self.outbox.get(&(group, order)) {
            self.journal.put(stored::outbox_key(group, order), item, cx.rng);
        }
    }

    /// Shows an item as it stands, in its conversation too.
    pub(super) fn show_item(&mut self, group: GroupId, order: u64, cx: &mut Context<'_>) {
        let Some(message) = self.outbox.get(&(group, order)).and_then(|item| self.item_view(item)) else {
            return;
        };
        self.note_last(group, &message);
        self.save_summary(group, cx);
        self.emit(Event::MessageChanged { message });
        self.emit_conversation(group);
    }

    pub(super) fn item_view(&self, item: &OutboxItem) -> Option<Message> {
        Some(Message {
            message_id: item.message_id,
            group_id: item.group_id,
            seq: None,
            sent_at: item.written_at,
            author_id: self.account.as_ref().map(|account| account.account_id),
            mine: true,
            delivery: item.delivery,
            content: item.view.clone()?,
        })
    }

    pub(super) fn remove_item(&mut self, group: GroupId, order: u64) {
        self.outbox.remove(&(group, order));
        self.journal.delete(stored::outbox_key(group, order));
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.flights.remove(&order);
        }
    }

    /// Encrypts and sends what waits, in order, as far as the state allows.
    pub(super) fn flush(&mut self, group: GroupId, cx: &mut Context<'_>) {
        self.renew_leaf(group, cx);
        let ready = self.groups.get(&group).is_some_and(|slot| {
            let summary = &slot.summary;
            summary.stage == GroupStage::Active
                && summary.cursor >= slot.hold_until
                && !summary.unlisted_device
                && !summary.is_closed()
                && !summary.revoked_leaf
        });
        if !ready || !self.session.is_open() || self.sending_waits(group) || self.is_renewing(group) {
            return;
        }
        let waiting: Vec<u64> = self
            .outbox
            .range((group, 0)..=(group, u64::MAX))
            .filter(|(_, item)| {
                item.delivery == Delivery::Queued && item.seq.is_none() && !item.awaits_upload
            })
            .map(|((_, order), _)| *order)
            .take(FLIGHTS_MAX)
            .collect();
        if waiting.is_empty() || !self.is_loaded(group) {
            return;
        }
        for order in waiting {
            let Some(slot) = self.groups.get(&group) else {
                return;
            };
            if slot.flights.len() >= FLIGHTS_MAX {
                return;
            }
            if !slot.flights.contains(&order) {
                self.send_item(group, order, cx);
            }
        }
    }

    fn send_item(&mut self, group: GroupId, order: u64, cx: &mut Context<'_>) {
        if let Err(code) = self.encrypt_item(group, order, cx) {
            return self.fail_item(group, order, code, cx);
        }
        let Some(item) = self.outbox.get(&(group, order)) else {
            return;
        };
        let Some(encrypted) = &item.encrypted else { return };
        let Ok(ciphertext) = Bytes::new(encrypted.ciphertext.clone()) else {
            return self.fail_item(group, order, CommandErrorCode::TextTooLong, cx);
        };
        let small = ciphertext.len() <= FRAME_CONTENT_BYTES_MAX;
        let post =
            PostMessage { message_id: item.post_id, group_id: group, epoch: encrypted.epoch, ciphertext };
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.flights.insert(order);
        }
        if small {
            self.send_frame(&ClientFrame::Post(post));
        } else {
            let ask = Ask::cbor(Method::Post, format!("/v1/groups/{group}/messages"), &post);
            self.ask(ask, Purpose::Post(group, order));
        }
    }

    /// Takes a ratchet generation, which is saved before the bytes leave.
    fn encrypt_item(
        &mut self,
        group: GroupId,
        order: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandErrorCode> {
        let own = self.own_leaf().map_err(|error| error.code)?;
        let Some(item) = self.outbox.get_mut(&(group, order)) else {
            return Ok(());
        };
        if item.encrypted.is_some() {
            return Ok(());
        }
        let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls) else {
            return Ok(());
        };
        let ciphertext = mls.encrypt(&own, &item.content, &[]).map_err(|_| CommandErrorCode::OutOfSync)?;
        item.hashes.push(Hash(stored::hash(&ciphertext)));
        if item.hashes.len() > HASHES_MAX {
            item.hashes.remove(0);
        }
        item.encrypted = Some(Encrypted { epoch: mls.epoch(), ciphertext });
        let changes = mls.take_changes();
        self.count_leaf_message(group);
        self.save_mls(changes, cx);
        self.save_item(group, order, cx);
        Ok(())
    }

    pub(super) fn fail_item(
        &mut self,
        group: GroupId,
        order: u64,
        code: CommandErrorCode,
        cx: &mut Context<'_>,
    ) {
        if let Some(item) = self.outbox.get_mut(&(group, order)) {
            item.delivery = Delivery::Failed { code };
            if item.view.is_none() {
                return self.remove_item(group, order);
            }
        }
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.flights.remove(&order);
        }
        self.save_item(group, order, cx);
        self.show_item(group, order, cx);
    }

    pub(super) fn fail_outbox(&mut self, group: GroupId, code: CommandErrorCode, cx: &mut Context<'_>) {
        let orders: Vec<u64> =
            self.outbox.range((group, 0)..=(group, u64::MAX)).map(|((_, order), _)| *order).collect();
        for order in orders {
            self.fail_item(group, order, code, cx);
        }
    }

    // ---- what the relay says of a post

    fn order_of_post(&self, post: MessageId) -> Option<(GroupId, u64)> {
        self.outbox.iter().find(|(_, item)| item.post_id == post).map(|(key, _)| *key)
    }

    pub(super) fn handle_posted(&mut self, posted: &Posted, cx: &mut Context<'_>) {
        if let Some((group, order)) = self.order_of_post(posted.message_id) {
            self.mark_sent(group, order, posted.seq, cx);
            self.flush(group, cx);
        }
    }

    pub(super) fn handle_posted_by_http(
        &mut self,
        group: GroupId,
        order: u64,
        body: &[u8],
        cx: &mut Context<'_>,
    ) {
        if let Ok(posted) = from_bytes::<Posted>(body) {
            self.mark_sent(group, order, posted.seq, cx);
            self.flush(group, cx);
        }
    }

    /// The relay has it on disk (D-13). It leaves the outbox when the log shows it.
    fn mark_sent(&mut self, group: GroupId, order: u64, seq: u64, cx: &mut Context<'_>) {
        let Some(item) = self.outbox.get_mut(&(group, order)) else {
            return;
        };
        item.seq = Some(seq);
        item.delivery = Delivery::Sent;
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.flights.remove(&order);
        }
        self.save_item(group, order, cx);
        self.show_item(group, order, cx);
    }

    /// `facts`: the group's head, the stored seq, seconds to wait.
    pub(super) fn handle_refused(
        &mut self,
        post: MessageId,
        code: ErrorCode,
        facts: [Option<u64>; 3],
        cx: &mut Context<'_>,
    ) {
        let [head, seq, _] = facts;
        if let Some((group, order)) = self.order_of_post(post) {
            self.take_refusal(group, order, Refusal { code, head, seq }, cx);
        }
    }

    pub(super) fn handle_post_problem(
        &mut self,
        group: GroupId,
        order: u64,
        problem: &Problem,
        cx: &mut Context<'_>,
    ) {
        {
            let Problem { code, facts, .. } = problem;
            self.take_refusal(group, order, Refusal { code: *code, head: facts.head, seq: facts.seq }, cx);
        };
    }

    fn take_refusal(&mut self, group: GroupId, order: u64, refusal: Refusal, cx: &mut Context<'_>) {
        let Refusal { code, head, seq } = refusal;
        match (code, seq) {
            // The id is stored with an earlier encryption: it was sent (D-4).
            (ErrorCode::MessageConflict, Some(seq)) => self.mark_sent(group, order, seq, cx),
            (ErrorCode::StaleEpoch, _) => {
                if let Some(item) = self.outbox.get_mut(&(group, order)) {
                    item.encrypted = None;
                }
                if let Some(slot) = self.groups.get_mut(&group) {
                    slot.flights.remove(&order);
                    slot.hold_until = slot.hold_until.max(head.unwrap_or(0));
                }
                self.save_item(group, order, cx);
                self.flush(group, cx);
            }
            (ErrorCode::AccountGone, _) => {
                self.fail_item(group, order, CommandErrorCode::AccountGone, cx);
                self.group_closed(group, cx);
            }
            (
                ErrorCode::RateLimited
                | ErrorCode::Unavailable
                | ErrorCode::Internal
                | ErrorCode::StorageFull,
                _,
            ) => {
                self.fail_item(group, order, code.into(), cx);
            }
            _ => self.fail_item(group, order, CommandErrorCode::NotAllowed, cx),
        }
    }

    /// One's own entry in the log, found by the hash of its ciphertext: it moves from the outbox into the history.
    pub(super) fn take_own_message(&mut self, group: GroupId, entry: &Entry, cx: &mut Context<'_>) -> bool {
        let hash = Hash(stored::hash(&entry.content));
        let found = self
            .outbox
            .range((group, 0)..=(group, u64::MAX))
            .find(|(_, item)| item.hashes.contains(&hash))
            .map(|((_, order), item)| (*order, self.item_view(item)));
        let Some((order, view)) = found else { return false };
        self.remove_item(group, order);
        if let Some(view) = view {
            self.write_message(group, Message { seq: Some(entry.seq), delivery: Delivery::Sent, ..view }, cx);
        }
        true
    }

    /// Messages that were waiting for a file when the client ended: the file is not at hand any more.
    pub(super) fn fail_interrupted_uploads(&mut self, cx: &mut Context<'_>) {
        let interrupted: Vec<_> = self
            .outbox
            .iter()
            .filter(|(_, item)| item.awaits_upload && item.delivery == Delivery::Queued)
            .map(|(key, _)| *key)
            .collect();
        for (group, order) in interrupted {
            self.fail_item(group, order, CommandErrorCode::FileUnreadable, cx);
        }
    }
}
