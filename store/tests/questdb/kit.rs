//! A server, stores on it, and questions behind their backs.

use crate::lent::Lent;
use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, Proxy, Subject, read_all, reading};
use nhip_store::{
    Observation, QuestDbConfig, QuestDbMetrics, QuestDbStore, StateBatch, Store, StoreError,
};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::SimpleQueryMessage;

/// How long a condition may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// What stores make on a server.
pub const TABLES: [&str; 4] = ["readings", "hours", "datastreams", "nhip_schema"];
/// Between two looks whether it holds.
const PAUSE: Duration = Duration::from_millis(20);

/// A server and where stores find it.
pub struct Bench {
    pub server: Lent,
    pub config: QuestDbConfig,
}

impl Bench {
    /// On a server with settings of its own, or one of the usual kind.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let server = match settings {
            [] => Lent::usual(),
            settings => Lent::own(settings),
        };
        let config = QuestDbConfig {
            http: server.http(),
            pg: server.pg(),
            ..QuestDbConfig::default()
        };
        let bench = Self { server, config };
        bench.clear();
        bench
    }

    /// A configuration whose queries go through a proxy, and that.
    pub fn with_proxied_queries(&self) -> (Proxy, QuestDbConfig) {
        let proxy = Proxy::start(&self.config.pg);
        let config = QuestDbConfig {
            pg: proxy.address().to_string(),
            ..self.config.clone()
        };
        (proxy, config)
    }

    /// Drops what stores have made.
    pub fn clear(&self) {
        drop_tables(&self.config);
    }

    /// Asks the server behind the store's back: the values of the first column.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.config, sql)
    }

    /// How many rows the server shows.
    pub fn count(&self) -> usize {
        self.ask("SELECT count() FROM readings")[0].parse().unwrap()
    }
}

/// A fresh store for the conformance suite.
pub struct QuestDb {
    folder: TempDir,
    config: QuestDbConfig,
}

impl QuestDb {
    /// An empty one: the tables of the one before are gone.
    pub fn new(config: &QuestDbConfig) -> Self {
        drop_tables(config);
        Self {
            folder: tempfile::tempdir().unwrap(),
            config: config.clone(),
        }
    }
}

impl Subject for QuestDb {
    type Store = QuestDbStore;

    fn open(&mut self) -> QuestDbStore {
        open(self.folder.path(), &self.config)
    }
}

fn drop_tables(config: &QuestDbConfig) {
    for table in TABLES {
        ask(config, &format!("DROP TABLE IF EXISTS {table}"));
    }
}

pub fn open(folder: &Path, config: &QuestDbConfig) -> QuestDbStore {
    open_with(folder, config, &prometheus::Registry::new())
}

/// Opens it with its metrics in a registry of the test's.
pub fn open_with(
    folder: &Path,
    config: &QuestDbConfig,
    metrics: &prometheus::Registry,
) -> QuestDbStore {
    let database = Database::open(folder, &nhip_database::Config::default()).unwrap();
    let metrics = QuestDbMetrics::new(metrics).unwrap();
    QuestDbStore::open(&database, config.clone(), metrics).unwrap()
}

/// The value of a metric of that name.
pub fn gauge(metrics: &prometheus::Registry, name: &str) -> f64 {
    let families = metrics.gather();
    let family = families.iter().find(|family| family.name() == name);
    family.unwrap().get_metric()[0].get_gauge().get_value()
}

/// A reading a second of series 1, from the number on.
pub fn rows(numbers: std::ops::Range<i64>) -> Vec<Observation> {
    numbers
        .map(|number| {
            let time_us = MIDNIGHT_US + number * 1_000_000;
            reading(1, time_us, number as u64, (number % 97) as f64 / 10.0)
        })
        .collect()
}

/// Does as the fold does: tries until the store takes it.
pub fn until_taken(mut attempt: impl FnMut() -> Result<(), StoreError>) {
    eventually("the store to take it", || match attempt() {
        Ok(()) => Some(()),
        Err(StoreError::Unavailable { .. } | StoreError::Unusable { .. }) => None,
        Err(error) => panic!("{error}"),
    });
}

/// Appends and makes a checkpoint as the fold does.
pub fn store_all(store: &QuestDbStore, rows: &[Observation]) {
    until_taken(|| store.append(0, rows));
    until_taken(|| store.checkpoint(0, StateBatch::default()));
}

/// Fails unless the rows are stored, each once, and nothing else.
pub fn assert_stored(bench: &Bench, store: &QuestDbStore, rows: &[Observation]) {
    assert_eq!(read_all(store, 1), rows);
    eventually("the server to show all", || {
        (bench.count() == rows.len()).then_some(())
    });
    assert_eq!(read_all(store, 1), rows);
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        thread::park_timeout(PAUSE);
    }
}

/// The instant of a pass of retention, so many days after the first row.
pub fn days_later(days: i64) -> i64 {
    MIDNIGHT_US + days * DAY_US
}

fn ask(config: &QuestDbConfig, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let messages = runtime.block_on(async {
        let (host, port) = config.pg.split_once(':').unwrap();
        let text = format!("host={host} port={port} user=admin password=quest dbname=qdb");
        let (client, connection) = tokio_postgres::connect(&text, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.simple_query(sql).await.unwrap()
    });
    let first = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    messages.into_iter().filter_map(first).collect()
}
