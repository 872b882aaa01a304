//! Requests of people who wrote first, and removing people. Kept in the contact's record, so that all devices agree;
//! neither the relay nor the person is told.

use protocol::{AccountId, GroupId};

use super::{
    Client, CommandError, CommandErrorCode, Content, Context, Event, Message,
    groups::GROUP_RECORDS_MAX,
    history::LoadPurpose,
    stored::{self, GroupStage},
};
use crate::contact::{ContactTrust, Standing};

impl Client {
    /// Takes somebody's request: they hear who one is, and count as a contact.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn accept_contact(&mut self, account: AccountId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        if !self.contacts.contains_key(&account) {
            return Err(CommandErrorCode::NotFound.into());
        }
        self.accept(account, cx);
        self.session_tick(cx);
        Ok(())
    }

    /// A person's own doing, like writing to them, takes a request too.
    pub(super) fn accept(&mut self, account: AccountId, cx: &mut Context<'_>) {
        if self.standing(account) != Some(Standing::Accepted) {
            self.change_contact(account, |contact, now| contact.set_standing(Standing::Accepted, now), cx);
            self.show_contact(account);
            self.welcome_back(account, cx);
        }
    }

    /// Lets go of somebody: the conversation leaves all of one's devices, and what was compared with it. What they write
    /// next is a request.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn remove_contact(&mut self, account: AccountId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let trust = *self.contacts.get(&account).ok_or(CommandErrorCode::NotFound)?.trust();
        let forgotten = ContactTrust { verified_at: None, ..trust };
        self.change_contact(
            account,
            |contact, now| {
                let forgot = contact.set_trust(forgotten, now);
                contact.set_standing(Standing::Removed, now) || forgot
            },
            cx,
        );
        self.contact_removed(account, cx);
        self.session_tick(cx);
        Ok(())
    }

    /// Here, or on another device: what was said with them leaves this one.
    pub(super) fn contact_removed(&mut self, account: AccountId, cx: &mut Context<'_>) {
        for group in self.groups_with(account) {
            let waiting: Vec<u64> =
                self.outbox.range((group, 0)..=(group, u64::MAX)).map(|((_, order), _)| *order).collect();
            for order in waiting {
                self.remove_item(group, order);
            }
            if let Some(slot) = self.groups.get_mut(&group) {
                slot.summary.last = None;
                slot.summary.unread.clear();
                // Who is shown to them anew says so then.
                slot.summary.profile_sent = false;
            }
            self.save_summary(group, cx);
            self.wipe_lines(group);
            self.emit(Event::ConversationRemoved { group_id: group });
        }
        self.emit(Event::ContactChanged { account_id: account });
    }

    /// A kill may have come before all lines were gone.
    pub(super) fn wipe_removed(&mut self) {
        let removed = self.groups.values().filter(|slot| self.is_removed(slot.summary.peer));
        let removed: Vec<GroupId> = removed.map(|slot| slot.summary.group_id).collect();
        for group in removed {
            self.wipe_lines(group);
        }
    }

    fn wipe_lines(&mut self, group: GroupId) {
        let Some(slot) = self.groups.get(&group) else { return };
        // What comes from here on is not part of what was removed.
        let end = stored::message_key(group, slot.summary.cursor.saturating_add(1), 0);
        let prefix = stored::messages_prefix(group);
        self.load(prefix, Some(end.clone()), GROUP_RECORDS_MAX, LoadPurpose::Wipe { group, end });
    }

    /// A part of what was to go; the rest is asked for after it.
    pub(super) fn handle_wipe(&mut self, group: GroupId, end: String, records: &[(String, Vec<u8>)]) {
        for (key, sealed) in records {
            if let Ok(Message { message_id, content: Content::File(_), .. }) = self.journal.open(key, sealed)
            {
                self.journal.delete(stored::file_key(group, message_id));
            }
            self.journal.delete(key.clone());
        }
        if records.len() == GROUP_RECORDS_MAX as usize {
            let prefix = stored::messages_prefix(group);
            self.load(prefix, Some(end.clone()), GROUP_RECORDS_MAX, LoadPurpose::Wipe { group, end });
        }
    }

    /// Somebody who was removed writes again.
    pub(super) fn hear_from(&mut self, author: AccountId, cx: &mut Context<'_>) {
        if self.is_removed(author) {
            self.change_contact(author, |contact, now| contact.set_standing(Standing::Requested, now), cx);
        }
    }

    /// What waited for somebody goes once they are a contact, and no longer blocked; they hear one's profile then, if
    /// they have not heard it yet.
    pub(super) fn welcome_back(&mut self, account: AccountId, cx: &mut Context<'_>) {
        for group in self.groups_with(account) {
            // Any other group hears it when this device enters it.
            let active = self.groups.get(&group).is_some_and(|slot| slot.summary.stage == GroupStage::Active);
            if active && self.is_shown_to(group) {
                self.send_profile(group, cx);
                self.save_summary(group, cx);
                self.flush(group, cx);
            }
        }
    }

    fn standing(&self, account: AccountId) -> Option<Standing> {
        self.contacts.get(&account).map(crate::contact::Contact::standing)
    }

    pub(super) fn is_removed(&self, account: AccountId) -> bool {
        self.standing(account) == Some(Standing::Removed)
    }

    /// Whether the peer of a group may learn who one is: not before one has answered, and not while it is blocked.
    pub(super) fn is_shown_to(&self, group: GroupId) -> bool {
        self.groups.get(&group).is_some_and(|slot| {
            let peer = slot.summary.peer;
            !self.is_blocked(peer)
                && self.standing(peer).is_none_or(|standing| standing == Standing::Accepted)
        })
    }
}
