//! How people show themselves: told inside groups only.

use protocol::{AccountId, GroupId, MessageId};

use super::{
    Client, Context,
    content::{Body, Profile},
    outbox::Draft,
    random,
};
use crate::contact::ContactNames;

impl Client {
    /// One's profile goes first into every group that one enters.
    pub(super) fn send_profile(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(profile) = self.profile() else { return };
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        if core::mem::replace(&mut slot.summary.profile_sent, true) {
            return;
        }
        let body = Body::Profile(Profile {
            handle: profile.handle,
            display_name: profile.display_name,
            colour: profile.colour,
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
        let Some(names) = self.contacts.get(&author).map(|contact| contact.names().clone()) else {
            return;
        };
        if !names.handle.is_empty() && names.handle != profile.handle {
            return;
        }
        let told =
            ContactNames { display_name: profile.display_name, colour: profile.colour, ..names.clone() };
        if told != names {
            self.change_contact(author, |contact, now| contact.set_names(told, now), cx);
            self.show_contact(author);
        }
    }
}
