//! The words of the command line. Secrets are never among them: other people of the machine can read those.

use std::path::PathBuf;

use sotto_cli::address::RelayAddress;

use crate::commands::Failure;

pub(crate) const USAGE: &str = "sotto-cli [--directory <path>] <command>

  register <relay> <handle> [<name>]   make an account; asks for the password
  login <relay> <handle>               make this a device of an account; asks for the password
  recover <relay> <handle>             the same with the recovery key; asks for it and for a new password
  recovery-key                         show the recovery key again until it is confirmed

  whoami                               your handle, device and fingerprint
  chats                                your conversations
  messages <handle>                    the newest messages with somebody
  chat <handle>                        read and write lines until the input ends
  send <handle> <text>                 send one message
  send-file <handle> <path>            send a file
  get <handle> <message> <path>        save a file that came as <message>
  verify <handle>                      compare fingerprints and the safety number
  logout                               sign this device out and remove everything it kept

Secrets are asked for, or read from standard input, one line each.";

/// What to do, and with which store.
pub(crate) struct Arguments {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) command: Command,
}

pub(crate) enum Command {
    Register { relay: RelayAddress, handle: String, name: Option<String> },
    LogIn { relay: RelayAddress, handle: String },
    Recover { relay: RelayAddress, handle: String },
    RecoveryKey,
    WhoAmI,
    Chats,
    Messages { handle: String },
    Chat { handle: String },
    Send { handle: String, text: String },
    SendFile { handle: String, path: PathBuf },
    Get { handle: String, message: String, path: PathBuf },
    Verify { handle: String },
    LogOut,
}

impl Arguments {
    pub(crate) fn parse(mut words: Vec<String>) -> Result<Self, Failure> {
        let mut directory = None;
        if words.first().is_some_and(|word| word == "--directory") {
            if words.len() < 2 {
                return Err(Failure::Usage);
            }
            directory = words.drain(..2).nth(1).map(PathBuf::from);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let command = parse_command(&words)?;
        Ok(Self { directory, command })
    }
}

fn parse_command(words: &[&str]) -> Result<Command, Failure> {
    let own = |word: &str| word.to_owned();
    let command = match words {
        ["register", relay, handle] => {
            Command::Register { relay: relay.parse()?, handle: own(handle), name: None }
        }
        ["register", relay, handle, name] => {
            Command::Register { relay: relay.parse()?, handle: own(handle), name: Some(own(name)) }
        }
        ["login", relay, handle] => Command::LogIn { relay: relay.parse()?, handle: own(handle) },
        ["recover", relay, handle] => Command::Recover { relay: relay.parse()?, handle: own(handle) },
        ["recovery-key"] => Command::RecoveryKey,
        ["whoami"] => Command::WhoAmI,
        ["chats"] => Command::Chats,
        ["messages", handle] => Command::Messages { handle: own(handle) },
        ["chat", handle] => Command::Chat { handle: own(handle) },
        ["send", handle, text] => Command::Send { handle: own(handle), text: own(text) },
        ["send-file", handle, path] => Command::SendFile { handle: own(handle), path: PathBuf::from(path) },
        ["get", handle, message, path] => {
            Command::Get { handle: own(handle), message: own(message), path: PathBuf::from(path) }
        }
        ["verify", handle] => Command::Verify { handle: own(handle) },
        ["logout"] => Command::LogOut,
        _ => return Err(Failure::Usage),
    };
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::{Arguments, Command};

    fn parse(line: &str) -> Option<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned).collect()).ok()
    }

    #[test]
    fn the_directory_comes_before_the_command() {
        let arguments = parse("--directory /tmp/ada send bob hello").unwrap();

        assert_eq!(arguments.directory.as_deref(), Some(std::path::Path::new("/tmp/ada")));
        assert!(
            matches!(arguments.command, Command::Send { handle, text } if handle == "bob" && text == "hello")
        );
    }

    #[test]
    fn a_password_has_no_place_on_the_command_line() {
        for line in [
            "register http://localhost:8080 ada Ada hunter2-hunter2",
            "login http://localhost:8080 ada hunter2-hunter2",
            "recover http://localhost:8080 ada hunter2-hunter2",
        ] {
            assert!(parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in ["", "--directory", "--directory /tmp/ada", "shout bob", "send bob", "login nowhere ada"]
        {
            assert!(parse(line).is_none(), "{line}");
        }
    }
}
