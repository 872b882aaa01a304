//! A person with a client of their own.

use std::{future::Future, time::Duration};

use client_core::client::{
    Client, CommandErrorCode, Connection, ContactDetails, Content, Delivery, Event, LogIn, Message,
    NewAccount, Outcome, OwnProfile, Recover,
};
use protocol::{AccountId, GroupId, MessageId};
use sotto_cli::host::{Host, HostError, Listener};
use tempfile::TempDir;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::wire::Wire;

/// How long anything may take before the story says what it waited for.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const PASSWORD: &str = "a horse, a battery and a staple";

/// One device of a person.
pub(crate) struct Person {
    pub(crate) host: Host,
    pub(crate) directory: TempDir,
}

/// Waits for a fact, not for time.
pub(crate) async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, fact).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// The code of a command that was refused.
pub(crate) fn refusal(outcome: Result<Outcome, HostError>) -> CommandErrorCode {
    match outcome {
        Err(HostError::Command(error)) => error.code,
        other => panic!("not refused: {other:?}"),
    }
}

impl Person {
    /// Somebody without an account, at an empty store.
    pub(crate) async fn newcomer(wire: &Wire) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = Host::open(directory.path(), wire.url().parse().unwrap()).await.unwrap();
        Self { host, directory }
    }

    /// Somebody with a fresh account, connected.
    pub(crate) async fn registered(wire: &Wire, handle: &str) -> Self {
        let person = Self::newcomer(wire).await;
        let account = NewAccount {
            handle: handle.to_owned(),
            display_name: display_name(handle),
            colour: 2,
            password: Zeroizing::new(PASSWORD.to_owned()),
            device_name: "first".to_owned(),
            invite: Zeroizing::default(),
        };
        soon("a registration", person.host.command(|client, cx| client.create_account(account, cx)))
            .await
            .unwrap();
        person.online().await;
        person
    }

    /// A new device of somebody who has an account, connected.
    pub(crate) async fn logged_in(wire: &Wire, handle: &str, password: &str) -> Self {
        let person = Self::newcomer(wire).await;
        person.log_in(handle, password).await.unwrap();
        person.online().await;
        person
    }

    pub(crate) async fn log_in(&self, handle: &str, password: &str) -> Result<Outcome, HostError> {
        let log_in = LogIn {
            handle: handle.to_owned(),
            password: Zeroizing::new(password.to_owned()),
            device_name: "another".to_owned(),
        };
        soon("a log-in", self.host.command(|client, cx| client.log_in(log_in, cx))).await
    }

    pub(crate) async fn recover(
        &self,
        handle: &str,
        key: &str,
        new_password: &str,
    ) -> Result<Outcome, HostError> {
        let recover = Recover {
            handle: handle.to_owned(),
            recovery_key: Zeroizing::new(key.to_owned()),
            new_password: Zeroizing::new(new_password.to_owned()),
            device_name: "recovered".to_owned(),
        };
        soon("a recovery", self.host.command(|client, cx| client.recover_account(recover, cx))).await
    }

    /// Stops the client; what it kept stays.
    pub(crate) async fn closes(self) -> TempDir {
        self.host.stop().await.unwrap();
        self.directory
    }

    /// Starts the client again over what it kept.
    pub(crate) async fn reopened(wire: &Wire, directory: TempDir) -> Self {
        let host = Host::open(directory.path(), wire.url().parse().unwrap()).await.unwrap();
        let person = Self { host, directory };
        person.online().await;
        person
    }

    /// Starts the client again and waits until `text` is there.
    pub(crate) async fn catches_up(wire: &Wire, directory: TempDir, text: &str) -> Self {
        let host = Host::open(directory.path(), wire.url().parse().unwrap()).await.unwrap();
        let mut events = host.listen();
        let person = Self { host, directory };
        person.online().await;
        let came = events.until(|event| match event {
            Event::MessageReceived { message } | Event::MessageChanged { message } => {
                (text_of(&message).as_deref() == Some(text)).then_some(())
            }
            _ => None,
        });
        soon(text, came).await.unwrap();
        person
    }

    pub(crate) async fn online(&self) {
        let mut events = self.host.listen();
        self.host.with(Client::connect).await.unwrap();
        if self.host.with(|client, _| client.connection()).await.unwrap() == Connection::Online {
            return;
        }
        let online = events.until(|event| match event {
            Event::ConnectionChanged { connection: Connection::Online, .. } => Some(()),
            _ => None,
        });
        soon("the relay", online).await.unwrap();
    }

    pub(crate) async fn profile(&self) -> OwnProfile {
        self.host.with(|client, _| client.profile()).await.unwrap().unwrap()
    }

    /// Starts or finds the conversation with `handle`.
    pub(crate) async fn conversation(&self, handle: &str) -> GroupId {
        let handle = handle.to_owned();
        let started = self.host.command(move |client, cx| client.start_conversation(&handle, cx));
        match soon("a conversation", started).await.unwrap() {
            Outcome::Conversation { group_id } => group_id,
            other => panic!("no conversation: {other:?}"),
        }
    }

    /// The other account of a conversation.
    pub(crate) async fn peer(&self, group: GroupId) -> AccountId {
        let conversations = self.host.with(|client, _| client.conversations()).await.unwrap();
        let found = conversations.into_iter().find(|conversation| conversation.group_id == group);
        found.unwrap().peer.account_id
    }

    pub(crate) async fn details(&self, group: GroupId) -> ContactDetails {
        let peer = self.peer(group).await;
        self.host.with(move |client, _| client.contact_details(peer)).await.unwrap().unwrap()
    }

    /// Writes a text into the outbox.
    pub(crate) async fn writes(&self, group: GroupId, text: &str) -> MessageId {
        let text = text.to_owned();
        self.host.with(move |client, cx| client.send_text(group, &text, cx)).await.unwrap().unwrap()
    }

    /// Writes a text and waits for its tick.
    pub(crate) async fn says(&self, group: GroupId, text: &str) -> MessageId {
        let mut events = self.host.listen();
        let id = self.writes(group, text).await;
        sent(&mut events, id).await;
        id
    }

    /// Everything that was said in a conversation, oldest first, by both.
    pub(crate) async fn texts(&self, group: GroupId) -> Vec<String> {
        self.messages(group).await.into_iter().filter_map(|message| text_of(&message)).collect()
    }

    pub(crate) async fn messages(&self, group: GroupId) -> Vec<Message> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let before = all.first().and_then(|message| message.seq);
            let listed = self.host.command(move |client, cx| client.list_messages(group, before, 200, cx));
            let Outcome::Page(page) = soon("a page", listed).await.unwrap() else {
                panic!("no page");
            };
            let done = page.reached_start || page.messages.is_empty();
            all.splice(0..0, page.messages);
            if done {
                return all;
            }
        }
    }
}

/// What a handle's owner is called.
pub(crate) fn display_name(handle: &str) -> String {
    format!("Person called {handle}")
}

/// Waits until the relay has the message.
pub(crate) async fn sent(events: &mut Listener, id: MessageId) {
    let ticked = events.until(|event| match event {
        Event::MessageChanged { message } if message.message_id == id => match message.delivery {
            Delivery::Sent => Some(()),
            Delivery::Failed { code } => panic!("not sent: {code}"),
            Delivery::Queued | Delivery::Received => None,
        },
        _ => None,
    });
    soon("a tick", ticked).await.unwrap();
}

/// Waits until `text` has come.
pub(crate) async fn heard(events: &mut Listener, text: &str) -> Message {
    let came = events.until(|event| match event {
        Event::MessageReceived { message } if text_of(&message).as_deref() == Some(text) => Some(message),
        _ => None,
    });
    soon(text, came).await.unwrap()
}

/// What a text message says.
pub(crate) fn text_of(message: &Message) -> Option<String> {
    match &message.content {
        Content::Text { text } => Some(text.clone()),
        Content::File(_) | Content::Notice(_) => None,
    }
}
