//! How the relay sends mail.

use std::fmt;

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use serde::Deserialize;

use super::{ConfigError, PublicUrl};

/// The mail server and the sender.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Without one, mails are files in the data directory's `outbox/`.
    pub smtp_url: Option<SmtpUrl>,
    /// Who sends. Default: `sotto@` and the host of the public address.
    pub from: Mailbox,
}

/// A mail server with its password; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// For the mail library.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// As it is written in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MailFile {
    pub(super) smtp_url: Option<String>,
    pub(super) from: Option<String>,
}

/// What an operator wrote, if anything: the option's name and its text.
type Written = Option<(&'static str, String)>;

impl MailConfig {
    pub(super) fn of(url: Written, from: Written, public_url: &PublicUrl) -> Result<Self, ConfigError> {
        let smtp_url = url.map(|(name, text)| smtp_url(name, text)).transpose()?;
        let from = match from {
            Some((name, text)) => text.parse().map_err(|_| {
                ConfigError::new(name, "give an address, such as Sotto <sotto@chat.example.org>")
            })?,
            None => default_sender(public_url)?,
        };
        Ok(Self { smtp_url, from })
    }
}

fn smtp_url(option: &str, text: String) -> Result<SmtpUrl, ConfigError> {
    // What the library says may quote the password.
    match AsyncSmtpTransport::<Tokio1Executor>::from_url(&text) {
        Ok(_) => Ok(SmtpUrl(text)),
        Err(_) => Err(ConfigError::new(
            option,
            "give smtps://user:password@host, or smtp://host?tls=required, smtp://localhost:25",
        )),
    }
}

fn default_sender(public_url: &PublicUrl) -> Result<Mailbox, ConfigError> {
    let host = public_url.as_str().split_once("://").map_or("", |(_, authority)| authority);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    format!("Sotto <sotto@{host}>")
        .parse()
        .or_else(|_| "Sotto <sotto@localhost>".parse())
        .map_err(|_| ConfigError::new("mail.from", "give an address"))
}
