//! One flipped bit anywhere in the folder.

use nhip_log::{
    Batch, Config, Log, Metrics, Offset, OpenError, ReadError, Records, Step, SteppedLog,
    Surroundings,
    disk::{Disk, SimulatedDisk},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::sync::Arc;

fn open(disk: &SimulatedDisk, salt: u64) -> Result<SteppedLog, OpenError> {
    let mut salts = SmallRng::seed_from_u64(salt);
    let surroundings = Surroundings {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(|| 0),
        random: Box::new(move || salts.random()),
    };
    let config = Config {
        segment_bytes: 16 << 10,
        block_bytes_max: 500,
        commit_bytes_max: 2000,
        free_bytes_min: 0,
        ..Config::default()
    };
    SteppedLog::open(
        surroundings,
        config,
        Metrics::new(&prometheus::Registry::new()).unwrap(),
    )
}

fn record(offset: u64) -> Vec<u8> {
    offset.to_le_bytes().repeat(1 + offset as usize % 20)
}

/// Fills a log and returns how many records it has and where its last commit begins.
fn fill(disk: &SimulatedDisk, random: &mut SmallRng) -> (u64, u64) {
    let mut log = open(disk, 1).unwrap();
    let (mut end, mut last_commit) = (0, 0);
    for _ in 0..random.random_range(1..60) {
        let mut batch = Batch::default();
        for _ in 0..random.random_range(1..20) {
            batch.push(&[&record(end)]);
            end += 1;
        }
        log.log.append(&mut batch, None).unwrap();
        loop {
            let durable = log.durable_end().0;
            if log.commit() != Step::Committed {
                break;
            }
            last_commit = durable;
        }
        if random.random_bool(0.1) {
            log.keep(0, false);
        }
    }
    (end, last_commit)
}

/// Flips one bit, opens the log, and reads all of it: what is read is right, and what is
/// missing without an error is of the last commit.
pub fn flip_one_bit(seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    let disk = SimulatedDisk::new(seed);
    let (end, last_commit) = fill(&disk, &mut random);
    disk.kill();
    let files = disk.list().unwrap();
    let (name, bytes) = &files[random.random_range(0..files.len())];
    let position = match random.random_range(0..4) {
        0 => random.random_range(0..64),
        _ => random.random_range(4096..*bytes),
    };
    disk.flip(name, position, random.random());
    let log = match open(&disk, 2) {
        Ok(log) => log,
        Err(OpenError::Damaged { file, .. }) => {
            assert_eq!(&file, name);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let found = log.durable_end().0;
    assert!(found == end || found == last_commit || (found > last_commit && found < end));
    let mut reader = log.log.reader(Offset(0)).unwrap();
    let mut records = Records::default();
    let mut next = 0;
    loop {
        match reader.read(&mut records, 1000) {
            Ok(()) if records.is_empty() => break,
            Ok(()) => {}
            Err(ReadError::Damaged { file, .. }) => {
                assert_eq!(&file, name);
                return;
            }
            Err(error) => panic!("{error}"),
        }
        for (offset, bytes) in records.iter() {
            assert_eq!(offset.0, next);
            assert_eq!(bytes, record(next));
            next += 1;
        }
    }
    assert_eq!(next, found);
}
