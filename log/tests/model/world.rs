//! A log on a simulated disk, and what it should hold.

use crate::{heard::Heard, tally::Tally};
use nhip_log::{
    AppendError, Batch, Committed, Config, Log, Metrics, Offset, OpenError, Pin, ReadError, Reader,
    Records, Step, SteppedLog, Surroundings,
    disk::{Disk, Fault, SimulatedDisk},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

const START_US: i64 = 1_700_000_000_000_000;

pub struct World {
    random: SmallRng,
    disk: SimulatedDisk,
    config: Config,
    log: Option<SteppedLog>,
    heard: Arc<Heard>,
    /// Every record that may be in the log, by offset.
    model: Vec<Vec<u8>>,
    /// Everything before this offset was durable once.
    floor: u64,
    pin: Option<Box<dyn Pin>>,
    pinned: u64,
    reader: Option<Box<dyn Reader>>,
    clock_us: Arc<AtomicI64>,
    next_id: u64,
    /// Records that a crash has taken; devices send them again.
    lost: Vec<Vec<u8>>,
    pub tally: Tally,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let segment_bytes = 4096 + 512 * random.random_range(2..40);
        let config = Config {
            segment_bytes,
            spare_segments_max: random.random_range(0..3),
            block_bytes_max: random.random_range(64..2048),
            commit_bytes_max: random.random_range(256..6000),
            record_bytes_max: 4000,
            queue_bytes_max: random.random_range(2000..12_000),
            free_bytes_min: [0, 3000][random.random_range(0..2)],
            retention_age_s: random.random_range(20..400),
            retention_bytes: segment_bytes * random.random_range(1..6),
            bytes_max: segment_bytes * random.random_range(4..12),
            ..Config::default()
        };
        let mut world = Self {
            disk: SimulatedDisk::new(random.random()),
            random,
            config,
            log: None,
            heard: Arc::default(),
            model: Vec::new(),
            floor: 0,
            pin: None,
            pinned: 0,
            reader: None,
            clock_us: Arc::new(AtomicI64::new(START_US)),
            next_id: 0,
            lost: Vec::new(),
            tally: Tally::default(),
        };
        world.open();
        world
    }

    fn log(&mut self) -> &mut SteppedLog {
        self.log.as_mut().unwrap()
    }

    pub fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..30 => self.append(),
            30..60 => self.commit(),
            60..72 => self.keep(),
            72..80 => self.read_on(),
            80..83 => self.read_anew(),
            83..88 => self.move_pin(),
            88..92 => self.arm(),
            92..94 => self.fill_disk(),
            94..95 => self.disk.set_bytes_max(u64::MAX),
            95..98 => self.crash(),
            _ => self.kill(),
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        if self.random.random_bool(0.1)
            && let Some(lost) = self.lost.pop()
        {
            return lost;
        }
        let length = match self.random.random_range(0..20) {
            0 => 0,
            1 => self.random.random_range(0..4000),
            _ => self.random.random_range(0..200),
        };
        let mut payload = vec![0; length];
        self.random.fill(payload.as_mut_slice());
        self.next_id += 1;
        payload.extend_from_slice(&self.next_id.to_le_bytes());
        payload.truncate(4000);
        payload
    }

    fn append(&mut self) {
        let mut batch = Batch::default();
        let mut payloads = Vec::new();
        for _ in 0..self.random.random_range(1..12) {
            let payload = self.payload();
            let (front, back) = payload.split_at(payload.len() / 2);
            batch.push(&[front, back]);
            payloads.push(payload);
        }
        let listener: Arc<dyn Committed> = Arc::clone(&self.heard) as Arc<dyn Committed>;
        let failed = self.log().log.state().failed;
        match self.log().log.append(&mut batch, Some(&listener)) {
            Ok(last) => {
                assert!(!failed);
                self.model.append(&mut payloads);
                assert_eq!(last.0 + 1, self.model.len() as u64);
            }
            Err(AppendError::Full { queued_bytes }) => {
                let bytes = queued_bytes as usize + batch.framed().len();
                assert!(bytes > self.config.queue_bytes_max && queued_bytes > 0);
                self.tally.refused_full += 1;
            }
            Err(AppendError::Closed { .. }) => assert!(failed),
            Err(error) => panic!("{error}"),
        }
    }

    fn commit(&mut self) {
        let before = self.log().log.state();
        let step = self.log().commit();
        let state = self.log().log.state();
        let heard = self.heard.behind.load(Ordering::SeqCst);
        match step {
            Step::Committed => {
                assert!(state.durable_end > before.durable_end && state.stalled.is_none());
                assert_eq!(heard, state.durable_end.0);
                self.tally.commits += 1;
                self.floor = state.durable_end.0;
            }
            Step::Idle => {
                assert_eq!(state, before);
                assert_eq!(self.floor, self.model.len() as u64);
            }
            Step::Stalled => {
                assert!(state.stalled.is_some() && state.durable_end == before.durable_end);
                self.tally.stalls += 1;
            }
            Step::Failed => {
                assert!(state.failed && state.durable_end == before.durable_end);
                self.tally.failures += 1;
                let waits = heard < self.model.len() as u64 && !before.failed;
                assert!(!waits || self.heard.failed.load(Ordering::SeqCst));
            }
        }
        assert!(heard <= self.floor, "only what is durable is acknowledged");
    }

    fn keep(&mut self) {
        let now = self
            .clock_us
            .fetch_add(self.random.random_range(0..30_000_000), Ordering::SeqCst);
        let trim = self.random.random_bool(0.7);
        let before = self.log().log.state().start;
        self.log().keep(now, trim);
        let start = self.log().log.state().start;
        assert!(start >= before && (trim || start == before));
        assert!(start.0 <= self.pinned.max(before.0), "a pin holds");
        assert!(start.0 <= self.floor);
        if start > before {
            self.tally.trims += 1;
        }
        let old = |(name, _): &(String, u64)| name.starts_with("spare-0000000000000000");
        self.tally.recycled += self
            .disk
            .list()
            .unwrap()
            .iter()
            .filter(|file| old(file))
            .count() as u64;
    }

    fn move_pin(&mut self) {
        let to = self
            .random
            .random_range(self.pinned..=self.floor.max(self.pinned));
        self.pinned = to;
        if let Some(pin) = &self.pin {
            pin.advance(Offset(to));
        }
    }

    /// Lets one of the next operations fail.
    fn arm(&mut self) {
        let fault = [Fault::Io, Fault::NoSpace, Fault::NoSpace, Fault::PowerOff]
            [self.random.random_range(0..4)];
        self.disk.fail_after(self.random.random_range(0..12), fault);
    }

    fn fill_disk(&mut self) {
        let used: u64 = self
            .disk
            .list()
            .unwrap()
            .iter()
            .map(|(_, bytes)| bytes)
            .sum();
        let left = self.random.random_range(0..self.config.segment_bytes);
        self.disk.set_bytes_max(used + left);
    }

    fn check_read(&mut self, records: &Records, from: Offset) -> u64 {
        let mut next = from;
        for (offset, record) in records.iter() {
            assert_eq!(offset, next);
            assert!(offset.0 < self.floor, "only what is durable is read");
            assert_eq!(record, self.model[offset.0 as usize], "record {}", offset.0);
            next = next.next();
        }
        self.tally.records += records.len() as u64;
        next.0
    }

    /// Reads on with a reader that has seen segments come and go.
    fn read_on(&mut self) {
        let Some(mut reader) = self.reader.take() else {
            let state = self.log().log.state();
            let from = self
                .random
                .random_range(state.start.0..=state.durable_end.0);
            self.reader = Some(self.log().log.reader(Offset(from)).unwrap());
            return;
        };
        let from = reader.position();
        let mut records = Records::default();
        let bytes_max = self.random.random_range(0..6000);
        match reader.read(&mut records, bytes_max) {
            Ok(()) => {
                let next = self.check_read(&records, from);
                assert_eq!(reader.position().0, next);
                assert!(next > from.0 || next == self.floor, "a reader catches up");
                self.reader = Some(reader);
            }
            Err(ReadError::Trimmed { asked, start }) => {
                assert!(asked == from && start > from);
                self.tally.trimmed_reads += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn read_anew(&mut self) {
        let state = self.log().log.state();
        let from = self
            .random
            .random_range(state.start.0..=state.durable_end.0);
        self.read_to_end(from);
    }

    fn read_to_end(&mut self, from: u64) {
        let mut reader = self.log().log.reader(Offset(from)).unwrap();
        let mut records = Records::default();
        let mut next = from;
        loop {
            reader.read(&mut records, 3000).unwrap();
            if records.is_empty() {
                break;
            }
            next = self.check_read(&records, Offset(next));
        }
        assert_eq!(next, self.floor);
    }

    fn stop(&mut self) {
        (self.log, self.reader, self.pin) = (None, None, None);
    }

    fn crash(&mut self) {
        self.stop();
        self.disk.crash();
        self.tally.crashes += 1;
        self.open();
    }

    fn kill(&mut self) {
        self.stop();
        self.disk.kill();
        self.tally.kills += 1;
        self.open();
    }

    fn open(&mut self) {
        while self.random.random_bool(0.2) {
            self.arm();
            if let Ok(log) = self.try_open() {
                self.found(log);
                return;
            }
            self.tally.failed_opens += 1;
            if self.random.random_bool(0.5) {
                self.disk.crash();
            } else {
                self.disk.kill();
            }
        }
        self.disk.heal();
        let log = self.try_open().unwrap();
        self.found(log);
    }

    fn try_open(&mut self) -> Result<SteppedLog, OpenError> {
        let clock = Arc::clone(&self.clock_us);
        let mut salts = SmallRng::seed_from_u64(self.random.random());
        let surroundings = Surroundings {
            disk: Arc::new(self.disk.clone()),
            clock: Arc::new(move || clock.fetch_add(1, Ordering::SeqCst)),
            random: Box::new(move || salts.random()),
        };
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        SteppedLog::open(surroundings, self.config.clone(), metrics)
    }

    /// Compares what is there after an opening with what was there before it.
    fn found(&mut self, log: SteppedLog) {
        let state = log.log.state();
        let end = state.durable_end.0;
        assert!(end >= self.floor, "{} of {} are there", end, self.floor);
        assert!(
            end <= self.model.len() as u64,
            "nothing is there that wasn't appended"
        );
        assert!(state.start.0 <= self.pinned, "a pin held");
        self.tally.kept_unacknowledged += end - self.floor;
        self.floor = end;
        let lost = self.model.split_off(end as usize);
        self.tally.lost_records += lost.len() as u64;
        self.lost.extend(lost.into_iter().rev());
        self.lost.truncate(100);
        self.heard = Arc::default();
        self.heard.behind.store(end, Ordering::SeqCst);
        self.pin = Some(log.log.pin("model", Offset(self.pinned)));
        self.log = Some(log);
        self.read_to_end(state.start.0);
    }

    /// With faults gone and space back, everything queued becomes durable.
    pub fn settle(&mut self) {
        self.disk.heal();
        self.disk.set_bytes_max(u64::MAX);
        if self.log().log.state().failed || self.log().durable_end().0 < self.floor {
            self.crash();
            self.disk.heal();
        }
        for round in 0..200 {
            self.pinned = self.floor;
            if let Some(pin) = &self.pin {
                pin.advance(Offset(self.pinned));
            }
            self.keep();
            self.commit();
            let state = self.log().log.state();
            if state.failed || state.stalled.is_some() && round > 150 {
                // The power was off and nobody had noticed, or a fault has ended trimming.
                self.crash();
                self.disk.heal();
            }
        }
        assert_eq!(self.floor, self.model.len() as u64, "everything is durable");
        let start = self.log().log.state().start.0;
        self.read_to_end(start);
        assert_eq!(self.log().log.figures().queued_bytes, 0);
        self.crash();
        assert!(self.lost.len() <= 100 && self.floor == self.model.len() as u64);
    }
}
