//! A full file system, made with a small tmpfs. Where mounting isn't allowed only the
//! simulated disk of the `model` test fills up, and this test says so.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may end at once"
)]

use nhip_log::{
    AppendError, Batch, Committed, Config, Log, Metrics, Offset, Records, SegmentLog, Stall,
};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(20);

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(dir.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = || {
            let status = Command::new("umount").arg(self.0.path()).status();
            status.is_ok_and(|status| status.success())
        };
        // A process that the other test is starting holds our files until it is another program.
        let deadline = Instant::now() + PATIENCE;
        while !unmounted() && !std::thread::panicking() {
            assert!(Instant::now() < deadline, "the disk can't be unmounted");
            std::thread::yield_now();
        }
    }
}

#[derive(Default)]
struct Heard(AtomicU64);

impl Committed for Heard {
    fn committed(&self, last: Offset) {
        self.0.store(last.0 + 1, Ordering::SeqCst);
    }
    fn failed(&self) {
        self.0.store(u64::MAX, Ordering::SeqCst);
    }
}

fn config(free_bytes_min: u64) -> Config {
    Config {
        segment_bytes: 512 << 10,
        queue_bytes_max: 256 << 10,
        commit_bytes_max: 64 << 10,
        block_bytes_max: 16 << 10,
        retry_ms: 5,
        free_bytes_min,
        ..Config::default()
    }
}

fn fills_up_and_goes_on(free_bytes_min: u64) {
    let Some(disk) = SmallDisk::mount() else {
        println!("a tmpfs can't be mounted here: not tested");
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let log = SegmentLog::open(&disk.path().join("log"), config(free_bytes_min), metrics).unwrap();
    let heard = Arc::new(Heard::default());
    let listener: Arc<dyn Committed> = Arc::clone(&heard) as Arc<dyn Committed>;
    let mut appended = 0;
    let mut batch = Batch::default();
    let began = Instant::now();
    loop {
        if batch.is_empty() {
            batch.push(&[&[appended as u8; 1000]]);
        }
        match log.append(&mut batch, Some(&listener)) {
            Ok(_) => appended += 1,
            Err(AppendError::Full { .. }) if log.state().stalled == Some(Stall::NoSpace) => break,
            Err(AppendError::Full { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
        assert!(began.elapsed() < PATIENCE, "the disk fills up");
    }
    let state = log.state();
    assert!(!state.failed && state.durable_end.0 < appended);
    assert_eq!(heard.0.load(Ordering::SeqCst), state.durable_end.0);
    assert_eq!(read_all(&log), state.durable_end.0, "readers go on");
    fs::remove_file(&ballast).unwrap();
    assert!(
        log.wait(Offset(appended - 1), PATIENCE),
        "it resumes by itself"
    );
    log.close();
    assert_eq!(log.state().stalled, None);
    assert_eq!(heard.0.load(Ordering::SeqCst), appended);
    assert_eq!(read_all(&log), appended);
}

fn read_all(log: &SegmentLog) -> u64 {
    let mut reader = log.reader(Offset(0)).unwrap();
    let mut records = Records::default();
    loop {
        reader.read(&mut records, 64 << 10).unwrap();
        if records.is_empty() {
            return reader.position().0;
        }
        for (offset, record) in records.iter() {
            assert_eq!(record, [offset.0 as u8; 1000]);
        }
    }
}

#[test]
fn a_full_disk_stalls_the_log_until_space_returns() {
    fills_up_and_goes_on(0);
}

#[test]
fn the_reserve_for_others_is_left_free() {
    fills_up_and_goes_on(256 << 10);
}
