//! What the person at the terminal sees: one JSON line per run, then a table.

use std::io::Write as _;

use serde::Serialize;

/// One run, as a JSON line on standard output.
pub(crate) fn json<T: Serialize>(run: &T) {
    if let Ok(line) = serde_json::to_string(run) {
        print(&line);
    }
}

/// Columns right-aligned under their heads, on standard output.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .chain(head.get(column).map(|title| title.len()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        print(&format!("| {} |", padded.join(" | ")));
    };
    line(&mut head.iter().copied());
    let rules: Vec<String> = widths.iter().map(|width| format!("{}:", "-".repeat(width - 1))).collect();
    line(&mut rules.iter().map(String::as_str));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// A step that takes a while, on standard error.
pub(crate) fn progress(sentence: &str) {
    complain(&format!("… {sentence}"));
}

/// A sentence on standard error.
pub(crate) fn complain(sentence: &str) {
    // A closed terminal is no reason to stop measuring.
    drop(writeln!(std::io::stderr().lock(), "{sentence}"));
}

fn print(line: &str) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}
