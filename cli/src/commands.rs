//! One command of a person, from the opened store to the last line on the terminal.

use std::{io, path::PathBuf, time::Duration};

use client_core::client::{
    Client, CommandErrorCode, Connection, Contact, ContactDetails, Content, Delivery, Event, Message,
    Outcome, OwnProfile, Trust,
};
use protocol::{AccountId, GroupId, MessageId};
use sotto_cli::{
    address::{AddressError, RelayAddress},
    config,
    host::{Host, HostError},
    store::{Store, StoreError},
    terminal::{ask, complain, is_attended, say, shown},
    transfer::{self, TransferError},
};
use tokio::time::timeout;

use crate::{
    arguments::{Arguments, Command, USAGE},
    chat, onboarding,
};

/// How long a command waits for the relay before it says that the message stays queued.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines that `messages` and `chat` show of the past.
const PAGE: u32 = 30;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{USAGE}")]
    Usage,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Terminal(#[from] io::Error),
    #[error("name a directory with --directory")]
    NoDirectory,
    #[error("no account here yet: register or login first")]
    NoAccount,
    #[error("there is an account in this directory; use another one")]
    AccountExists,
    #[error("the two passwords differ")]
    PasswordsDiffer,
    #[error("`{0}` is no message's name")]
    NoMessage(String),
    #[error("not sent: {0}")]
    NotSent(CommandErrorCode),
    #[error("the relay can't be reached; the message is queued and goes with the next command")]
    Queued,
}

impl Failure {
    /// The relay does not know this device any more: what it kept has to go (K-7).
    fn is_signed_out(&self) -> bool {
        matches!(self, Self::Host(HostError::Command(error)) if error.code == CommandErrorCode::SignedOut)
    }
}

/// Runs one command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let directory: PathBuf =
        arguments.directory.or_else(config::default_directory).ok_or(Failure::NoDirectory)?;
    let store = Store::open(&directory).await?;
    match arguments.command {
        Command::Register { relay, handle, name } => onboarding::register(store, relay, handle, name).await,
        Command::LogIn { relay, handle } => onboarding::log_in(store, relay, handle).await,
        Command::Recover { relay, handle } => onboarding::recover(store, relay, handle).await,
        command => {
            let relay = store.relay().await?.ok_or(Failure::NoAccount)?;
            let relay: RelayAddress = relay.parse()?;
            let host = Host::start(store, relay).await?;
            let profile = host.with(|client, _| client.profile()).await?.ok_or(Failure::NoAccount)?;
            if matches!(command, Command::LogOut) {
                return log_out(host).await;
            }
            match with_account(&host, &profile, command).await {
                Ok(()) => Ok(host.stop().await?),
                Err(failure) if failure.is_signed_out() => {
                    host.wipe().await?;
                    Err(failure)
                }
                Err(failure) => Err(failure),
            }
        }
    }
}

async fn with_account(host: &Host, profile: &OwnProfile, command: Command) -> Result<(), Failure> {
    match command {
        Command::WhoAmI => who_am_i(profile)?,
        Command::RecoveryKey => onboarding::show_recovery_key(host).await?,
        Command::Chats => chats(host).await?,
        Command::Messages { handle } => {
            let group = conversation(host, handle).await?;
            show_page(host, group).await?;
        }
        Command::Chat { handle } => {
            let group = conversation(host, handle).await?;
            show_page(host, group).await?;
            chat::run(host, group).await?;
        }
        Command::Send { handle, text } => {
            let group = conversation(host, handle).await?;
            let sent = Sending::listen(host);
            let message = host.with(move |client, cx| client.send_text(group, &text, cx)).await?;
            sent.wait(message.map_err(HostError::from)?).await?;
        }
        Command::SendFile { handle, path } => {
            let group = conversation(host, handle).await?;
            let sent = Sending::listen(host);
            let message = transfer::send_file(host, group, &path).await?;
            sent.wait(message).await?;
        }
        Command::Get { handle, message, path } => {
            let id: MessageId = message.parse().map_err(|_| Failure::NoMessage(message))?;
            let group = conversation(host, handle).await?;
            transfer::get_file(host, group, id, &path).await?;
        }
        Command::Verify { handle } => verify(host, profile, handle).await?,
        Command::Register { .. } | Command::LogIn { .. } | Command::Recover { .. } | Command::LogOut => {
            return Err(Failure::Usage);
        }
    }
    Ok(())
}

/// Connects, and finds or starts the conversation with `handle`.
async fn conversation(host: &Host, handle: String) -> Result<GroupId, Failure> {
    connect(host).await?;
    let started = host.command(move |client, cx| client.start_conversation(&handle, cx)).await?;
    match started {
        Outcome::Conversation { group_id } => Ok(group_id),
        _ => Err(HostError::Stopped.into()),
    }
}

/// Connects and waits until the relay has let this device in.
pub(crate) async fn connect(host: &Host) -> Result<(), Failure> {
    let mut events = host.listen();
    host.with(Client::connect).await?;
    let online = events.until(|event| match event {
        Event::ConnectionChanged { connection, .. } => {
            matches!(connection, Connection::Online).then_some(Ok(()))
        }
        Event::SignedOut { .. } => Some(Err(CommandErrorCode::SignedOut)),
        _ => None,
    });
    let already = host.with(|client, _| client.connection()).await?;
    if matches!(already, Connection::Online) {
        return Ok(());
    }
    match timeout(PATIENCE, online).await {
        Ok(outcome) => outcome?.map_err(|code| HostError::Command(code.into()).into()),
        Err(_) => Err(HostError::Command(CommandErrorCode::Offline.into()).into()),
    }
}

/// Waits for one message's tick.
struct Sending(sotto_cli::host::Listener);

impl Sending {
    fn listen(host: &Host) -> Self {
        Self(host.listen())
    }

    async fn wait(mut self, id: MessageId) -> Result<(), Failure> {
        let ticked = self.0.until(|event| match event {
            Event::MessageChanged { message } if message.message_id == id => match message.delivery {
                Delivery::Sent => Some(Ok(())),
                Delivery::Failed { code } => Some(Err(Failure::NotSent(code))),
                Delivery::Queued | Delivery::Received => None,
            },
            _ => None,
        });
        timeout(PATIENCE, ticked).await.map_err(|_| Failure::Queued)??
    }
}

fn who_am_i(profile: &OwnProfile) -> Result<(), Failure> {
    say(&format!("{} ({})", shown(&profile.display_name), profile.handle))?;
    say(&format!("device {}", profile.device_id))?;
    say(&format!("fingerprint {}", spaced(&profile.fingerprint)))?;
    Ok(())
}

async fn chats(host: &Host) -> Result<(), Failure> {
    connect(host).await?;
    for conversation in host.with(|client, _| client.conversations()).await? {
        let unread = match conversation.unread {
            0 => String::new(),
            count => format!(", {count} unread"),
        };
        let peer = conversation.peer;
        say(&format!("{}{}{unread}", peer.handle, trust(&peer)))?;
    }
    Ok(())
}

fn trust(contact: &Contact) -> &'static str {
    match contact.trust {
        Trust::Unverified => "",
        Trust::Verified { .. } => ", verified",
        Trust::Changed { .. } => ", KEY CHANGED",
    }
}

async fn show_page(host: &Host, group: GroupId) -> Result<(), Failure> {
    let listed = host.command(move |client, cx| client.list_messages(group, None, PAGE, cx)).await?;
    let Outcome::Page(page) = listed else {
        return Err(HostError::Stopped.into());
    };
    for message in &page.messages {
        show(message)?;
    }
    let read = page.messages.iter().filter_map(|message| message.seq).max();
    if let Some(seq) = read {
        host.with(move |client, cx| client.mark_read(group, seq, cx)).await?.map_err(HostError::from)?;
    }
    Ok(())
}

/// One message as a line.
pub(crate) fn show(message: &Message) -> io::Result<()> {
    let who = if message.mine { ">" } else { "<" };
    let tick = match message.delivery {
        Delivery::Received | Delivery::Sent => "",
        Delivery::Queued => " (queued)",
        Delivery::Failed { .. } => " (failed)",
    };
    match &message.content {
        Content::Text { text } => say(&format!("{who} {}{tick}", shown(text))),
        Content::File(file) => say(&format!(
            "{who} file {} ({} bytes), message {}{tick}",
            shown(&file.name),
            file.size_bytes,
            message.message_id
        )),
        Content::Notice(notice) => say(&format!("* {notice:?}")),
    }
}

async fn verify(host: &Host, profile: &OwnProfile, handle: String) -> Result<(), Failure> {
    let group = conversation(host, handle).await?;
    let peer: Option<AccountId> = host
        .with(move |client, _| {
            let conversations = client.conversations().into_iter();
            conversations
                .filter(|conversation| conversation.group_id == group)
                .map(|conversation| conversation.peer.account_id)
                .next()
        })
        .await?;
    let peer = peer.ok_or(HostError::Command(CommandErrorCode::NotFound.into()))?;
    let details: ContactDetails =
        host.with(move |client, _| client.contact_details(peer)).await?.map_err(HostError::from)?;
    say(&format!("you    {}", spaced(&profile.fingerprint)))?;
    say(&format!("{:6} {}", details.contact.handle, spaced(&details.fingerprint)))?;
    for line in details.safety_number.chunks(4) {
        say(&format!("       {}", line.join(" ")))?;
    }
    if !is_attended() || matches!(details.contact.trust, Trust::Verified { .. }) {
        return Ok(());
    }
    let answer = ask("Do these numbers match what the other person sees? Type `match`:")?;
    if answer.trim() == "match" {
        let fingerprint = details.fingerprint;
        host.with(move |client, cx| client.confirm_match(peer, &fingerprint, cx))
            .await?
            .map_err(HostError::from)?;
        say("saved as verified")?;
    }
    Ok(())
}

async fn log_out(host: Host) -> Result<(), Failure> {
    if let Err(failure) = host.command(Client::log_out).await {
        complain(&format!(
            "the relay did not hear of it ({failure}): it goes on listing this device, whose keys are gone from here"
        ));
    }
    // Whether the relay has answered or not, nothing stays here (K-7).
    Ok(host.wipe().await?)
}

/// Hex digits in groups of four.
fn spaced(fingerprint: &str) -> String {
    let mut spaced = String::new();
    for (index, digit) in fingerprint.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn fingerprints_are_read_in_groups_of_four() {
        assert_eq!(spaced("0123abcd4567"), "0123 abcd 4567");
    }
}
