//! Copying the store of a data folder, with ingestion in between and crashes anywhere.

mod comparing;
mod losing;
mod moving;
mod strangers;
mod waiting;

use crate::kit::Bench;
use nhip_database::Database;
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading};
use nhip_store::{
    CopyOrder, CopyPhase, CopyProgress, Observation, OpenStore, QuestDbConfig, Source, StateBatch,
    Store, StoreConfigs, StoreCopy, StoreError, StoreKind, Turn, WatchedStore,
};
use std::sync::Arc;
use tempfile::TempDir;

const SERIES: u32 = 6;
const DAYS: i64 = 4;
const NOW_US: i64 = MIDNIGHT_US + 30 * DAY_US;

/// A data folder with its store watched and a copy beside it, as a platform has them.
struct Folder {
    database: Database,
    store: WatchedStore,
    copy: Arc<StoreCopy>,
}

impl Folder {
    fn open(path: &TempDir, kind: StoreKind, configs: &StoreConfigs) -> Result<Self, StoreError> {
        let database = Database::open(path.path(), &nhip_database::Config::default()).unwrap();
        let metrics = prometheus::Registry::new();
        let store = OpenStore::open(kind, &database, configs, &metrics)?;
        let copy = Arc::new(StoreCopy::open(&database, &store, configs.clone())?);
        Ok(Self {
            store: WatchedStore::new(store.store(), &copy)?,
            database,
            copy,
        })
    }

    fn append(&self, rows: &[Observation]) {
        self.store.append(0, rows).unwrap();
    }

    fn checkpoint(&self) {
        self.store.checkpoint(0, state()).unwrap();
    }

    fn begin(&self, to: StoreKind, check: bool) -> CopyProgress {
        self.copy.begin(order(to, check)).unwrap()
    }

    /// Turns until nothing is left to do at once.
    fn follow(&self) -> CopyProgress {
        for _ in 0..10_000 {
            let turn = self.copy.turn(NOW_US);
            let progress = self.copy.progress().unwrap();
            let is_done = progress.waiting == 0
                && progress.phase == CopyPhase::Following
                && progress.problem.is_none();
            if turn == Turn::Idle || (turn == Turn::Waiting && is_done) {
                return progress;
            }
        }
        panic!("it does not end: {:?}", self.copy.progress());
    }

    /// Turns until it says that a person has to do something, and what.
    fn stuck(&self) -> String {
        for _ in 0..10 {
            assert_eq!(self.copy.turn(NOW_US), Turn::Waiting);
            let progress = self.copy.progress().unwrap();
            if progress.is_stuck {
                return progress.problem.unwrap();
            }
        }
        panic!("it goes on waiting: {:?}", self.copy.progress());
    }
}

/// What comparing everything again has found.
fn differences(progress: &CopyProgress) -> u64 {
    progress.check.unwrap().differences
}

fn order(to: StoreKind, check: bool) -> CopyOrder {
    CopyOrder {
        from: to.other(),
        to,
        check,
        rate_max: 1_000_000,
    }
}

fn state() -> StateBatch {
    StateBatch {
        changes: vec![(b"h".to_vec(), Some(b"folded".to_vec()))],
    }
}

fn configs(bench: &Bench) -> StoreConfigs {
    StoreConfigs {
        questdb: QuestDbConfig {
            late_merge_after_s: 0,
            ..bench.config.clone()
        },
        ..StoreConfigs::default()
    }
}

/// Every kind of reading, of a day: with a sequence, without, with the time of arrival, twice
/// the same in one ms, of every quality.
fn rows_of(day: i64) -> Vec<Observation> {
    let mut rows = Vec::new();
    for series in 1..=SERIES {
        for at in 0..100 {
            let time_us = MIDNIGHT_US + day * DAY_US + at * 800_000_000 + i64::from(series);
            let mut row = reading(
                series,
                time_us,
                (day * 100 + at + 100_000) as u64,
                -0.1 * at as f64,
            );
            row.quality = nhip_wire::Quality::ALL[at as usize % 5];
            if series % 3 == 0 {
                (row.boot, row.seq) = (0, None);
            }
            if series == 6 {
                (row.source, row.received_us) = (Source::Arrival, time_us);
                rows.push(row);
            }
            rows.push(row);
        }
    }
    rows
}

fn history() -> Vec<Observation> {
    (0..DAYS).flat_map(rows_of).collect()
}

fn assert_has(store: &impl Store, expected: &[Observation]) {
    for series in 1..=SERIES {
        let mut expected: Vec<_> = expected
            .iter()
            .filter(|row| row.series.0 == series)
            .collect();
        expected.sort_by_key(|row| (row.time_us, row.boot, row.seq));
        let found = read_all(store, series);
        assert_eq!(found.len(), expected.len(), "series {series}");
        assert!(found.iter().eq(expected), "series {series}");
    }
}
