//! A whole replay: read the file, register, send, compare.

use super::{Mapping, Recording, RecordingError, errand::Playing};
use crate::{
    http::{self, Api, ApiError},
    mqtt::{self, Courier},
    reach::{ReachError, reach},
    report::{Comparison, Ledger, Report, VerifyConfig},
};
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf};
use tokio::{sync::watch, task::spawn_blocking, time::Instant};

/// A replay.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file.
    pub file: PathBuf,
    /// How its columns are read.
    pub mapping: Mapping,
    /// How many times as fast as recorded; None for as fast as it goes.
    pub speed: Option<f64>,
    /// The boot counter; made of the file's content if None.
    pub boot: Option<u64>,
    /// How the connection behaves.
    pub courier: mqtt::Config,
    /// How long the platform may take to answer for the first time, s.
    pub connect_s_max: u64,
    /// Where to register devices and datastreams first; None to leave it.
    pub register: Option<SocketAddr>,
    /// Where to compare; None to leave it.
    pub verify: Option<VerifyConfig>,
    /// How many readings are kept in memory.
    pub readings_max: usize,
}

impl Config {
    /// The default of `readings_max`: about 900 MB.
    pub const READINGS_MAX: usize = 50_000_000;
}

/// Why a replay did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file can't be replayed.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There is no platform to replay it to.
    #[error(transparent)]
    Reach(#[from] ReachError),
}

/// Replays a file until its end or until `stop` turns true, and reports.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<Report, ReplayError> {
    let recording = open(&config).await?;
    let verified = config.verify.as_ref().map(|verify| verify.address);
    let http = config.register.or(verified);
    let mut stopped = stop.clone();
    tokio::select! {
        reached = reach(config.courier.address, http, config.connect_s_max) => reached?,
        _ = stopped.wait_for(|stop| *stop) => return Ok(Report::default()),
    }
    let start = Instant::now();
    let mut report = Report::default();
    if let Some(address) = config.register
        && let Err(error) =
            register(&mut Api::new(address, http::Config::default()), &recording).await
    {
        report.problem(format!("devices can't be registered: {error}"));
        return Ok(report);
    }
    let mut playing = Playing::new(recording, config.speed);
    let client_id = format!("replay-{:08x}", std::process::id());
    let courier = Courier::new(config.courier.clone(), client_id, None);
    let (traffic, end) = courier.run(&mut playing, stop).await;
    if let Err(error) = end {
        report.problem(error);
    }
    report.seconds = start.elapsed().as_secs_f64();
    report.add_traffic(&traffic);
    report.duplicate = playing.duplicate;
    let devices = playing.recording.devices;
    let ledgers: Vec<Ledger> = devices.into_iter().map(|device| device.ledger).collect();
    ledgers.iter().for_each(|ledger| report.add_ledger(ledger));
    if let Some(verify) = &config.verify {
        let audits = Comparison::all(&ledgers, verify.tolerance);
        report.verify(verify, audits).await;
    }
    Ok(report)
}

/// Registers the devices of a recording, each datastream in the unit that it is stored in and
/// with a range that takes three times the file's own: what was recorded is not judged again.
pub async fn register(api: &mut Api, recording: &Recording) -> Result<(), ApiError> {
    let columns = &recording.mapping().values;
    let datastreams: Vec<_> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| {
            let (min, max) = span(recording, at)?;
            let mut datastream = json!({
                "name": column.datastream,
                "range": {"min": 2.0 * min - max, "max": 2.0 * max - min},
            });
            if let Some(unit) = &column.stored_unit {
                datastream["unit"] = json!(unit);
            }
            Some(datastream)
        })
        .collect();
    for ledger in recording.ledgers() {
        let path = format!("/api/v1/devices/{}", ledger.device());
        api.put(&path, &json!({"datastreams": datastreams})).await?;
    }
    Ok(())
}

/// The smallest and the largest value of a column, as stored.
fn span(recording: &Recording, column: usize) -> Option<(f64, f64)> {
    recording
        .ledgers()
        .flat_map(|ledger| (0..ledger.len()).filter_map(move |m| ledger.entry(m, column)))
        .map(|entry| entry.value)
        .fold(None, |span, value| {
            let (min, max) = span.unwrap_or((value, value));
            Some((value.min(min), value.max(max)))
        })
}

async fn open(config: &Config) -> Result<Recording, RecordingError> {
    let (file, mapping) = (config.file.clone(), config.mapping.clone());
    let (boot, readings_max) = (config.boot, config.readings_max);
    let opened = spawn_blocking(move || Recording::open(&file, mapping, boot, readings_max)).await;
    opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
