//! Sending dead letters through the fold again: `docs/ingest.md`, "Dead letters".

use crate::{
    feed::Sources,
    letters::{self, Found},
    shard::Replay,
    view::{DeadLetterQuery, ReplayOutcome, ViewError},
    window,
};
use nhip_log::{AppendError, Batch, Log, Offset};
use nhip_wire::envelope::{Envelope, Kind};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Replays, one at a time.
pub(crate) struct Replays {
    /// Where the log ended at the start: replays before it are not known here.
    barrier: u64,
    /// Dead letters that were sent again, and the offset at which: until the fold is there.
    sent: Mutex<BTreeMap<u64, u64>>,
}

/// Dead letters in one append.
const LETTERS_MAX: usize = 256;
/// How long the log may take to make replays durable.
const DURABLE: Duration = Duration::from_secs(30);
/// The pause between two tries to append to a full queue.
const PAUSE: Duration = Duration::from_millis(10);

impl Replays {
    pub(crate) fn new(barrier: u64) -> Self {
        Self {
            barrier,
            sent: Mutex::default(),
        }
    }

    /// Appends what a query asks for and waits until it is durable.
    pub(crate) fn replay(
        &self,
        sources: &Sources,
        query: &DeadLetterQuery,
        now_us: i64,
    ) -> Result<ReplayOutcome, ViewError> {
        let mut sent = self.sent.lock();
        let position = window::position(&sources.shards);
        if position < self.barrier {
            return Err(stalled(
                "the fold has not yet passed what it found at its start",
            ));
        }
        sent.retain(|_, offset| *offset >= position);
        let mut outcome = ReplayOutcome::default();
        let mut query = query.clone();
        let mut left = query.limit;
        while left > 0 {
            query.limit = left.min(LETTERS_MAX);
            let found = letters::list(sources, &query)?;
            let Some(last) = found.last() else {
                break;
            };
            query.after = Some(last.letter.offset);
            left -= found.len();
            let fresh = |found: &Found| !sent.contains_key(&found.letter.offset);
            let found: Vec<Found> = found.into_iter().filter(fresh).collect();
            let numbers = found.iter().map(|found| found.letter.offset);
            let numbers: Vec<u64> = numbers.collect();
            if let Some(end) = append(&*sources.log, &found, now_us)? {
                let first = end - numbers.len() as u64;
                sent.extend(numbers.iter().copied().zip(first..));
                outcome.replayed += numbers.len() as u64;
                outcome.until_offset = end;
            }
        }
        if outcome.until_offset > 0 {
            wait(&*sources.log, Offset(outcome.until_offset - 1))?;
        }
        Ok(outcome)
    }
}

/// Appends one envelope for each dead letter; returns the offset behind the last.
fn append(log: &dyn Log, found: &[Found], now_us: i64) -> Result<Option<u64>, ViewError> {
    let mut batch = Batch::default();
    for found in found {
        let properties = Replay {
            at_us: now_us,
            holders: found.holders,
            only: found.rejected.clone(),
        };
        let properties = properties.encode();
        let envelope = Envelope {
            kind: Kind::Replayed,
            retain: false,
            qos: 1,
            v5: false,
            received_us: u64::try_from(found.letter.received_us).unwrap_or_default(),
            origin: found.letter.offset,
            client: "",
            topic: &found.letter.topic,
            properties: &properties,
            payload: &found.letter.payload,
        };
        let [client, topic, properties, payload] = envelope.parts();
        batch.push(&[&envelope.header(), client, topic, properties, payload]);
    }
    if batch.is_empty() {
        return Ok(None);
    }
    let begun = Instant::now();
    loop {
        match log.append(&mut batch, None) {
            Ok(last) => return Ok(Some(last.0 + 1)),
            Err(AppendError::Full { .. }) if begun.elapsed() < DURABLE => thread::sleep(PAUSE),
            Err(error) => return Err(stalled(&error.to_string())),
        }
    }
}

fn wait(log: &dyn Log, last: Offset) -> Result<(), ViewError> {
    let begun = Instant::now();
    while !log.wait(last, Duration::from_millis(200)) {
        if begun.elapsed() > DURABLE || log.state().failed {
            return Err(stalled("the replays are queued and not yet durable"));
        }
    }
    Ok(())
}

fn stalled(reason: &str) -> ViewError {
    ViewError::LogStalled {
        reason: reason.to_owned(),
    }
}
