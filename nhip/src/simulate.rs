//! `nhip simulate` and `nhip replay`: readings over real MQTT, then the proof of what arrived.

use crate::{
    cli::{EXIT_FAILED, fail, refuse_usage, say},
    up::{
        logging,
        signals::{Ending, Signals},
    },
};
use nhip_simulators::{
    fleet::{self, SimulateArgs},
    replay::{self, ReplayArgs, ReplayError},
    report::Report,
};
use std::{
    future::Future,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::{oneshot, watch};
use tracing::error;

/// Runs a fleet and reports.
pub fn simulate(arguments: &SimulateArgs) -> ExitCode {
    if let Err(refused) = arguments.check() {
        return refuse_usage(&refused.to_string());
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = i64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(i64::MAX);
    let config = arguments.config(now_us);
    run(arguments.json, |stop| async move {
        let report = fleet::run(config, stop).await;
        report.map_err(|error| fail(&error.into()))
    })
}

/// Replays a file and reports.
pub fn replay(arguments: &ReplayArgs) -> ExitCode {
    match arguments.config() {
        Ok(config) => run(arguments.json, |stop| async move {
            let report = replay::run(config, stop).await;
            report.map_err(|error| match error {
                ReplayError::Recording(error) if error.is_usage() => {
                    refuse_usage(&error.to_string())
                }
                error => fail(&error.into()),
            })
        }),
        Err(message) => refuse_usage(&message),
    }
}

/// Runs until the end or a signal, prints the report, and ends with its exit code.
fn run<F>(json: bool, start: impl FnOnce(watch::Receiver<bool>) -> F) -> ExitCode
where
    F: Future<Output = Result<Report, ExitCode>>,
{
    logging::start("info", false);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let code = runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let mut interrupted = tokio::spawn(interruption(stop, end));
        tokio::select! {
            outcome = start(stopped) => {
                let ending = match interrupted.is_finished() {
                    true => (&mut interrupted).await.ok().flatten(),
                    false => None,
                };
                match outcome {
                    Ok(report) => finish(&report, json, ending),
                    Err(code) => code,
                }
            }
            Ok(Ending::Interrupt) = ended => Ending::Interrupt.exit_code(),
            else => ExitCode::from(EXIT_FAILED),
        }
    });
    // What still waits for a platform is not waited for.
    runtime.shutdown_background();
    code
}

/// Turns the first signal into a stop; what was sent is still compared. The second ends it.
async fn interruption(stop: watch::Sender<bool>, end: oneshot::Sender<Ending>) -> Option<Ending> {
    let mut signals = Signals::install().ok()?;
    let ending = signals.next().await;
    stop.send_replace(true);
    tokio::spawn(async move {
        let again = signals.next().await;
        // It may have ended by itself.
        let _ = end.send(again);
    });
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
