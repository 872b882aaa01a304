//! What was said, as sealed records keyed by (group, seq): written line by line, paged by the screen, never held.

use std::collections::BTreeSet;

use protocol::{
    AccountId, GroupId, MessageId,
    groups::{Entry, StoredWelcome},
};

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Content, Context, Conversation, Delivery, Event,
    LastLine, Message, MessagePage, Notice, Outcome, UnreadableReason,
    content::{ApplicationContent, Body},
    random,
    stored::{self, GroupStage},
};

/// Messages in one page.
pub(crate) const PAGE_MAX: u32 = 200;

/// Why records were asked for.
pub(crate) enum LoadPurpose {
    Group(GroupId),
    Welcomes(Vec<StoredWelcome>),
    Page {
        command: CommandId,
        group: GroupId,
        newest: bool,
        limit: u32,
    },
    File(CommandId),
    /// Everything that was said before this key, to be deleted.
    Wipe {
        group: GroupId,
        end: String,
    },
}

impl Client {
    /// The records that a [`super::Load`] asked for.
    pub fn handle_loaded(&mut self, id: u64, records: Vec<(String, Vec<u8>)>, cx: &mut Context<'_>) {
        let Some(purpose) = self.loads.remove(&id) else {
            return;
        };
        match purpose {
            LoadPurpose::Group(group) => {
                let opened = self.open_records(records);
                self.handle_group_loaded(group, opened, cx);
            }
            LoadPurpose::Welcomes(welcomes) => {
                let opened = self.open_records(records);
                self.handle_key_packages_loaded(welcomes, &opened, cx);
            }
            LoadPurpose::Page { command, group, newest, limit } => {
                let page = self.page(group, newest, limit, &records);
                self.finish(command, page.map(Outcome::Page));
            }
            LoadPurpose::File(command) => {
                let access = self.file_access(&records);
                self.finish(command, access.map(Outcome::File));
            }
            LoadPurpose::Wipe { group, end } => self.handle_wipe(group, end, &records),
        }
        self.session_tick(cx);
    }

    /// Records that do not open are left out: the group they belong to then counts as lost and is joined again.
    fn open_records(&self, records: Vec<(String, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let open = |(key, sealed): (String, Vec<u8>)| {
            let plaintext = self.journal.open_bytes(&key, &sealed).ok()?;
            Some((key.into_bytes(), plaintext.to_vec()))
        };
        records.into_iter().filter_map(open).collect()
    }

    // ---- pages

    /// A page of a conversation: `before_seq` none gives the newest, with the outbox.
    pub fn list_messages(
        &mut self,
        group: GroupId,
        before_seq: Option<u64>,
        limit: u32,
        cx: &mut Context<'_>,
    ) -> CommandId {
        let command = self.command();
        if self.groups.contains_key(&group) {
            let prefix = stored::messages_prefix(group);
            let before =
                before_seq.map_or_else(|| format!("{prefix}~"), |seq| stored::message_key(group, seq, 0));
            let limit = limit.clamp(1, PAGE_MAX);
            let purpose = LoadPurpose::Page { command, group, newest: before_seq.is_none(), limit };
            self.load(prefix, Some(before), limit, purpose);
        } else {
            self.finish(command, Err(CommandErrorCode::NotFound.into()));
        }
        self.session_tick(cx);
        command
    }

    fn page(
        &self,
        group: GroupId,
        newest: bool,
        limit: u32,
        records: &[(String, Vec<u8>)],
    ) -> Result<MessagePage, CommandError> {
        let mut messages = Vec::with_capacity(records.len());
        for (key, sealed) in records {
            let message: Message =
                self.journal.open(key, sealed).map_err(|_| CommandErrorCode::StoreFailed)?;
            messages.push(message);
        }
        messages.reverse();
        if newest {
            let waiting = self.outbox.range((group, 0)..=(group, u64::MAX));
            messages.extend(waiting.filter_map(|(_, item)| self.item_view(item)));
        }
        Ok(MessagePage {
            messages,
            reached_start: records.len() < limit as usize,
            first_unread_seq: self.groups.get(&group).and_then(|slot| slot.summary.unread.first().copied()),
        })
    }

    /// Everything up to `upto_seq` was seen.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn mark_read(
        &mut self,
        group: GroupId,
        upto_seq: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let slot = self.groups.get_mut(&group).ok_or(CommandErrorCode::NotFound)?;
        let before = slot.summary.unread.len();
        slot.summary.unread.retain(|seq| *seq > upto_seq);
        if slot.summary.unread.len() != before {
            self.save_summary(group, cx);
            self.emit_conversation(group);
        }
        Ok(())
    }

    // ---- lines

    /// From here on lines stand under `seq`.
    pub(super) fn open_line(&mut self, group: GroupId, seq: u64) {
        if let Some(slot) = self.groups.get_mut(&group)
            && seq > slot.summary.cursor
        {
            slot.summary.cursor = seq;
            slot.summary.lines_at_cursor = 0;
        }
    }

    /// Writes one line under the cursor's seq and tells the screen.
    pub(super) fn write_message(&mut self, group: GroupId, message: Message, cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        let (seq, line) = (slot.summary.cursor, slot.summary.lines_at_cursor);
        slot.summary.lines_at_cursor = line.saturating_add(1);
        let message = Message { seq: Some(message.seq.unwrap_or(seq)), ..message };
        self.journal.put(stored::message_key(group, seq, line), &message, cx.rng);
        self.note_last(group, &message);
        self.emit(Event::MessageChanged { message });
    }

    pub(super) fn write_notice(&mut self, group: GroupId, notice: Notice, cx: &mut Context<'_>) {
        let message = Message {
            message_id: MessageId::from_bytes(random(cx.rng)),
            group_id: group,
            seq: None,
            sent_at: cx.now,
            author_id: None,
            mine: false,
            delivery: Delivery::Received,
            content: Content::Notice(notice),
        };
        self.write_message(group, message, cx);
        self.save_summary(group, cx);
    }

    pub(super) fn write_unreadable(
        &mut self,
        group: GroupId,
        reason: UnreadableReason,
        cx: &mut Context<'_>,
    ) {
        self.write_notice(group, Notice::Unreadable { reason }, cx);
    }

    /// The newest line of the list of conversations.
    pub(super) fn note_last(&mut self, group: GroupId, message: &Message) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        let older = slot.summary.last.as_ref().is_some_and(|last| last.sent_at > message.sent_at);
        if !older {
            slot.summary.last = Some(LastLine {
                sent_at: message.sent_at,
                mine: message.mine,
                delivery: message.delivery,
                content: message.content.clone(),
            });
            slot.summary.active_at = slot.summary.active_at.max(message.sent_at);
        }
    }

    // ---- what members wrote

    pub(super) fn take_content(
        &mut self,
        group: GroupId,
        (author, content): (AccountId, ApplicationContent),
        entry: &Entry,
        cx: &mut Context<'_>,
    ) {
        let ApplicationContent { message_id, written_at, body } = content;
        let content = match body {
            Body::Profile(profile) => return self.take_profile(author, profile, cx),
            _ if self.is_blocked(author) => return,
            Body::Text(text) => Content::Text { text },
            Body::File(file) => {
                let view = file.view();
                self.put_file(group, message_id, &file, cx);
                Content::File(view)
            }
            Body::RootKeys(keys) => return self.take_root_keys((group, author), keys, cx),
            Body::RootWanted => return self.take_root_wish(group, author, cx),
            Body::Newer => return self.write_unreadable(group, UnreadableReason::NeedsNewerVersion, cx),
        };
        let mine = self.account.as_ref().is_some_and(|account| account.account_id == author);
        self.hear_from(author, cx);
        let message = Message {
            message_id,
            group_id: group,
            seq: Some(entry.seq),
            // One's own clock, of another device; of others, the relay's, so that nobody can post into the future.
            sent_at: if mine { core::cmp::min(written_at, entry.received_at) } else { entry.received_at },
            author_id: Some(author),
            mine,
            delivery: if mine { Delivery::Sent } else { Delivery::Received },
            content,
        };
        self.write_message(group, message.clone(), cx);
        if !mine {
            self.count_unread(group, entry.seq);
            self.emit(Event::MessageReceived { message });
        }
    }

    fn count_unread(&mut self, group: GroupId, seq: u64) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        slot.summary.unread.push(seq);
        if slot.summary.unread.len() > stored::UNREAD_MAX {
            slot.summary.unread.remove(0);
        }
    }

    // ---- conversations

    /// Every conversation that there is and whose peer is known, the most recent first.
    pub fn conversations(&self) -> Vec<Conversation> {
        let mut all: Vec<_> = self.groups.keys().filter_map(|group| self.conversation(*group)).collect();
        all.sort_by_key(|conversation| core::cmp::Reverse(conversation.active_at));
        all
    }

    fn conversation(&self, group: GroupId) -> Option<Conversation> {
        let summary = &self.groups.get(&group)?.summary;
        // It may never come to be: then what was written in it would be lost.
        if summary.stage == GroupStage::Creating || self.is_removed(summary.peer) {
            return None;
        }
        Some(Conversation {
            group_id: group,
            peer: self.contact_view(summary.peer)?,
            last: summary.last.clone(),
            unread: u32::try_from(summary.unread.len()).unwrap_or(u32::MAX),
            closed: summary.is_closed(),
            active_at: summary.active_at,
            ended: summary.stage == GroupStage::Ended,
        })
    }

    pub(super) fn emit_conversation(&mut self, group: GroupId) {
        if let Some(conversation) = self.conversation(group) {
            self.emit(Event::ConversationChanged { conversation });
        }
    }

    /// The groups shared with an account.
    pub(super) fn groups_with(&self, account: AccountId) -> BTreeSet<GroupId> {
        let with = self.groups.values().filter(|slot| slot.summary.peer == account);
        with.map(|slot| slot.summary.group_id).collect()
    }
}
