//! `nhip up`: everything in one process, from the configuration to the last checkpoint.

pub mod copying;
mod data;
mod demo;
mod descriptors;
mod front;
mod listening;
mod live;
pub mod logging;
mod names;
mod opened;
pub mod parts;
mod platform;
mod readiness;
mod room;
pub mod signals;
mod upkeep;

use crate::{
    cli::{EXIT_FAILED, say, told},
    config::Config,
};
pub use data::{Claim, claim, free};
use demo::Demo;
pub use opened::Opened;
use platform::Platform;
pub use platform::now_us;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use tracing::{error, info, warn};

/// How long draining may take, all in all.
const DRAIN_MAX: Duration = Duration::from_secs(9);

/// Starts the platform, serves until a signal, drains.
pub fn run(mut config: Config, demo: bool) -> ExitCode {
    let settings = &mut config.settings;
    logging::start(&settings.logging_filter, settings.logging_format);
    descriptors::fit(settings);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "the runtime can't start");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    let outcome = runtime.block_on(serve(config, demo));
    // Dropping it would wait for whatever still waits for the disk or a client, for ever.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            error!("{}", told(&error));
            ExitCode::from(EXIT_FAILED)
        }
    }
}

async fn serve(config: Config, demo: bool) -> anyhow::Result<ExitCode> {
    let mut signals = signals::Signals::install()?;
    let _claim = data::claim(&config.settings.data)?;
    let started = Instant::now();
    let platform = Platform::start(&config).await?;
    info!(seconds = started.elapsed().as_secs_f64(), "serving");
    say(&platform.ready_line());
    let city = match demo {
        true => Demo::start(&config.settings, &platform, platform.clock()),
        false => None,
    };
    let code = tokio::select! {
        ending = signals.next() => {
            info!(?ending, "draining");
            ending.exit_code()
        }
        reason = platform.failed() => {
            error!(reason, "stopping: a part has failed, and restarting will not mend it");
            ExitCode::from(EXIT_FAILED)
        }
    };
    let draining = async {
        if let Some(city) = city {
            city.stop().await;
        }
        platform.stop().await;
    };
    match tokio::time::timeout(DRAIN_MAX, draining).await {
        Ok(()) => info!("drained"),
        Err(_) => warn!("ended after {DRAIN_MAX:?} without having drained; nothing is lost"),
    }
    Ok(code)
}
