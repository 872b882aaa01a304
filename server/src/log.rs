//! The log: to standard error, one line per event. Libraries never speak below `info`: at `trace` they would write
//! frames and headers, and with them tokens.

use std::io;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts the log with the directives of `SOTTO_LOG`.
pub fn start(directives: &str) -> Result<(), ParseError> {
    let asked = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse(directives)?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(asked.and(filter_fn(may_speak)))).init();
    Ok(())
}

fn may_speak(event: &Metadata<'_>) -> bool {
    let is_ours = event.target() == "sotto" || event.target().starts_with("sotto::");
    is_ours || *event.level() <= Level::INFO
}
