//! Where this client keeps its store. Only this file reads the environment.

use std::path::PathBuf;

/// The store's directory when the command line names none: `$SOTTO_HOME`, else `$XDG_DATA_HOME/sotto`, else
/// `~/.local/share/sotto`. `None` where the environment names no home.
#[expect(clippy::disallowed_methods, reason = "config.rs is where the environment is read")]
pub fn default_directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SOTTO_HOME")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("sotto")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/sotto")))
}
