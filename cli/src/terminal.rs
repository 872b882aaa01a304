//! What a person at a terminal sees and types. Text of other people is shown without anything that could move the
//! cursor, change colours or turn the direction of writing.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Characters of one typed line.
const LINE_CHARS_MAX: usize = 64 * 1024;

/// One line on standard output.
///
/// # Errors
/// A closed standard output.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// One line on standard error.
pub fn complain(line: &str) {
    // A closed terminal is no reason to fail differently.
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// `text` as it may be shown: control and direction characters become `�`, line breaks indent.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\n    "),
            '\t' => shown.push(' '),
            character if character.is_control() || turns_direction(character) => shown.push('\u{fffd}'),
            character => shown.push(character),
        }
    }
    shown
}

fn turns_direction(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Asks on standard error and reads a line that is not shown while it is typed. Without a terminal it reads the next
/// line of standard input, so that a program can be the person.
///
/// # Errors
/// Standard input that can't be read, or holds no UTF-8.
pub fn ask_secret(question: &str) -> io::Result<Zeroizing<String>> {
    let input = io::stdin();
    if !input.is_terminal() {
        return read_line();
    }
    write!(io::stderr().lock(), "{question} ")?;
    let before = tcgetattr(&input)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&input, OptionalActions::Flush, &silent)?;
    let line = read_line();
    tcsetattr(&input, OptionalActions::Flush, &before)?;
    line
}

/// Asks on standard error and reads a line.
///
/// # Errors
/// As [`ask_secret`].
pub fn ask(question: &str) -> io::Result<String> {
    if io::stdin().is_terminal() {
        write!(io::stderr().lock(), "{question} ")?;
    }
    read_line().map(|line| line.as_str().to_owned())
}

/// Whether a person is there to answer.
pub fn is_attended() -> bool {
    io::stdin().is_terminal()
}

/// One line of standard input.
fn read_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_CHARS_MAX));
    let mut input = io::stdin().lock();
    loop {
        let (used, ended) = {
            let available = input.fill_buf()?;
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            if line.len() + taken.len() > LINE_CHARS_MAX {
                return Err(io::Error::other("the line is too long"));
            }
            line.extend_from_slice(taken);
            (taken.len() + usize::from(end.is_some()), end.is_some() || available.is_empty())
        };
        input.consume(used);
        if ended {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::other("the line is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_peers_text_can_not_reach_the_terminal() {
        let attack = "\u{1b}[2J\u{1b}]0;title\u{7}hello\r\u{9b}31m";

        let shown = shown(attack);

        assert!(shown.contains("hello"));
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }

    #[test]
    fn direction_characters_are_shown_as_replaced() {
        assert_eq!(shown("a\u{202e}b\u{2066}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn further_lines_are_indented_so_that_they_look_like_no_line_of_ours() {
        assert_eq!(shown("one\nbob: two"), "one\n    bob: two");
    }
}
