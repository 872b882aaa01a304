//! `sotto admin …`: what an operator does from the machine that the relay runs on, beside the running relay.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::invites::RegistrationMode;

use crate::clock::Clock;
use crate::config::Config;
use crate::secrets::{random, sha256};
use crate::storage::invites::{self, NewInvite};
use crate::storage::{Db, StorageError};

pub const USAGE: &str = "\
usage: sotto admin invite [--uses N] [--days N]
  makes an invitation and prints its link: good for one account (or N, up to 1000) and seven days (or N, up to 365)";

const DAY_SECONDS: u64 = 86_400;

/// Why a command of the operator did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{USAGE}")]
    Usage,
    #[error("no randomness: {0}")]
    Randomness(#[from] std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A command that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Invite { uses: u32, days: u32 },
}

impl Command {
    /// Reads the words after `admin`.
    pub fn parse(words: &[&str]) -> Result<Self, AdminError> {
        let ["invite", options @ ..] = words else { return Err(AdminError::Usage) };
        let mut options = options;
        let (mut uses, mut days) = (1, 7);
        while let [name, value, rest @ ..] = options {
            match *name {
                "--uses" => uses = number(value, 1000)?,
                "--days" => days = number(value, 365)?,
                _ => return Err(AdminError::Usage),
            }
            options = rest;
        }
        if options.is_empty() { Ok(Self::Invite { uses, days }) } else { Err(AdminError::Usage) }
    }

    /// Does it, and gives what the operator is told.
    pub async fn run(self, config: &Config, clock: &Clock) -> Result<String, AdminError> {
        let Self::Invite { uses, days } = self;
        let code: [u8; 16] = random()?;
        let now = clock.now();
        let invite = NewInvite {
            code_hash: sha256(&code),
            uses,
            expires_at: now.plus_seconds(u64::from(days) * DAY_SECONDS),
        };
        let db = Db::open(&config.database).await?;
        db.write(async |conn| invites::insert(conn, invite, now).await).await?;
        db.close().await;
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
}

fn number(text: &str, max: u32) -> Result<u32, AdminError> {
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or(AdminError::Usage)
}

#[cfg(test)]
mod tests {
    use super::Command;

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
}
