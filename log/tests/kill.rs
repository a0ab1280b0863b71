//! `kill -9` of a process that appends, again and again, on one log.
//!
//! The process prints every offset behind which all is durable; nothing printed may be
//! missing afterwards, and every record must be the one that was appended.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may end at once"
)]

use nhip_log::{AppendError, Batch, Config, Log, Metrics, Offset, Records, SegmentLog};
use std::{
    env,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const ROUNDS: u64 = 12;
const CHILD: &str = "append-until-killed";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if arguments.get(1).is_some_and(|first| first == CHILD) {
        append_until_killed(Path::new(&arguments[2]));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut end = 0;
    for round in 0..ROUNDS {
        let acknowledged = kill_after(dir.path(), 40 + round * 37);
        end = check(dir.path(), acknowledged.max(end));
    }
    println!("{end} records through {ROUNDS} kills");
}

fn open(dir: &Path) -> SegmentLog {
    let config = Config {
        segment_bytes: 256 << 10,
        retention_bytes: 1 << 20,
        free_bytes_min: 0,
        ..Config::default()
    };
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    SegmentLog::open(dir, config, metrics).unwrap()
}

fn record(offset: u64) -> Vec<u8> {
    offset.to_le_bytes().repeat(1 + offset as usize % 30)
}

/// Appends a few batches ahead of what is durable, for ever.
fn append_until_killed(dir: &Path) -> ! {
    let log = open(dir);
    log.start_trimming();
    let mut next = log.state().durable_end.0;
    let mut batch = Batch::default();
    let mut output = std::io::stdout();
    loop {
        for _ in 0..1 + next % 200 {
            batch.push(&[&record(next)]);
            next += 1;
        }
        while let Err(error) = log.append(&mut batch, None) {
            assert!(matches!(error, AppendError::Full { .. }), "{error}");
            std::thread::yield_now();
        }
        if next.is_multiple_of(3) {
            assert!(log.wait(Offset(next - 1), Duration::from_secs(20)));
        }
        let durable = log.state().durable_end.0;
        output.write_all(&durable.to_le_bytes()).unwrap();
        output.flush().unwrap();
    }
}

/// Runs the process until it has printed `count` offsets, kills it, returns the last.
fn kill_after(dir: &Path, count: u64) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .arg(CHILD)
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut word = [0; 8];
    for _ in 0..count {
        output.read_exact(&mut word).unwrap();
    }
    child.kill().unwrap();
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).unwrap();
    child.wait().unwrap();
    if let Some(last) = rest.chunks_exact(8).last() {
        word.copy_from_slice(last);
    }
    u64::from_le_bytes(word)
}

/// Reads the whole log and returns its end.
fn check(dir: &Path, acknowledged: u64) -> u64 {
    let log = open(dir);
    let state = log.state();
    assert!(
        state.durable_end.0 >= acknowledged,
        "{acknowledged} were acknowledged, {} are there",
        state.durable_end.0
    );
    let mut reader = log.reader(state.start).unwrap();
    let mut records = Records::default();
    let mut next = state.start.0;
    loop {
        reader.read(&mut records, 64 << 10).unwrap();
        if records.is_empty() {
            break;
        }
        for (offset, bytes) in records.iter() {
            assert_eq!(offset.0, next);
            assert_eq!(bytes, record(next));
            next += 1;
        }
    }
    assert_eq!(next, state.durable_end.0);
    next
}
