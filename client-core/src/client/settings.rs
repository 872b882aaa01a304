//! What the person has chosen for all devices.

use super::{Client, CommandError, CommandErrorCode, Context, Event};
use crate::settings::Choices;

impl Client {
    /// The choices as they stand.
    pub fn settings(&self) -> Choices {
        self.settings.choices()
    }

    /// Makes the choices that are given, on every device.
    ///
    /// # Errors
    /// [`CommandErrorCode::Misuse`] without an account.
    pub fn change_settings(&mut self, choices: Choices, cx: &mut Context<'_>) -> Result<(), CommandError> {
        if self.account.is_none() {
            return Err(CommandErrorCode::Misuse.into());
        }
        if self.settings.choose(choices, cx.now) {
            self.settings_changed(cx);
            self.emit(Event::SettingsChanged { settings: self.settings.choices() });
        }
        self.session_tick(cx);
        Ok(())
    }
}
