//! The demo city from registration to the end of the process.

use super::{
    errand::{Clock, Work},
    stations,
};
use crate::{
    city::City,
    http::{self, Api, ApiError},
    mqtt::{self, Courier},
    report::{VerifyConfig, settle},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// A demo city.
#[derive(Clone)]
pub struct DemoConfig {
    /// The platform's MQTT address.
    pub mqtt: SocketAddr,
    /// The platform's HTTP address.
    pub http: SocketAddr,
    /// How many stations. Default 300.
    pub devices: usize,
    /// Decides weather, traffic and where the stations stand. Default 1.
    pub seed: u64,
    /// How much history a new city gets, and how long a gap is filled. Default 24 h.
    pub history: Duration,
    /// Between two measurements of the history, s. Default 300.
    pub history_step_s: u32,
    /// Messages in flight. Default 200.
    pub window: u16,
    /// How long the platform may take to be ready, s. Default 120.
    pub ready_s_max: u64,
    /// The time: µs since 1970 UTC.
    pub clock: Clock,
}

/// Why there is no demo city.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The platform doesn't serve.
    #[error("the platform was not ready after {seconds} s: {error}")]
    NotReady {
        /// How long it was awaited.
        seconds: u64,
        /// What it answered last.
        error: ApiError,
    },
    /// The platform refuses a station.
    #[error("station {station} can't be registered: {error}")]
    Registration {
        /// The station.
        station: String,
        /// What the platform answered.
        error: ApiError,
    },
    /// The platform can't say how far the stations came.
    #[error("the stations' newest readings can't be read: {0}")]
    Latest(ApiError),
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    device: String,
    time: Option<jiff::Timestamp>,
    boot: Option<u64>,
}

/// How far the stations came before.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// The largest boot counter of any.
    pub boot: u64,
    /// The time of the newest reading of each, µs since 1970 UTC.
    pub times_us: BTreeMap<String, i64>,
}

impl DemoConfig {
    /// The defaults, for a platform at these addresses and a clock.
    pub fn new(mqtt: SocketAddr, http: SocketAddr, clock: Clock) -> Self {
        Self {
            mqtt,
            http,
            devices: 300,
            seed: 1,
            history: Duration::from_secs(86_400),
            history_step_s: 300,
            window: 200,
            ready_s_max: 120,
            clock,
        }
    }
}

impl fmt::Debug for DemoConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoConfig")
            .field("mqtt", &self.mqtt)
            .field("http", &self.http)
            .field("devices", &self.devices)
            .field("seed", &self.seed)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

/// Registers the stations, sends what they missed, then lets them live until `stop` turns
/// true. The platform may still be starting, and may go and come back.
pub async fn run(config: DemoConfig, mut stop: watch::Receiver<bool>) -> Result<(), DemoError> {
    let mut work = tokio::select! {
        work = prepare(&config) => work?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let courier = mqtt::Config {
        window: config.window,
        seed: config.seed,
        // The demo belongs to the platform: it waits for it as long as it takes.
        give_up_s_max: u64::MAX,
        drain_s_max: 1,
        ..mqtt::Config::new(config.mqtt)
    };
    let courier = Courier::new(courier, "demo-city".to_owned(), None);
    let (traffic, end) = courier.run(&mut work, stop).await;
    if let Err(error) = end {
        tracing::debug!(%error, "the demo city ended early");
    }
    tracing::info!(
        sent = traffic.sent,
        acknowledged = traffic.acknowledged,
        "the demo city rests"
    );
    Ok(())
}

async fn prepare(config: &DemoConfig) -> Result<Work, DemoError> {
    let mut api = Api::new(config.http, http::Config::default());
    await_ready(&mut api, config.ready_s_max).await?;
    let stations = stations(config.devices, config.seed);
    for station in &stations {
        let path = format!("/api/v1/devices/{}", station.name);
        api.put(&path, &station.registration())
            .await
            .map_err(|error| DemoError::Registration {
                station: station.name.clone(),
                error,
            })?;
    }
    // What was logged before a kill and isn't folded yet would be measured again.
    let patience = VerifyConfig {
        settle_s_max: config.ready_s_max,
        ..VerifyConfig::new(config.http)
    };
    if let Err(left) = settle(&mut api, &patience).await {
        tracing::warn!(left, "the demo city goes on before all of its past is read");
    }
    let newest = newest(&mut api).await.map_err(DemoError::Latest)?;
    Ok(Work::new(
        City::new(config.seed),
        config.clock.clone(),
        stations,
        &newest,
        i64::try_from(config.history.as_micros()).unwrap_or(i64::MAX),
        i64::from(config.history_step_s) * 1_000_000,
    ))
}

async fn await_ready(api: &mut Api, seconds: u64) -> Result<(), DemoError> {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        match api.get::<serde_json::Value>("/readyz").await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= until => {
                return Err(DemoError::NotReady { seconds, error });
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// How far the stations came, as the platform knows it.
async fn newest(api: &mut Api) -> Result<Newest, ApiError> {
    const PATH: &str = "/api/v1/latest?limit=10000";
    let mut newest = Newest::default();
    let mut path = PATH.to_owned();
    loop {
        let page: Page = api.get(&path).await?;
        for item in page.items {
            let Some(time) = item.time else { continue };
            newest.boot = newest.boot.max(item.boot.unwrap_or_default());
            let time_us = newest.times_us.entry(item.device).or_insert(i64::MIN);
            *time_us = time.as_microsecond().max(*time_us);
        }
        match page.next {
            Some(cursor) => path = format!("{PATH}&cursor={}", http::escape(&cursor)),
            None => return Ok(newest),
        }
    }
}
