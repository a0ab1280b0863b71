//! `nhip simulate` and `nhip replay`: readings over real MQTT, then the proof of what arrived.

use crate::{
    cli::{EXIT_FAILED, EXIT_USAGE, say},
    up::{
        logging,
        signals::{Ending, Signals},
    },
};
use nhip_simulators::{
    fleet::{self, SimulateArgs},
    replay::{self, ReplayArgs},
    report::Report,
};
use std::{
    future::Future,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use tracing::error;

/// Runs a fleet and reports.
pub fn simulate(arguments: &SimulateArgs) -> ExitCode {
    if let Err(refused) = arguments.check() {
        logging::start("info", false);
        error!("{refused}");
        return ExitCode::from(EXIT_USAGE);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = i64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(i64::MAX);
    let config = arguments.config(now_us);
    run(arguments.json, |stop| async move {
        Ok(fleet::run(config, stop).await)
    })
}

/// Replays a file and reports.
pub fn replay(arguments: &ReplayArgs) -> ExitCode {
    logging::start("info", false);
    match arguments.config() {
        Ok(config) => run(arguments.json, |stop| async move {
            replay::run(config, stop)
                .await
                .map_err(|error| error.to_string())
        }),
        Err(message) => {
            error!("{message}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Runs until the end or a signal, prints the report, and ends with its exit code.
fn run<F>(json: bool, start: impl FnOnce(watch::Receiver<bool>) -> F) -> ExitCode
where
    F: Future<Output = Result<Report, String>>,
{
    logging::start("info", false);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "the runtime can't start");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let interrupted = tokio::spawn(interruption(stop));
        let outcome = start(stopped).await;
        let ending = match interrupted.is_finished() {
            true => interrupted.await.ok().flatten(),
            false => None,
        };
        match outcome {
            Ok(report) => finish(&report, json, ending),
            Err(message) => {
                error!("{message}");
                ExitCode::from(EXIT_FAILED)
            }
        }
    })
}

/// Turns the first signal into a stop; what was sent is still compared.
async fn interruption(stop: watch::Sender<bool>) -> Option<Ending> {
    let mut signals = Signals::install().ok()?;
    let ending = signals.next().await;
    stop.send_replace(true);
    Some(ending)
}

fn finish(report: &Report, json: bool, ending: Option<Ending>) -> ExitCode {
    match json {
        true => match serde_json::to_string_pretty(report) {
            Ok(text) => say(&text),
            Err(error) => {
                error!(%error, "the report can't be written");
                return ExitCode::from(EXIT_FAILED);
            }
        },
        false => say(report.to_string().trim_end()),
    };
    match (report.exit_code(), ending) {
        (0, Some(ending)) => ending.exit_code(),
        (code, _) => ExitCode::from(code),
    }
}
