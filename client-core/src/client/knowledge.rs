//! What the relay knows of the account: its sessions, and everything in its tables. Asked when the person looks.

use protocol::{
    DeviceId, SessionId, UnixMillis,
    account_data::AccountData,
    sessions::{OwnSession, OwnSessions},
};
use serde::Serialize;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Outcome,
    onboarding::json,
    pending::{Ask, Purpose},
};

/// `SessionView` of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Which session.
    pub session_id: SessionId,
    /// Of which device.
    pub device_id: DeviceId,
    /// Its owner's name for it.
    pub device_name: Option<String>,
    /// It is of the device that answers.
    pub current: bool,
    /// When it began.
    pub created_at: UnixMillis,
    /// To the hour.
    pub last_used_at: UnixMillis,
    /// The network that it was last used from, as coarse as the relay keeps it.
    pub address: Option<String>,
}

/// `RelayKnowledge` of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayKnowledge {
    /// Tables with something in them.
    pub tables: Vec<KnownTable>,
    /// Everything as JSON, for a file.
    pub export: String,
}

/// `KnownTable` of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownTable {
    /// The relay's name for it.
    pub table: String,
    /// How many rows are about the account.
    pub row_count: u64,
    /// Names of what stands in a row.
    pub columns: Vec<String>,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Sessions,
    Knowledge,
}

impl Client {
    /// Asks which sessions live; ends with [`Outcome::Sessions`].
    pub fn list_sessions(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.question("/v1/sessions", Question::Sessions, cx)
    }

    /// Asks for everything that the relay's tables hold about the account; ends with [`Outcome::Knowledge`].
    pub fn relay_knowledge(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.question("/v1/accounts/me/data", Question::Knowledge, cx)
    }

    fn question(&mut self, path: &str, question: Question, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        if self.enrolled().is_some() {
            self.ask(Ask::get(path), Purpose::Question(command, question));
        } else {
            self.finish(command, Err(CommandErrorCode::Misuse.into()));
        }
        self.session_tick(cx);
        command
    }

    pub(super) fn handle_answered_question(&mut self, command: CommandId, question: Question, body: &[u8]) {
        let outcome = match question {
            Question::Sessions => self.session_views(body).map(Outcome::Sessions),
            Question::Knowledge => knowledge(body).map(Outcome::Knowledge),
        };
        self.finish(command, outcome);
    }

    fn session_views(&self, body: &[u8]) -> Result<Vec<SessionView>, CommandError> {
        let own = self.account.as_ref().map(|account| account.device_id);
        let view = |session: OwnSession| SessionView {
            session_id: session.session_id,
            device_id: session.device_id,
            device_name: self.device_name(session.device_id),
            current: Some(session.device_id) == own,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            address: session.address,
        };
        Ok(json::<OwnSessions>(body)?.sessions.into_vec().into_iter().map(view).collect())
    }
}

fn knowledge(body: &[u8]) -> Result<RelayKnowledge, CommandError> {
    let data = json::<AccountData>(body)?;
    let export = serde_json::to_string_pretty(&data).unwrap_or_default();
    let tables = data.tables.into_vec().into_iter().filter(|table| table.row_count > 0);
    let known = |table: protocol::account_data::DataTable| KnownTable {
        row_count: table.row_count,
        columns: table.columns.into_vec().into_iter().map(|column| column.name).collect(),
        table: table.table,
    };
    Ok(RelayKnowledge { tables: tables.map(known).collect(), export })
}
