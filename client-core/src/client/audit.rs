//! The account's audit log: what is new is checked whenever the client connects, all of it when the person looks.

use minicbor::{Decode, Encode};
use protocol::{
    AccountId, DeviceId, RelayId, UnixMillis,
    audit::{AuditKind, AuditPage, AuditPlace, AuditRow},
    values::Exactly,
};
use serde::Serialize;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Outcome,
    onboarding::json,
    pending::{Ask, Purpose},
    stored,
};
use crate::audit::{AuditRefusal, AuditWalk, CheckedRow, WalkStep};

/// What this device remembers of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct AuditRecord {
    #[n(0)]
    pub(crate) number: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) hash: [u8; 32],
    /// The relay has shown a log that does not continue this place, and the person has not begun anew.
    #[n(2)]
    pub(crate) refused: Option<AuditRefusal>,
}

/// The record, and the walks under way.
#[derive(Default)]
pub(crate) struct AuditLog {
    pub(crate) record: Option<AuditRecord>,
    checking: Option<AuditWalk>,
    listing: Option<(CommandId, AuditWalk)>,
}

/// `AuditLog` of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    /// The oldest first.
    pub entries: Vec<AuditEntry>,
    /// Older rows were cut.
    pub cut: bool,
    /// The relay's log was refused; there are no entries then.
    pub refused: Option<AuditRefusal>,
    /// The whole log as JSON with its hashes, for a file.
    pub export: String,
}

/// `AuditEntry` of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place in the log.
    pub number: u64,
    /// `None`: of a newer relay.
    pub kind: Option<AuditKind>,
    /// When.
    pub at: UnixMillis,
    /// Which device it is about.
    pub device_id: Option<DeviceId>,
    /// Its owner's name for it.
    pub device_name: Option<String>,
    /// It is about the device that answers.
    pub current: bool,
    /// Of a try or a question: a later row says that it went on.
    pub went_on: bool,
}

/// What the file holds.
#[derive(Serialize)]
struct Export<'a> {
    relay_id: RelayId,
    account_id: AccountId,
    handle: &'a str,
    start: AuditPlace,
    rows: Vec<ExportedRow>,
}

#[derive(Serialize)]
struct ExportedRow {
    number: u64,
    kind: u16,
    name: Option<&'static str>,
    at: UnixMillis,
    device_id: Option<DeviceId>,
    detail: u64,
    hash: Exactly<32>,
}

/// Kinds whose rows name an earlier row of `kind` that went well.
fn later_of(kind: u16) -> Vec<u16> {
    let kinds: &[AuditKind] = match AuditKind::from_number(kind) {
        Some(AuditKind::LoginTried) => &[AuditKind::OpenedByPassword, AuditKind::FactorAsked],
        Some(AuditKind::FactorAsked) => {
            &[AuditKind::FactorUsed, AuditKind::EmailCodeUsed, AuditKind::RecoveryCodeUsed]
        }
        _ => &[],
    };
    kinds.iter().map(|kind| kind.number()).collect()
}

impl Client {
    /// Whether the relay's audit log was refused.
    pub(super) fn audit_refusal(&self) -> Option<AuditRefusal> {
        self.audit.record.and_then(|record| record.refused)
    }

    /// Fetches and checks the whole log; ends with [`Outcome::Audit`].
    pub fn list_audit(&mut self, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        match self.enrolled().map(|account| account.account_id) {
            Some(account) => {
                if let Some((earlier, _)) = self.audit.listing.take() {
                    self.requests.forget(&Purpose::ListAudit(earlier));
                    self.finish(earlier, Err(CommandErrorCode::Cancelled.into()));
                }
                let walk = AuditWalk::whole(account, self.seen_place());
                self.audit.listing = Some((command, walk));
                self.ask_audit(0, Purpose::ListAudit(command));
            }
            None => self.finish(command, Err(CommandErrorCode::Misuse.into())),
        }
        self.session_tick(cx);
        command
    }

    /// Forgets what was seen of the log: from now on what the relay shows next is believed.
    ///
    /// # Errors
    /// [`CommandErrorCode::Misuse`] when nothing was refused.
    pub fn restart_audit(&mut self, cx: &mut Context<'_>) -> Result<(), CommandError> {
        if self.audit_refusal().is_none() {
            return Err(CommandErrorCode::Misuse.into());
        }
        self.audit.record = None;
        self.journal.delete(stored::AUDIT_KEY.to_owned());
        self.emit_profile();
        self.check_audit();
        self.session_tick(cx);
        Ok(())
    }

    /// Checks what is new.
    pub(super) fn check_audit(&mut self) {
        let Some(account) = self.enrolled().map(|account| account.account_id) else {
            return;
        };
        if self.requests.has(&Purpose::CheckAudit) {
            return;
        }
        let walk = AuditWalk::since(account, self.seen_place());
        self.ask_audit(walk.from(), Purpose::CheckAudit);
        self.audit.checking = Some(walk);
    }

    fn ask_audit(&mut self, after: u64, purpose: Purpose) {
        self.ask(Ask::get(format!("/v1/audit?after={after}")), purpose);
    }

    fn seen_place(&self) -> Option<AuditPlace> {
        self.audit.record.map(|record| AuditPlace { number: record.number, hash: Exactly(record.hash) })
    }

    pub(super) fn handle_audit_checked(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(mut walk) = self.audit.checking.take() else {
            return;
        };
        // What does not read is no log; the next connection asks again.
        let Ok(page) = serde_json::from_slice::<AuditPage>(body) else {
            return;
        };
        match walk.take(&page, cx.now) {
            Ok(WalkStep::More(after)) => {
                self.audit.checking = Some(walk);
                self.ask_audit(after, Purpose::CheckAudit);
            }
            Ok(WalkStep::Done) => self.audit_reached(walk.reached(), cx),
            Err(refusal) => self.refuse_audit(refusal, cx),
        }
    }

    pub(super) fn handle_audit_listed(&mut self, command: CommandId, body: &[u8], cx: &mut Context<'_>) {
        let Some((_, mut walk)) = self.audit.listing.take_if(|listing| listing.0 == command) else {
            return;
        };
        let step = json::<AuditPage>(body).map(|page| walk.take(&page, cx.now));
        match step {
            Err(error) => self.finish(command, Err(error)),
            Ok(Ok(WalkStep::More(after))) => {
                self.audit.listing = Some((command, walk));
                self.ask_audit(after, Purpose::ListAudit(command));
            }
            Ok(Ok(WalkStep::Done)) => {
                self.audit_reached(walk.reached(), cx);
                let view = self.audit_view(&walk);
                self.finish(command, Ok(Outcome::Audit(view)));
            }
            Ok(Err(refusal)) => {
                self.refuse_audit(refusal, cx);
                let view = AuditView {
                    entries: Vec::new(),
                    cut: false,
                    refused: Some(refusal),
                    export: String::new(),
                };
                self.finish(command, Ok(Outcome::Audit(view)));
            }
        }
    }

    pub(super) fn audit_failed(&mut self, command: CommandId, error: CommandError) {
        self.audit.listing.take_if(|listing| listing.0 == command);
        self.finish(command, Err(error));
    }

    /// A log that was refused once stays so until the person begins anew, even if it is whole again.
    fn audit_reached(&mut self, seen: AuditPlace, cx: &mut Context<'_>) {
        let known = self.audit.record;
        if known.is_some_and(|known| known.number >= seen.number || known.refused.is_some()) {
            return;
        }
        self.save_audit(AuditRecord { number: seen.number, hash: *seen.hash, refused: None }, cx);
    }

    fn refuse_audit(&mut self, refusal: AuditRefusal, cx: &mut Context<'_>) {
        let known = self.audit.record.unwrap_or(AuditRecord { number: 0, hash: [0; 32], refused: None });
        if known.refused.is_none() {
            self.save_audit(AuditRecord { refused: Some(refusal), ..known }, cx);
            self.emit_profile();
        }
    }

    fn save_audit(&mut self, record: AuditRecord, cx: &mut Context<'_>) {
        self.audit.record = Some(record);
        self.journal.put(stored::AUDIT_KEY.to_owned(), &record, cx.rng);
    }

    fn audit_view(&self, walk: &AuditWalk) -> AuditView {
        let rows = walk.rows();
        let went_on = |asked: &AuditRow| {
            let by = later_of(asked.kind);
            rows.iter().any(|later| later.row.detail == asked.number && by.contains(&later.row.kind))
        };
        let own = self.account.as_ref().map(|account| account.device_id);
        let entry = |checked: &CheckedRow| AuditEntry {
            number: checked.row.number,
            kind: AuditKind::from_number(checked.row.kind),
            at: checked.row.at,
            device_id: checked.row.device_id,
            device_name: checked.row.device_id.and_then(|device| self.device_name(device)),
            current: checked.row.device_id.is_some() && checked.row.device_id == own,
            went_on: went_on(&checked.row),
        };
        AuditView {
            entries: rows.iter().map(entry).collect(),
            cut: walk.start().number > 0,
            refused: self.audit_refusal(),
            export: self.audit_export(walk),
        }
    }

    fn audit_export(&self, walk: &AuditWalk) -> String {
        let Some(account) = &self.account else {
            return String::new();
        };
        let row = |CheckedRow { row, hash }: &CheckedRow| ExportedRow {
            number: row.number,
            kind: row.kind,
            name: AuditKind::from_number(row.kind).map(AuditKind::as_str),
            at: row.at,
            device_id: row.device_id,
            detail: row.detail,
            hash: Exactly(*hash),
        };
        let export = Export {
            relay_id: account.relay_id,
            account_id: account.account_id,
            handle: &account.handle,
            start: walk.start(),
            rows: walk.rows().iter().map(row).collect(),
        };
        serde_json::to_string_pretty(&export).unwrap_or_default()
    }
}
