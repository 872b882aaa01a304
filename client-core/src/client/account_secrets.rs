//! The recovery key as the person holds it: shown until it was typed back.

use super::{Client, CommandError, CommandErrorCode, Context};

impl Client {
    /// The nine groups, until they were typed back.
    pub fn recovery_key(&self) -> Option<Vec<String>> {
        let key = self.account.as_ref()?.recovery_key.as_ref()?;
        Some(key.0.split('-').map(str::to_owned).collect())
    }

    /// The person has typed it back: the client forgets it.
    ///
    /// # Errors
    /// [`CommandErrorCode::Misuse`] without an account.
    pub fn confirm_recovery_key(&mut self, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let account = self.account.as_mut().ok_or(CommandErrorCode::Misuse)?;
        account.recovery_key = None;
        self.save_account(cx);
        self.emit_profile();
        Ok(())
    }
}
