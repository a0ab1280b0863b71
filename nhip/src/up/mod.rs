//! `nhip up`: everything in one process, from the configuration to the last checkpoint.

mod data;
pub mod logging;
mod signals;

use crate::config::Settings;
use std::process::ExitCode;
use tracing::error;

/// Something failed while starting or running.
const EXIT_FAILED: u8 = 1;

/// Starts the platform, serves until a signal, drains.
pub fn run(settings: Settings, demo: bool) -> ExitCode {
    logging::start(&settings.logging_filter, settings.logging_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "the runtime can't start");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    match runtime.block_on(serve(settings, demo)) {
        Ok(code) => code,
        Err(error) => {
            error!("{error:#}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

async fn serve(settings: Settings, _demo: bool) -> anyhow::Result<ExitCode> {
    let _lock = data::claim(&settings.data)?;
    let mut signals = signals::Signals::install()?;
    let signal = signals.next().await;
    Ok(signal.exit_code())
}
