//! People one does not want to hear from. Kept in the contact's record, so that all devices agree; neither the relay
//! nor the person is told.

use protocol::AccountId;

use super::{Client, CommandError, CommandErrorCode, Context};

impl Client {
    /// From now on nothing that this contact writes is kept or shown, and nothing goes to it.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn block_contact(&mut self, account: AccountId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        self.set_blocked(account, Blocking::Blocked, cx)
    }

    /// What it writes from now on is shown again.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn unblock_contact(&mut self, account: AccountId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        self.set_blocked(account, Blocking::Unblocked, cx)
    }

    fn set_blocked(
        &mut self,
        account: AccountId,
        blocking: Blocking,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        if !self.contacts.contains_key(&account) {
            return Err(CommandErrorCode::NotFound.into());
        }
        let blocked = blocking == Blocking::Blocked;
        self.change_contact(account, |contact, now| contact.set_blocked(blocked, now), cx);
        self.show_contact(account);
        self.welcome_back(account, cx);
        self.session_tick(cx);
        Ok(())
    }

    pub(super) fn is_blocked(&self, account: AccountId) -> bool {
        self.contacts.get(&account).is_some_and(|contact| contact.is_blocked())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocking {
    Blocked,
    Unblocked,
}
