//! The commands of [`Core`], one to one. Those that end later give the number that their `commandDone` carries.

use client_core::client::{Choices, LogIn, NewAccount, Recover};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

use crate::core::Core;
use crate::values::{float, from_js, id, misuse, number, refused, text, to_js, whole};

#[wasm_bindgen]
impl Core {
    /// Asks whether a handle is free; ends with `{ availability }`.
    #[wasm_bindgen(js_name = checkHandle)]
    pub fn check_handle(&mut self, handle: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.check_handle(handle, cx)).0)
    }

    /// Asks whom the relay lets register; ends with `{ mode }`.
    #[wasm_bindgen(js_name = checkRegistration)]
    pub fn check_registration(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.check_registration(cx)).0)
    }

    /// Creates an account from `{ handle, displayName, colour, password, deviceName, invite }`; ends with `{ profile }`.
    ///
    /// # Errors
    /// `misuse` when a field is missing.
    #[wasm_bindgen(js_name = createAccount)]
    pub fn create_account(&mut self, account: &JsValue, now: f64) -> Result<f64, JsValue> {
        let account = NewAccount {
            handle: text(account, "handle")?,
            display_name: text(account, "displayName")?,
            colour: u8::try_from(number(account, "colour")?).map_err(|_| misuse())?,
            password: Zeroizing::new(text(account, "password")?),
            device_name: text(account, "deviceName")?,
            invite: Zeroizing::new(text(account, "invite")?),
        };
        Ok(float(self.with(now, |client, cx| client.create_account(account, cx)).0))
    }

    /// Logs in from `{ handle, password, deviceName }`; ends with `{ profile }`.
    ///
    /// # Errors
    /// `misuse` when a field is missing.
    #[wasm_bindgen(js_name = logIn)]
    pub fn log_in(&mut self, log_in: &JsValue, now: f64) -> Result<f64, JsValue> {
        let log_in = LogIn {
            handle: text(log_in, "handle")?,
            password: Zeroizing::new(text(log_in, "password")?),
            device_name: text(log_in, "deviceName")?,
        };
        Ok(float(self.with(now, |client, cx| client.log_in(log_in, cx)).0))
    }

    /// Logs in from `{ handle, recoveryKey, newPassword, deviceName }`; ends with `{ profile }`.
    ///
    /// # Errors
    /// `misuse` when a field is missing.
    #[wasm_bindgen(js_name = recoverAccount)]
    pub fn recover_account(&mut self, recover: &JsValue, now: f64) -> Result<f64, JsValue> {
        let recover = Recover {
            handle: text(recover, "handle")?,
            recovery_key: Zeroizing::new(text(recover, "recoveryKey")?),
            new_password: Zeroizing::new(text(recover, "newPassword")?),
            device_name: text(recover, "deviceName")?,
        };
        Ok(float(self.with(now, |client, cx| client.recover_account(recover, cx)).0))
    }

    /// Shows the second factor that a log-in ended with, `{ factor }`; ends as that log-in would have.
    ///
    /// # Errors
    /// `misuse` when the kind is none.
    #[wasm_bindgen(js_name = showFactor)]
    pub fn show_factor(&mut self, kind: &JsValue, code: &str, now: f64) -> Result<f64, JsValue> {
        let kind = from_js(kind)?;
        Ok(float(self.with(now, |client, cx| client.show_factor(kind, code, cx)).0))
    }

    /// Proves the password once more; ends with `{}`, or `{ factor }`.
    #[wasm_bindgen(js_name = provePassword)]
    pub fn prove_password(&mut self, password: String, now: f64) -> f64 {
        let password = Zeroizing::new(password);
        float(self.with(now, |client, cx| client.prove_password(&password, cx)).0)
    }

    /// Asks for one's own second factors; ends with `Factors`.
    #[wasm_bindgen(js_name = listFactors)]
    pub fn list_factors(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.list_factors(cx)).0)
    }

    /// Asks for the seed of an authenticator app; ends with `{ secret }`.
    #[wasm_bindgen(js_name = startTotp)]
    pub fn start_totp(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.start_totp(cx)).0)
    }

    /// Turns the app on by its first code; ends with `{ codes }`.
    #[wasm_bindgen(js_name = confirmTotp)]
    pub fn confirm_totp(&mut self, code: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.confirm_totp(code, cx)).0)
    }

    /// Turns the app off; ends with `{}`.
    #[wasm_bindgen(js_name = removeTotp)]
    pub fn remove_totp(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.remove_totp(cx)).0)
    }

    /// Has the code of the log-in that waits sent to the address on file; ends with `{}`.
    #[wasm_bindgen(js_name = sendEmailCode)]
    pub fn send_email_code(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.send_email_code(cx)).0)
    }

    /// Has a code sent to a new address; ends with `{}`.
    #[wasm_bindgen(js_name = startEmail)]
    pub fn start_email(&mut self, address: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.start_email(address, cx)).0)
    }

    /// Turns codes by e-mail on by the first one; ends with `{ codes }`.
    #[wasm_bindgen(js_name = confirmEmail)]
    pub fn confirm_email(&mut self, code: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.confirm_email(code, cx)).0)
    }

    /// Turns codes by e-mail off; ends with `{}`.
    #[wasm_bindgen(js_name = removeEmail)]
    pub fn remove_email(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.remove_email(cx)).0)
    }

    /// Signs the device of `session` out, or with `null` all but this one; ends with `{}`.
    ///
    /// # Errors
    /// `misuse` when it is no id.
    #[wasm_bindgen(js_name = endSessions)]
    pub fn end_sessions(&mut self, session: Option<String>, now: f64) -> Result<f64, JsValue> {
        let session = session.as_deref().map(id).transpose()?;
        Ok(float(self.with(now, |client, cx| client.end_sessions(session, cx)).0))
    }

    /// Deletes the account whose handle was typed; ends with `{}`.
    #[wasm_bindgen(js_name = deleteAccount)]
    pub fn delete_account(&mut self, handle: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.delete_account(handle, cx)).0)
    }

    /// Asks for new recovery codes; ends with `{ codes }`.
    #[wasm_bindgen(js_name = renewRecoveryCodes)]
    pub fn renew_recovery_codes(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.renew_recovery_codes(cx)).0)
    }

    /// Leaves the account on this device; ends with `{}`.
    #[wasm_bindgen(js_name = logOut)]
    pub fn log_out(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.log_out(cx)).0)
    }

    /// Removes others of one's own devices; ends with `{}`.
    ///
    /// # Errors
    /// `misuse` when an id is none.
    #[wasm_bindgen(js_name = removeDevices)]
    pub fn remove_devices(
        &mut self,
        device_ids: Vec<String>,
        password: String,
        now: f64,
    ) -> Result<f64, JsValue> {
        let password = Zeroizing::new(password);
        let devices = device_ids.iter().map(|device| id(device)).collect::<Result<_, _>>()?;
        Ok(float(self.with(now, |client, cx| client.remove_devices(devices, &password, cx)).0))
    }

    /// The same by somebody's own link, and only with whom its fingerprint names.
    #[wasm_bindgen(js_name = startConversationByLink)]
    pub fn start_conversation_by_link(&mut self, handle: &str, fingerprint: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.start_conversation_by_link(handle, fingerprint, cx)).0)
    }

    /// Finds or makes the conversation with a handle; ends with `{ groupId }`.
    #[wasm_bindgen(js_name = startConversation)]
    pub fn start_conversation(&mut self, handle: &str, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.start_conversation(handle, cx)).0)
    }

    /// Reads a page of messages; ends with `MessagePage`.
    ///
    /// # Errors
    /// `misuse` when the id is none.
    #[wasm_bindgen(js_name = listMessages)]
    pub fn list_messages(
        &mut self,
        group_id: &str,
        before_seq: Option<f64>,
        limit: u32,
        now: f64,
    ) -> Result<f64, JsValue> {
        let group = id(group_id)?;
        let before_seq = before_seq.map(whole);
        Ok(float(self.with(now, |client, cx| client.list_messages(group, before_seq, limit, cx)).0))
    }

    /// Asks for what opens the file of a message; then [`Core::take_file`] gives the opener.
    ///
    /// # Errors
    /// `misuse` when an id is none.
    #[wasm_bindgen(js_name = openFile)]
    pub fn open_file(&mut self, group_id: &str, message_id: &str, now: f64) -> Result<f64, JsValue> {
        let (group, message) = (id(group_id)?, id(message_id)?);
        Ok(float(self.with(now, |client, cx| client.open_file(group, message, cx)).0))
    }

    /// Fetches and checks the audit log; ends with `AuditLog`.
    #[wasm_bindgen(js_name = listAudit)]
    pub fn list_audit(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.list_audit(cx)).0)
    }

    /// Asks which sessions live; ends with `SessionView[]`.
    #[wasm_bindgen(js_name = listSessions)]
    pub fn list_sessions(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.list_sessions(cx)).0)
    }

    /// Asks for everything that the relay holds about the account; ends with `RelayKnowledge`.
    #[wasm_bindgen(js_name = relayKnowledge)]
    pub fn relay_knowledge(&mut self, now: f64) -> f64 {
        float(self.with(now, |client, cx| client.relay_knowledge(cx)).0)
    }

    /// Believes what the relay shows next, after a log was refused.
    ///
    /// # Errors
    /// As `Client::restart_audit`.
    #[wasm_bindgen(js_name = restartAudit)]
    pub fn restart_audit(&mut self, now: f64) -> Result<(), JsValue> {
        self.with(now, |client, cx| client.restart_audit(cx)).map_err(refused)
    }

    /// Connects now.
    pub fn connect(&mut self, now: f64) {
        self.with(now, |client, cx| client.connect(cx));
    }

    /// Stops trying until [`Core::connect`].
    #[wasm_bindgen(js_name = goOffline)]
    pub fn go_offline(&mut self, now: f64) {
        self.with(now, |client, cx| client.go_offline(cx));
    }

    /// Forgets the recovery key: the person has it.
    ///
    /// # Errors
    /// As `Client::confirm_recovery_key`.
    #[wasm_bindgen(js_name = confirmRecoveryKey)]
    pub fn confirm_recovery_key(&mut self, now: f64) -> Result<(), JsValue> {
        self.with(now, |client, cx| client.confirm_recovery_key(cx)).map_err(refused)
    }

    /// Keeps and shows nothing of what a contact writes, and sends it nothing.
    ///
    /// # Errors
    /// As `Client::block_contact`.
    #[wasm_bindgen(js_name = blockContact)]
    pub fn block_contact(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.block_contact(account, cx)).map_err(refused)
    }

    /// Shows what a contact writes from now on.
    ///
    /// # Errors
    /// As `Client::unblock_contact`.
    #[wasm_bindgen(js_name = unblockContact)]
    pub fn unblock_contact(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.unblock_contact(account, cx)).map_err(refused)
    }

    /// Takes the request of somebody who wrote first.
    ///
    /// # Errors
    /// As `Client::accept_contact`.
    #[wasm_bindgen(js_name = acceptContact)]
    pub fn accept_contact(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.accept_contact(account, cx)).map_err(refused)
    }

    /// Lets go of a contact, on all of one's devices.
    ///
    /// # Errors
    /// As `Client::remove_contact`.
    #[wasm_bindgen(js_name = removeContact)]
    pub fn remove_contact(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.remove_contact(account, cx)).map_err(refused)
    }

    /// Shows oneself under another name or colour, on every device and in every conversation.
    ///
    /// # Errors
    /// As `Client::change_profile`.
    #[wasm_bindgen(js_name = changeProfile)]
    pub fn change_profile(&mut self, display_name: &str, colour: u8, now: f64) -> Result<(), JsValue> {
        self.with(now, |client, cx| client.change_profile(display_name, colour, cx)).map_err(refused)
    }

    /// Makes the choices of `{ appearance, notifyShowsName, notifyShowsText }` that are not null, on every device.
    ///
    /// # Errors
    /// As `Client::change_settings`.
    #[wasm_bindgen(js_name = changeSettings)]
    pub fn change_settings(&mut self, choices: &JsValue, now: f64) -> Result<(), JsValue> {
        let choices: Choices = from_js(choices)?;
        self.with(now, |client, cx| client.change_settings(choices, cx)).map_err(refused)
    }

    /// Puts a text into the outbox and gives its message id.
    ///
    /// # Errors
    /// As `Client::send_text`.
    #[wasm_bindgen(js_name = sendText)]
    pub fn send_text(&mut self, group_id: &str, text: &str, now: f64) -> Result<String, JsValue> {
        let group = id(group_id)?;
        let sent = self.with(now, |client, cx| client.send_text(group, text, cx));
        sent.map(|message| message.to_string()).map_err(refused)
    }

    /// Sends a failed message again.
    ///
    /// # Errors
    /// As `Client::retry_message`.
    #[wasm_bindgen(js_name = retryMessage)]
    pub fn retry_message(&mut self, group_id: &str, message_id: &str, now: f64) -> Result<(), JsValue> {
        let (group, message) = (id(group_id)?, id(message_id)?);
        self.with(now, |client, cx| client.retry_message(group, message, cx)).map_err(refused)
    }

    /// Marks everything up to a `seq` as read.
    ///
    /// # Errors
    /// As `Client::mark_read`.
    #[wasm_bindgen(js_name = markRead)]
    pub fn mark_read(&mut self, group_id: &str, upto_seq: f64, now: f64) -> Result<(), JsValue> {
        let group = id(group_id)?;
        self.with(now, |client, cx| client.mark_read(group, whole(upto_seq), cx)).map_err(refused)
    }

    /// Saves a contact as compared.
    ///
    /// # Errors
    /// As `Client::confirm_match`.
    #[wasm_bindgen(js_name = confirmMatch)]
    pub fn confirm_match(&mut self, account_id: &str, fingerprint: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.confirm_match(account, fingerprint, cx)).map_err(refused)
    }

    /// Takes a comparison back.
    ///
    /// # Errors
    /// As `Client::withdraw_verification`.
    #[wasm_bindgen(js_name = withdrawVerification)]
    pub fn withdraw_verification(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.withdraw_verification(account, cx)).map_err(refused)
    }

    /// Goes on with a changed key.
    ///
    /// # Errors
    /// As `Client::accept_key`.
    #[wasm_bindgen(js_name = acceptKey)]
    pub fn accept_key(&mut self, account_id: &str, fingerprint: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.accept_key(account, fingerprint, cx)).map_err(refused)
    }

    /// Goes on with the known device list of a contact, though the relay gives another.
    ///
    /// # Errors
    /// As `Client::heed_refused_list`.
    #[wasm_bindgen(js_name = heedRefusedList)]
    pub fn heed_refused_list(&mut self, account_id: &str, now: f64) -> Result<(), JsValue> {
        let account = id(account_id)?;
        self.with(now, |client, cx| client.heed_refused_list(account, cx)).map_err(refused)
    }

    /// Compares a scanned code; gives `ScanOutcome`.
    ///
    /// # Errors
    /// As `Client::scan_qr`.
    #[wasm_bindgen(js_name = scanQr)]
    pub fn scan_qr(&mut self, account_id: &str, payload: &str, now: f64) -> Result<JsValue, JsValue> {
        let account = id(account_id)?;
        let scanned = self.with(now, |client, cx| client.scan_qr(account, payload, cx));
        scanned.map(|outcome| to_js(&outcome)).map_err(refused)
    }
}
