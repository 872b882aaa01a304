//! How people show themselves: told inside groups only, dated by whoever tells it, so that of two devices' words the
//! later ones stand, in whatever order they arrive.

use protocol::{AccountId, GroupId, MessageId};

use super::{
    Client, CommandError, CommandErrorCode, Context,
    content::{Body, COLOURS, DISPLAY_NAME_BYTES_MAX, Profile, clean_name},
    outbox::Draft,
    random,
};
use crate::{contact::ContactNames, vault::Profile as OwnWords};

impl Client {
    /// Shows oneself otherwise from now on: on all of one's devices, and in every conversation.
    ///
    /// # Errors
    /// [`CommandErrorCode::DisplayNameInvalid`], [`CommandErrorCode::Misuse`] without an account.
    pub fn change_profile(
        &mut self,
        display_name: &str,
        colour: u8,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let display_name = checked_display_name(display_name, colour)?;
        let vault = self.vault.as_mut().ok_or(CommandErrorCode::Misuse)?;
        if vault.set_profile(OwnWords { display_name, colour }, cx.now) {
            self.vault_changed(cx);
            self.emit_profile();
            self.tell_profile_anew(cx);
        }
        self.session_tick(cx);
        Ok(())
    }

    /// Groups that were never told hear it when this device enters them.
    fn tell_profile_anew(&mut self, cx: &mut Context<'_>) {
        let told = self.groups.values_mut().filter(|slot| slot.summary.profile_sent);
        let told: Vec<GroupId> = told
            .map(|slot| {
                slot.summary.profile_sent = false;
                slot.summary.group_id
            })
            .collect();
        for group in told {
            self.send_profile(group, cx);
            self.save_summary(group, cx);
            self.flush(group, cx);
        }
    }

    /// One's profile goes first into every group that one enters.
    pub(super) fn send_profile(&mut self, group: GroupId, cx: &mut Context<'_>) {
        if !self.is_shown_to(group) {
            return;
        }
        let (Some(account), Some(vault)) = (&self.account, &self.vault) else { return };
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        if core::mem::replace(&mut slot.summary.profile_sent, true) {
            return;
        }
        let own = vault.profile();
        let body = Body::Profile(Profile {
            handle: account.handle.clone(),
            display_name: own.display_name.clone(),
            colour: own.colour,
            changed_at: Some(vault.profile_changed_at()),
        });
        let message_id = MessageId::from_bytes(random(cx.rng));
        // A full outbox or an ended group: the peer sees the handle then, which the directory gives.
        let _ = self.put_outbox(group, Draft { message_id, body, view: None, awaits_upload: false }, cx);
    }

    /// A contact's own words about itself; its handle must be the directory's.
    pub(super) fn take_profile(&mut self, author: AccountId, profile: Profile, cx: &mut Context<'_>) {
        if self.own_account().is_ok_and(|own| own == author) {
            return;
        }
        let Some(contact) = self.contacts.get_mut(&author) else {
            return;
        };
        let handle = contact.names().handle.clone();
        if !handle.is_empty() && handle != profile.handle {
            return;
        }
        let Profile { handle: _, display_name, colour, changed_at } = profile;
        if contact.tell_names(ContactNames { handle, display_name, colour }, changed_at) {
            self.contact_changed(author, cx);
            self.show_contact(author);
        }
    }
}

/// A name that others can be shown.
pub(super) fn checked_display_name(display_name: &str, colour: u8) -> Result<String, CommandErrorCode> {
    let display_name = clean_name(display_name);
    let fits = (1..=DISPLAY_NAME_BYTES_MAX).contains(&display_name.len()) && colour < COLOURS;
    if fits { Ok(display_name) } else { Err(CommandErrorCode::DisplayNameInvalid) }
}
