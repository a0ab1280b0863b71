//! Structured log lines on standard error.

use tracing_subscriber::{EnvFilter, fmt};

/// What a subcommand logs: nothing of how the database goes about its work.
pub const OF_SUBCOMMANDS: &str = "info,fjall=warn,lsm_tree=warn";

/// Starts logging: one line an event, as text or as JSON.
///
/// A filter that can't be read falls back to `info`: logging must not keep the platform down.
pub fn start(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    // A second start (tests in one process) keeps the first.
    let _ = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
}
