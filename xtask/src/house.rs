//! The rules of the house that no compiler checks: names, lengths, forbidden words, dependencies.
//! Each rule looks at one file and says what is wrong in a line; each has a test in which it fails.

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::process::{self, Failure, Outcome};
use crate::say;
use crate::workspace::Workspace;

/// Lines of a source file, its tests not counted.
const FILE_LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["common", "helper", "helpers", "manager", "managers", "misc", "util", "utils", "stuff"];

/// One file of the repository: its path below the root, and its text.
struct Source<'a> {
    path: &'a str,
    text: &'a str,
}

type Rule = fn(&Source<'_>) -> Vec<String>;

const RULES: [Rule; 9] = [
    short_files,
    telling_names,
    no_waiting_or_skipping_in_tests,
    environment_only_in_config,
    bounded_queues,
    no_unfinished_work,
    no_html_from_strings,
    purpose_of_each_dependency,
    one_sqlite_and_no_rsa,
];

/// Applies every rule to every file that git knows or would take in.
pub(crate) fn check(workspace: &Workspace) -> Outcome<()> {
    say::step("house rules", "names, lengths, forbidden words, dependencies");
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let paths = process::output_of(&mut process::program("git", &list, &workspace.root))?;
    let mut found = Vec::new();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        // What isn't text, or was just deleted, has no lines to judge.
        let text = std::fs::read_to_string(workspace.root.join(path)).unwrap_or_default();
        found.extend(violations(&Source { path, text: &text }));
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::new(found.join("\n  "))) }
}

fn violations(source: &Source<'_>) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(source)).map(|what| format!("{}: {what}", source.path)).collect()
}

impl<'a> Source<'a> {
    fn kind(&self) -> &str {
        Path::new(self.path).extension().and_then(|kind| kind.to_str()).unwrap_or_default()
    }

    fn is_code(&self) -> bool {
        matches!(self.kind(), "rs" | "ts" | "tsx")
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    /// A file of tests alone.
    fn is_test(&self) -> bool {
        let name = self.parts().last().unwrap_or_default();
        name == "tests.rs"
            || name.contains(".test.")
            || self.parts().any(|part| matches!(part, "tests" | "e2e" | "benches"))
    }

    /// The lines before a file's own test module, and those of it.
    fn split_tests(&self) -> (Vec<&'a str>, Vec<&'a str>) {
        let lines: Vec<&str> = self.text.lines().collect();
        if self.is_test() {
            return (Vec::new(), lines);
        }
        let starts = |pair: &[&str]| match pair {
            [first, second] => {
                *first == "#[cfg(test)]" && second.starts_with("mod ") && second.ends_with('{')
            }
            _ => false,
        };
        let start = lines.windows(2).position(starts).unwrap_or(lines.len());
        let (code, tests) = lines.split_at(start);
        (code.to_vec(), tests.to_vec())
    }
}

fn short_files(source: &Source<'_>) -> Vec<String> {
    let lines = source.split_tests().0.len();
    if !source.is_code() || lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![format!("{lines} lines without tests, at most {FILE_LINES_MAX}: part it by nouns")]
}

fn telling_names(source: &Source<'_>) -> Vec<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_lowercase();
    let empty = source.parts().map(stem).filter(|name| EMPTY_NAMES.contains(&name.as_str()));
    empty.map(|name| format!("`{name}` says nothing; name it after its noun")).collect()
}

fn no_waiting_or_skipping_in_tests(source: &Source<'_>) -> Vec<String> {
    if is_rule_book(source) {
        return Vec::new();
    }
    let words: &[&str] = match source.kind() {
        "rs" => &["sleep(", "#[ignore"],
        "ts" | "tsx" => &["sleep(", "waitForTimeout(", "test.skip(", "it.skip(", "describe.skip(", ".only("],
        _ => return Vec::new(),
    };
    let (_, tests) = source.split_tests();
    lines_with(&tests, words, "a test waits for a fact, not for time, and is never left out")
}

fn environment_only_in_config(source: &Source<'_>) -> Vec<String> {
    // A build script's only arguments are in its environment.
    let may = ["/config.rs", "/build.rs"].iter().any(|name| source.path.ends_with(name));
    if source.kind() != "rs" || may || is_rule_book(source) {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    lines_with(&lines, &["env::var"], "only config.rs reads the environment")
}

fn bounded_queues(source: &Source<'_>) -> Vec<String> {
    if source.kind() != "rs" || is_rule_book(source) {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    let words = ["unbounded_channel", "mpsc::unbounded", "unbounded()", "mpsc::channel()"];
    lines_with(&lines, &words, "every queue has a named bound")
}

fn no_unfinished_work(source: &Source<'_>) -> Vec<String> {
    let is_written_by_us =
        source.is_code() || matches!(source.kind(), "css" | "html" | "md" | "sql" | "toml" | "sh");
    if !is_written_by_us || is_rule_book(source) || source.path == "CONTRIBUTING.md" {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    lines_with(&lines, &["TODO", "FIXME", "XXX"], "finish it, or write a decision file")
}

fn no_html_from_strings(source: &Source<'_>) -> Vec<String> {
    if !source.path.starts_with("web/src/") || source.is_test() || !source.is_code() {
        return Vec::new();
    }
    let (code, _) = source.split_tests();
    let words = ["dangerouslySetInnerHTML", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"];
    lines_with(&code, &words, "text is never HTML")
}

fn purpose_of_each_dependency(source: &Source<'_>) -> Vec<String> {
    if source.path != "Cargo.toml" {
        return Vec::new();
    }
    let table = source.text.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    table
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains(" # "))
        .map(|line| format!("`{line}` lacks its purpose in a comment at the end"))
        .collect()
}

/// A second SQLite would be an older, faulty one (its WAL-reset bug was fixed in 3.51.3); `rsa` has
/// an open advisory and comes only by a wrong feature.
fn one_sqlite_and_no_rsa(source: &Source<'_>) -> Vec<String> {
    if source.path != "Cargo.lock" {
        return Vec::new();
    }
    let count = |name: &str| source.text.lines().filter(|line| *line == format!("name = \"{name}\"")).count();
    let mut found = Vec::new();
    if count("libsqlite3-sys") > 1 || count("rusqlite") > 0 {
        found.push("a second SQLite is in the tree: `cargo tree -i rusqlite`".to_owned());
    }
    if count("rsa") > 0 {
        found.push("`rsa` is in the tree: `cargo tree -i rsa`".to_owned());
    }
    found
}

/// This rule book names what it forbids.
fn is_rule_book(source: &Source<'_>) -> bool {
    source.path.starts_with("xtask/src/house")
}

fn lines_with(lines: &[&str], words: &[&str], why: &str) -> Vec<String> {
    let found = |line: &&&str| words.iter().any(|word| line.contains(word));
    lines.iter().filter(found).map(|line| format!("`{}`: {why}", line.trim())).collect()
}
