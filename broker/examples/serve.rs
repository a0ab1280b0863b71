//! The front door alone over the real log, to be measured: `serve FOLDER [ADDRESS]`.
#![allow(clippy::print_stdout, reason = "its output is its result")]

use nhip_broker::{Anonymous, Broker, Claim, Config, Metrics, OpenAccess, Parts};
use nhip_log::{Log, SegmentLog};
use std::{path::PathBuf, sync::Arc, time::SystemTime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().ok_or("serve FOLDER [ADDRESS]")?.into();
    let address = arguments.next().unwrap_or("127.0.0.1:1883".into());
    std::fs::create_dir_all(folder.join("log"))?;
    let registry = prometheus::Registry::new();
    let log = SegmentLog::open(
        &folder.join("log"),
        nhip_log::Config {
            retention_bytes: 1 << 30,
            retention_age_s: 1,
            ..nhip_log::Config::default()
        },
        nhip_log::Metrics::new(&registry)?,
    )?;
    log.start_trimming();
    let log: Arc<dyn Log> = Arc::new(log);
    let parts = Parts {
        log,
        database: nhip_database::Database::open(&folder.join("db"), &Default::default())?,
        authenticator: Arc::new(Anonymous::Loopback),
        access: Arc::new(OpenAccess),
        pages: Arc::new(|_: &str, _: &str| false),
        claims: Arc::new(|_: &str| Claim::None),
        live: Arc::new(nhip_broker::NoLive),
        clock: Arc::new(now_us),
        metrics: Metrics::new(&registry)?,
    };
    let config = Config {
        listen: Some(address.parse()?),
        websocket: None,
        ..Config::default()
    };
    let broker = Broker::start(config, parts).await?;
    println!("ready {:?}", broker.addresses());
    std::future::pending::<()>().await;
    Ok(())
}

fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as i64)
}
