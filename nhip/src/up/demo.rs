//! The demo city beside the platform.

use super::platform::{Clock, Platform};
use crate::config::Settings;
use nhip_simulators::demo::{self, DemoConfig};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};
use tracing::warn;

/// A demo city that runs.
pub struct Demo {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Demo {
    /// Starts it; none where MQTT is not served on an address.
    pub fn start(settings: &Settings, platform: &Platform, clock: Clock) -> Option<Self> {
        let (mqtt, http) = platform.addresses();
        let config = DemoConfig {
            devices: usize::try_from(settings.demo_devices).unwrap_or(usize::MAX),
            seed: settings.demo_seed,
            history: Duration::from_secs(settings.demo_history_h * 3600),
            ..DemoConfig::new(mqtt?, http, Arc::new(move || clock()))
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            if let Err(error) = demo::run(config, stopped).await {
                warn!(%error, "there is no demo city");
            }
        });
        Some(Self { stop, task })
    }

    /// Stops it and waits until it has stopped.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            warn!("the demo city has panicked");
        }
    }
}
