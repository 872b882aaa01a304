//! `chat`: messages come in as they arrive, typed lines go out.

use std::time::Duration;

use client_core::client::{Content, Delivery, Event, Message};
use protocol::GroupId;
use sotto_cli::{
    host::{Host, HostError},
    terminal::complain,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

use crate::commands::{Failure, show};

/// How long the last lines may take to reach the relay after the input has ended.
const LAST_LINES: Duration = Duration::from_secs(30);

/// Shows and sends until the input ends; then waits until everything is sent.
pub(crate) async fn run(host: &Host, group: GroupId) -> Result<(), Failure> {
    let mut events = host.listen();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut waiting = 0_usize;
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                None => break,
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    let sent = host.with(move |client, cx| client.send_text(group, &line, cx)).await?;
                    match sent {
                        Ok(_) => waiting += 1,
                        Err(error) => complain(&format!("not sent: {error}")),
                    }
                }
            },
            event = events.next() => {
                waiting = waiting.saturating_sub(hear(host, event?, group).await?);
            }
        }
    }
    let rest = async {
        while waiting > 0 {
            waiting = waiting.saturating_sub(hear(host, events.next().await?, group).await?);
        }
        Ok(())
    };
    timeout(LAST_LINES, rest).await.map_err(|_| Failure::Queued)?
}

/// Shows what came; gives how many of one's own lines are decided.
async fn hear(host: &Host, event: Event, group: GroupId) -> Result<usize, Failure> {
    match event {
        Event::MessageReceived { message } if message.group_id == group => {
            show(&message)?;
            if let Some(seq) = message.seq {
                host.with(move |client, cx| client.mark_read(group, seq, cx))
                    .await?
                    .map_err(HostError::from)?;
            }
            Ok(0)
        }
        Event::MessageChanged { message } if message.group_id == group && message.mine => {
            Ok(decided(&message))
        }
        Event::KeyChanged { contact, .. } => {
            complain(&format!("the key of {} has changed: compare it again (`verify`)", contact.handle));
            Ok(0)
        }
        Event::SignedOut { .. } => Err(HostError::Stopped.into()),
        _ => Ok(0),
    }
}

fn decided(message: &Message) -> usize {
    if let Delivery::Failed { code } = message.delivery {
        complain(&format!("not sent: {code}"));
        return 1;
    }
    let sent = matches!(message.delivery, Delivery::Sent) && matches!(message.content, Content::Text { .. });
    usize::from(sent)
}
