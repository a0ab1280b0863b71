//! A log as large as it may be.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use nhip_log::{Batch, Config, Log, Metrics, Offset, SegmentLog, Stall};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const SEGMENT_BYTES: u64 = 64 << 10;

fn open(folder: &Path) -> SegmentLog {
    let config = Config {
        segment_bytes: SEGMENT_BYTES,
        spare_segments_max: 0,
        block_bytes_max: 4 << 10,
        commit_bytes_max: 16 << 10,
        queue_bytes_max: 64 << 10,
        retry_ms: 10,
        free_bytes_min: 0,
        bytes_max: 2 * SEGMENT_BYTES,
        ..Config::default()
    };
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let log = SegmentLog::open(&folder.join("log"), config, metrics).unwrap();
    log.start_trimming();
    log
}

/// Appends a record of 1,000 B and says which it is.
fn append(log: &SegmentLog) -> Offset {
    let mut batch = Batch::default();
    batch.push(&[&[7; 1000]]);
    log.append(&mut batch, None).unwrap()
}

#[test]
fn a_consumer_that_is_behind_holds_it_at_its_bound_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let pin = log.pin("slow", Offset(0));
    let began = Instant::now();
    let last = loop {
        let last = append(&log);
        if !log.wait(last, Duration::from_millis(20)) && log.state().stalled.is_some() {
            break last;
        }
        assert!(began.elapsed() < PATIENCE, "it stalls");
    };
    assert_eq!(log.state().stalled, Some(Stall::AtBound));
    assert!(log.figures().bytes <= 2 * SEGMENT_BYTES);
    pin.advance(log.state().durable_end);
    assert!(log.wait(last, PATIENCE), "it goes on when it may trim");
    assert_eq!(log.state().stalled, None);
}

#[test]
fn a_bound_below_what_is_kept_for_replay_trims_and_never_holds_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for _ in 0..1_000 {
        assert!(log.wait(append(&log), PATIENCE));
    }
    assert!(log.state().start > Offset(0));
    assert!(log.figures().bytes <= 2 * SEGMENT_BYTES);
}
