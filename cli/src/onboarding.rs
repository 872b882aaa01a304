//! Registration, log-in and recovery at a terminal.

use client_core::client::{CommandErrorCode, FactorChoice, LogIn, NewAccount, Outcome, Recover};
use protocol::invites::RegistrationMode;
use sotto_cli::{
    address::RelayAddress,
    host::{Host, HostError},
    store::Store,
    terminal::{ask, ask_secret, complain, is_attended, say},
};
use zeroize::Zeroizing;

use crate::commands::Failure;

/// What one's other devices show for this one.
const DEVICE_NAME: &str = "Command line";

pub(crate) async fn register(
    store: Store,
    relay: RelayAddress,
    handle: String,
    name: Option<String>,
) -> Result<(), Failure> {
    let host = fresh_host(store, &relay).await?;
    let invite = match host.command(|client, cx| client.check_registration(cx)).await? {
        Outcome::Registration { mode: RegistrationMode::Invite } => ask_secret("Invitation:")?,
        _ => Zeroizing::default(),
    };
    let account = NewAccount {
        display_name: name.unwrap_or_else(|| handle.clone()),
        handle,
        colour: 0,
        password: new_password("Password:")?,
        device_name: DEVICE_NAME.to_owned(),
        invite,
    };
    welcome(&host.command(|client, cx| client.create_account(account, cx)).await?)?;
    show_recovery_key(&host).await?;
    Ok(host.stop().await?)
}

pub(crate) async fn log_in(store: Store, relay: RelayAddress, handle: String) -> Result<(), Failure> {
    let host = fresh_host(store, &relay).await?;
    let log_in = LogIn { handle, password: ask_secret("Password:")?, device_name: DEVICE_NAME.to_owned() };
    let opened = host.command(|client, cx| client.log_in(log_in, cx)).await?;
    welcome(&past_factor(&host, opened).await?)?;
    say("Older messages are not on this device.")?;
    Ok(host.stop().await?)
}

pub(crate) async fn recover(store: Store, relay: RelayAddress, handle: String) -> Result<(), Failure> {
    let host = fresh_host(store, &relay).await?;
    let recover = Recover {
        handle,
        recovery_key: ask_secret("Recovery key:")?,
        new_password: new_password("New password:")?,
        device_name: DEVICE_NAME.to_owned(),
    };
    let opened = host.command(|client, cx| client.recover_account(recover, cx)).await?;
    welcome(&past_factor(&host, opened).await?)?;
    Ok(host.stop().await?)
}

/// Shows the recovery key, and forgets it once two of its groups were typed back.
pub(crate) async fn show_recovery_key(host: &Host) -> Result<(), Failure> {
    let Some(groups) = host.with(|client, _| client.recovery_key()).await? else {
        say("The recovery key was confirmed; it is not kept here any more.")?;
        return Ok(());
    };
    let groups = Zeroizing::new(groups);
    say("Your recovery key. Write it down: it opens your account when the password is lost.")?;
    say(Zeroizing::new(format!("  {}", groups.join("-"))).as_str())?;
    if !is_attended() {
        return Ok(());
    }
    let typed = Zeroizing::new(ask("Type its first and last group to confirm:")?);
    let mut words = typed.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let same = |word: Option<&str>, group: Option<&String>| match (word, group) {
        (Some(word), Some(group)) => word.eq_ignore_ascii_case(group),
        _ => false,
    };
    if same(words.next(), groups.first()) && same(words.next(), groups.last()) {
        host.with(|client, cx| client.confirm_recovery_key(cx)).await?.map_err(HostError::from)?;
        say("Confirmed.")?;
    } else {
        complain("That differs. `sotto-cli recovery-key` shows it again.");
    }
    Ok(())
}

/// A client of `relay` over a store without an account; a log-in that an earlier call began goes on in it.
async fn fresh_host(store: Store, relay: &RelayAddress) -> Result<Host, Failure> {
    let known = store.relay().await?;
    store.set_relay(&relay.to_string()).await?;
    let host = Host::start(store, relay.clone()).await?;
    if host.with(|client, _| client.profile()).await?.is_some() && known.is_some() {
        return Err(Failure::AccountExists);
    }
    Ok(host)
}

fn new_password(question: &str) -> Result<Zeroizing<String>, Failure> {
    let password = ask_secret(question)?;
    if is_attended() && *ask_secret("Once more:")? != *password {
        return Err(Failure::PasswordsDiffer);
    }
    Ok(password)
}

fn welcome(outcome: &Outcome) -> Result<(), Failure> {
    if let Outcome::Account { profile } = outcome {
        say(&format!("This is a device of {}.", profile.handle))?;
    }
    Ok(())
}

/// Asks for the second factor until the relay takes one or wants the password again.
async fn past_factor(host: &Host, mut outcome: Outcome) -> Result<Outcome, Failure> {
    if let Outcome::Factor { factor } = &outcome
        && factor.factors.first() == Some(&FactorChoice::Email)
    {
        host.command(|client, cx| client.send_email_code(cx)).await?;
        say("A code is on its way to your e-mail address.")?;
    }
    while let Outcome::Factor { factor } = &outcome {
        let code = ask_secret("Code for the second step, or a recovery code:")?;
        let choice = choice_of(&code, &factor.factors);
        match host.command(move |client, cx| client.show_factor(choice, &code, cx)).await {
            Ok(shown) => outcome = shown,
            Err(HostError::Command(error)) if is_attended() && may_try_again(error.code) => {
                complain("That is not the code, or it was used before.");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outcome)
}

/// Recovery codes have letters; an app's codes are six digits, those by e-mail eight.
fn choice_of(code: &str, asked: &[FactorChoice]) -> FactorChoice {
    let typed: Vec<char> = code.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let choice = match typed.len() {
        6 => FactorChoice::Totp,
        8 => FactorChoice::Email,
        _ => FactorChoice::RecoveryCode,
    };
    if asked.contains(&choice) { choice } else { asked.first().copied().unwrap_or(FactorChoice::Totp) }
}

fn may_try_again(code: CommandErrorCode) -> bool {
    matches!(code, CommandErrorCode::FactorWrong | CommandErrorCode::FactorUsed)
}
