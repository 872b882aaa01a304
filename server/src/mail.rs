//! Mail that the relay sends: by SMTP, or, without a mail server, as files of the data directory's `outbox/`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use protocol::{ErrorCode, factors::EmailAddress};

use crate::config::MailConfig;
use crate::error::ApiError;
use crate::secrets::random;

/// For a mail server to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a mail did not go. Its text names no address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("a mail can't be written: {0}")]
    Malformed(#[from] lettre::error::Error),
    #[error(transparent)]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail server did not take a mail: {}", said(.0))]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the outbox can't be written: {0}")]
    Outbox(#[from] std::io::Error),
}

impl From<MailError> for ApiError {
    fn from(error: MailError) -> Self {
        tracing::warn!(%error, "a mail could not be sent");
        ErrorCode::Unavailable.into()
    }
}

/// Where mail goes.
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Outbox(PathBuf),
}

impl Mailer {
    pub fn new(config: &MailConfig, data_dir: &Path) -> Result<Self, MailError> {
        let way = match &config.smtp_url {
            Some(url) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())?;
                Way::Smtp(builder.timeout(Some(PATIENCE)).build())
            }
            None => Way::Outbox(data_dir.join("outbox")),
        };
        Ok(Self { from: config.from.clone(), way })
    }

    /// Hands a mail over; what comes back is what the mail server said.
    pub async fn send(&self, to: &EmailAddress, subject: &str, text: String) -> Result<(), MailError> {
        let to = to.as_str().parse()?;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        match &self.way {
            Way::Smtp(transport) => {
                transport.send(mail).await?;
            }
            Way::Outbox(folder) => write(folder, &mail.formatted())?,
        }
        Ok(())
    }
}

/// What may be logged of it: a server's words may hold the address.
fn said(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("it said {code}"),
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None => "it could not be spoken to".to_owned(),
    }
}

fn write(folder: &Path, mail: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = random::<8>()?.map(|byte| format!("{byte:02x}")).concat();
    let path = folder.join(format!("{name}.eml"));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(mail)
}
