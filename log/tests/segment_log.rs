//! The log on the real disk, with its threads.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use nhip_log::{
    AppendError, Batch, Committed, Config, Log, Metrics, Offset, OpenError, ReadError, Records,
    SegmentLog,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Heard {
    behind: AtomicU64,
    failed: AtomicBool,
}

impl Committed for Heard {
    fn committed(&self, last: Offset) {
        let before = self.behind.swap(last.0 + 1, Ordering::SeqCst);
        assert!(before <= last.0 + 1, "commits are told in order");
    }
    fn failed(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }
}

fn small() -> Config {
    Config {
        segment_bytes: 64 << 10,
        block_bytes_max: 4 << 10,
        commit_bytes_max: 16 << 10,
        free_bytes_min: 0,
        ..Config::default()
    }
}

fn metrics() -> Metrics {
    Metrics::new(&prometheus::Registry::new()).unwrap()
}

fn open(dir: &Path, config: Config) -> SegmentLog {
    SegmentLog::open(dir, config, metrics()).unwrap()
}

fn record(offset: u64) -> Vec<u8> {
    let length = (offset * 7 % 300) as usize;
    let mut record = offset.to_le_bytes().to_vec();
    record.resize(8 + length, offset as u8);
    record
}

/// Appends `count` records that follow the log's end, in batches of 17, waiting for room.
fn fill(log: &SegmentLog, count: u64, heard: &Arc<Heard>) {
    let listener: Arc<dyn Committed> = Arc::clone(heard) as Arc<dyn Committed>;
    let mut batch = Batch::default();
    let mut next = log.state().durable_end.0;
    let end = next + count;
    while next < end {
        while next < end && batch.records() < 17 {
            batch.push(&[&record(next)]);
            next += 1;
        }
        let last = loop {
            match log.append(&mut batch, Some(&listener)) {
                Ok(last) => break last,
                Err(AppendError::Full { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(last.0 + 1, next);
    }
    assert!(log.wait(Offset(end - 1), PATIENCE));
}

fn read_all(log: &SegmentLog, from: u64, bytes_max: usize) -> u64 {
    let mut reader = log.reader(Offset(from)).unwrap();
    let mut records = Records::default();
    let mut next = from;
    loop {
        reader.read(&mut records, bytes_max).unwrap();
        if records.is_empty() {
            return next;
        }
        for (offset, bytes) in records.iter() {
            assert_eq!(offset.0, next);
            assert_eq!(bytes, record(next));
            next += 1;
        }
    }
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn an_opened_empty_folder_holds_nothing_and_begins_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    assert_eq!(log.state().start, Offset(0));
    assert_eq!(log.state().durable_end, Offset(0));
    assert_eq!(read_all(&log, 0, 1000), 0);
}

#[test]
fn records_are_there_in_order_after_a_close_from_any_offset() {
    let dir = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let log = open(dir.path(), small());
    fill(&log, 5000, &heard);
    log.close();
    assert_eq!(heard.behind.load(Ordering::SeqCst), 5000);
    drop(log);
    let log = open(dir.path(), small());
    assert_eq!(log.state().durable_end, Offset(5000));
    fill(&log, 500, &heard);
    for from in [0, 1, 17, 777, 4999, 5000, 5001, 5499, 5500] {
        assert_eq!(read_all(&log, from, 3000), 5500);
    }
    assert!(log.figures().segments > 5);
}

#[test]
fn a_read_gives_no_more_than_asked_but_always_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    fill(&log, 100, &Arc::default());
    let mut reader = log.reader(Offset(0)).unwrap();
    let mut records = Records::default();
    reader.read(&mut records, 0).unwrap();
    assert_eq!(records.len(), 1);
    reader.read(&mut records, 1000).unwrap();
    let bytes: usize = records.iter().map(|(_, record)| record.len()).sum();
    assert!(bytes <= 1000 && records.len() > 1);
    assert_eq!(reader.position(), Offset(1 + records.len() as u64));
}

#[test]
fn an_offset_that_was_never_written_is_beyond_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let error = log.reader(Offset(1)).err();
    assert!(matches!(error, Some(ReadError::Beyond { .. })));
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let second = SegmentLog::open(dir.path(), small(), metrics());
    assert!(matches!(second.err(), Some(OpenError::Locked { .. })));
    drop(log);
    open(dir.path(), small());
}

#[test]
fn a_record_over_the_limit_is_refused_and_the_batch_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        record_bytes_max: 1000,
        ..small()
    };
    let log = open(dir.path(), config);
    let mut batch = Batch::default();
    batch.push(&[&[1; 10]]);
    batch.push(&[&[2; 1001]]);
    let error = log.append(&mut batch, None).unwrap_err();
    assert!(matches!(
        error,
        AppendError::TooLarge {
            bytes: 1001,
            bytes_max: 1000
        }
    ));
    assert_eq!(batch.records(), 2);
}

#[test]
fn a_batch_larger_than_a_segment_is_one_contiguous_run() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let mut batch = Batch::default();
    for offset in 0..3000 {
        batch.push(&[&record(offset)]);
    }
    let last = log.append(&mut batch, None).unwrap();
    assert!(batch.is_empty());
    assert_eq!(last, Offset(2999));
    assert!(log.wait(last, PATIENCE));
    assert_eq!(read_all(&log, 0, 1 << 20), 3000);
}

#[test]
fn trimming_by_size_keeps_what_a_pin_needs_and_goes_on_when_it_moves() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        retention_bytes: 256 << 10,
        ..small()
    };
    let log = open(dir.path(), config);
    let pin = log.pin("test", Offset(900));
    log.start_trimming();
    fill(&log, 10_000, &Arc::default());
    let mut reader = log.reader(Offset(900)).unwrap();
    eventually("the start moves up to the pin", || {
        log.state().start > Offset(0)
    });
    assert!(log.state().start <= Offset(900));
    assert_eq!(read_all(&log, 900, 1 << 20), 10_000);
    pin.advance(Offset(9_000));
    eventually("the log is trimmed to its size", || {
        log.figures().bytes <= (256 + 3 * 64) << 10 && log.state().start > Offset(900)
    });
    let mut records = Records::default();
    let error = reader.read(&mut records, 1000).unwrap_err();
    assert!(matches!(error, ReadError::Trimmed { .. }));
    let error = log.reader(Offset(900)).err();
    assert!(matches!(error, Some(ReadError::Trimmed { .. })));
    let start = log.state().start.0;
    assert_eq!(read_all(&log, start, 1 << 20), 10_000);
}

#[test]
fn a_closed_log_takes_nothing_more_and_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    fill(&log, 10, &Arc::default());
    log.close();
    let mut batch = Batch::default();
    batch.push(&[b"late"]);
    let error = log.append(&mut batch, None).unwrap_err();
    assert!(matches!(error, AppendError::Closed { .. }));
    assert_eq!(read_all(&log, 0, 1000), 10);
}

#[test]
fn a_watcher_sees_commits_and_a_waiter_times_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small());
    let watch = log.watch();
    assert!(!log.wait(Offset(0), Duration::from_millis(1)));
    fill(&log, 10, &Arc::default());
    assert!(watch.has_changed().unwrap());
    assert_eq!(watch.borrow().durable_end, Offset(10));
}
