//! Folding the log anew, for a store that has lost its readings.

use crate::{
    ingest::{SHARDS_MAX, StartError},
    state::{Header, keys::Key},
};
use nhip_log::{Log, Offset, Records};
use nhip_store::{StateBatch, Store, StoreError};
use nhip_wire::envelope::Envelope;

/// How much of the log is read at a time, for its first message.
const READ_BYTES: usize = 1 << 16;

/// Since when the log has what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its first record.
    pub offset: u64,
    /// When the first message in it was received, µs since 1970 UTC; none if it has none.
    pub received_us: Option<i64>,
}

/// Since when the log has what was received: what a store that is empty can be filled with.
pub fn kept(log: &dyn Log) -> Result<Kept, StartError> {
    let start = log.state().start;
    let received_us = first_received_us(log, start)?;
    Ok(Kept {
        offset: start.0,
        received_us,
    })
}

/// Forgets what was folded, so that the next [`Ingest::start`](crate::Ingest::start) folds the
/// log from its first record on, and says how many readings were stored. Figures, newest
/// readings, dead letters and what repetitions are known by come back with what is folded; what
/// was received before the log's first record does not. It may be called again when it has
/// failed half-way.
pub fn fold_anew(store: &dyn Store, log: &dyn Log) -> Result<u64, StartError> {
    let position = log.state().start.0;
    let mut stored = 0;
    for shard in 0..SHARDS_MAX {
        let wrong = |reason: String| StartError::State { shard, reason };
        let refused = |error: StoreError| wrong(error.to_string());
        let header = store.state(shard, &Key::Header.bytes()).map_err(refused)?;
        let Some(header) = header else {
            continue;
        };
        let header = Header::decode(&header).map_err(|torn| wrong(torn.to_string()))?;
        stored += header.totals.figures.stored;
        let batch = forget(store, header, position).map_err(refused)?;
        store.checkpoint(shard, batch).map_err(refused)?;
    }
    Ok(stored)
}

/// The changes after which nothing is known but where to begin.
fn forget(store: &dyn Store, header: Header, position: u64) -> Result<StateBatch, StoreError> {
    let mut batch = StateBatch::default();
    for pair in store.load_state(header.shard)? {
        batch.changes.push((pair?.0, None));
    }
    let header = Header {
        position,
        totals: Default::default(),
        ..header
    };
    let key = Key::Header.bytes();
    batch.changes.push((key, Some(header.encode())));
    Ok(batch)
}

fn first_received_us(log: &dyn Log, start: Offset) -> Result<Option<i64>, StartError> {
    let mut reader = log.reader(start)?;
    let mut records = Records::default();
    loop {
        reader.read(&mut records, READ_BYTES)?;
        if records.is_empty() {
            return Ok(None);
        }
        let read = |(_, record)| Envelope::read(record).ok();
        if let Some(envelope) = records.iter().find_map(read) {
            return Ok(i64::try_from(envelope.received_us).ok());
        }
    }
}
