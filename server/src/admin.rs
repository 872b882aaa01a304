//! `sotto admin …`: what an operator does from the machine that the relay runs on, beside the running relay.

mod dates;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{Handle, UnixMillis, audit::AuditKind, invites::RegistrationMode};

use crate::clock::Clock;
use crate::config::Config;
use crate::secrets::{random, sha256};
use crate::storage::audit::{self, Happening};
use crate::storage::invites::{self, NewInvite};
use crate::storage::{Db, StorageError, accounts};

pub const USAGE: &str = "\
usage: sotto admin invite [--uses N] [--days N]
  makes an invitation and prints its link: good for one account (or N, up to 1000) and seven days (or N, up to 365)
usage: sotto admin audit [--handle HANDLE] [--since YYYY-MM-DD] [--rows N]
  prints what happened to accounts, the newest last: time (UTC), handle, kind; of one account or of all, since midnight of a
  day, at most 100 rows (or N, up to 10000)";

const DAY_SECONDS: u64 = 86_400;
/// What stands where tries were made at a handle that nobody has.
const NOBODY: &str = "-";

/// Why a command of the operator did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{USAGE}")]
    Usage,
    #[error("nobody here has the handle {0}")]
    NoSuchHandle(Handle),
    #[error("no randomness: {0}")]
    Randomness(#[from] std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A command that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Invite { uses: u32, days: u32 },
    Audit { handle: Option<Handle>, since: UnixMillis, rows: u32 },
}

impl Command {
    /// Reads the words after `admin`.
    pub fn parse(words: &[&str]) -> Result<Self, AdminError> {
        match words {
            ["invite", options @ ..] => parse_invite(options),
            ["audit", options @ ..] => parse_audit(options),
            _ => Err(AdminError::Usage),
        }
    }

    /// Does it, and gives what the operator is told.
    pub async fn run(self, config: &Config, clock: &Clock) -> Result<String, AdminError> {
        let db = Db::open(&config.database).await?;
        let told = match self {
            Self::Invite { uses, days } => invite(&db, config, (uses, days), clock.now()).await,
            Self::Audit { handle, since, rows } => list(&db, handle, since, rows).await,
        };
        db.close().await;
        told
    }
}

fn parse_invite(mut options: &[&str]) -> Result<Command, AdminError> {
    let (mut uses, mut days) = (1, 7);
    while let [name, value, rest @ ..] = options {
        match *name {
            "--uses" => uses = number(value, 1000)?,
            "--days" => days = number(value, 365)?,
            _ => return Err(AdminError::Usage),
        }
        options = rest;
    }
    if options.is_empty() { Ok(Command::Invite { uses, days }) } else { Err(AdminError::Usage) }
}

fn parse_audit(mut options: &[&str]) -> Result<Command, AdminError> {
    let (mut handle, mut since, mut rows) = (None, UnixMillis(0), 100);
    while let [name, value, rest @ ..] = options {
        match *name {
            "--handle" => {
                let text = value.trim_start_matches('@');
                handle = Some(text.parse().map_err(|_| AdminError::Usage)?);
            }
            "--since" => since = dates::parse_day(value).ok_or(AdminError::Usage)?,
            "--rows" => rows = number(value, 10_000)?,
            _ => return Err(AdminError::Usage),
        }
        options = rest;
    }
    if options.is_empty() { Ok(Command::Audit { handle, since, rows }) } else { Err(AdminError::Usage) }
}

async fn invite(
    db: &Db,
    config: &Config,
    (uses, days): (u32, u32),
    now: UnixMillis,
) -> Result<String, AdminError> {
    let code: [u8; 16] = random()?;
    let invite = NewInvite {
        code_hash: sha256(&code),
        uses,
        expires_at: now.plus_seconds(u64::from(days) * DAY_SECONDS),
    };
    db.write(async |conn| invites::insert(conn, invite, now).await).await?;
    let url = config.public_url.as_str();
    let link = format!("{url}/create#invite={}", URL_SAFE_NO_PAD.encode(code));
    let plural = |count: u32, one: &str, many: &str| {
        if count == 1 { format!("one {one}") } else { format!("{count} {many}") }
    };
    let what = plural(uses, "account", "accounts");
    let mut told = format!("{link}\ngood for {what} and {}", plural(days, "day", "days"));
    if config.registration == RegistrationMode::Open {
        told.push_str("; but registration is open to everybody: set SOTTO_REGISTRATION=invite");
    }
    Ok(told)
}

/// Kinds and times alone: devices, addresses and what else a row knows are its owner's.
async fn list(db: &Db, handle: Option<Handle>, since: UnixMillis, rows: u32) -> Result<String, AdminError> {
    let happened = db
        .read(async |conn| {
            let account = match &handle {
                None => None,
                Some(handle) => match accounts::find_by_handle(conn, handle).await? {
                    Some(found) => Some(found.account_id),
                    None => return Err(AdminError::NoSuchHandle(handle.clone())),
                },
            };
            Ok(audit::list_newest(conn, account, since, u64::from(rows)).await?)
        })
        .await?;
    if happened.is_empty() {
        return Ok("nothing happened".to_owned());
    }
    Ok(happened.iter().rev().map(line).collect::<Vec<_>>().join("\n"))
}

fn line(happening: &Happening) -> String {
    let kind = AuditKind::from_number(happening.kind)
        .map_or_else(|| format!("kind {}", happening.kind), |kind| kind.as_str().to_owned());
    let handle = happening.handle.as_deref().unwrap_or(NOBODY);
    format!("{}  {handle}  {kind}", dates::utc(happening.at))
}

fn number(text: &str, max: u32) -> Result<u32, AdminError> {
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or(AdminError::Usage)
}

#[cfg(test)]
mod tests {
    use super::Command;
    use protocol::UnixMillis;

    #[test]
    fn options_are_read_in_any_order_and_bad_ones_refused() {
        assert_eq!(Command::parse(&["invite"]).unwrap(), Command::Invite { uses: 1, days: 7 });
        assert_eq!(
            Command::parse(&["invite", "--days", "2", "--uses", "9"]).unwrap(),
            Command::Invite { uses: 9, days: 2 }
        );
        for bad in
            [&["invite", "--uses"][..], &["invite", "--uses", "0"], &["invite", "--days", "366"], &["x"], &[]]
        {
            assert!(Command::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_log_is_asked_for_by_handle_day_and_rows() {
        let all = Command::Audit { handle: None, since: UnixMillis(0), rows: 100 };
        assert_eq!(Command::parse(&["audit"]).unwrap(), all);
        let asked = ["audit", "--rows", "5", "--since", "1970-01-02", "--handle", "@ada"];
        let some =
            Command::Audit { handle: Some("ada".parse().unwrap()), since: UnixMillis(86_400_000), rows: 5 };
        assert_eq!(Command::parse(&asked).unwrap(), some);
        for bad in [
            &["audit", "--rows", "10001"][..],
            &["audit", "--since", "yesterday"],
            &["audit", "--handle", "no handle"],
            &["audit", "--days", "3"],
        ] {
            assert!(Command::parse(bad).is_err(), "{bad:?}");
        }
    }
}
