//! Retained messages: a fold over the log, kept in the database.
//!
//! Keyspace `broker.retained`, whose rows `docs/broker.md` describes. What belongs together
//! changes in one atomic batch, so after any crash the fold goes on where the kept state stands.
//! It keeps whatever the log has; what there is no room for doesn't come into the log as retained.

mod expiry;
mod figures;
mod ledger;
mod promises;
mod room;
mod topic;

pub(crate) use promises::Promises;

use crate::codec::filter_matches;
use crate::config::Config;
use crate::keyspaces;
use crate::metrics::Metrics;
use figures::Figures;
use ledger::{Chunk, Ledger};
use nhip_database::{Database, Error, Keyspace, PersistMode};
use nhip_log::{AppendError, Batch, Offset};
use nhip_wire::envelope::Envelope;
use parking_lot::Mutex;
use room::Room;
use std::{collections::HashMap, ops::ControlFlow, sync::atomic::AtomicU64};
use topic::Logged;

const CURSOR: &[u8] = b"c";
/// First byte of the rows of messages.
const TOPIC: u8 = b't';

/// See the module.
pub(crate) struct Retained {
    database: Database,
    keyspace: Keyspace,
    /// Of what is kept, which one thread alone changes.
    figures: Mutex<Figures>,
    ledger: Mutex<Ledger>,
    /// Nothing that is kept expires before it, µs since 1970 UTC. The thread that changes what
    /// is kept alone knows it.
    next_due_us: AtomicU64,
    metrics: Metrics,
}

impl Retained {
    /// Opens the kept state; gives back the offset that the fold goes on from.
    pub(crate) fn open(
        database: &Database,
        config: &Config,
        metrics: &Metrics,
    ) -> Result<(Self, u64), Error> {
        let keyspace = keyspaces::open(database, "broker.retained")?;
        let figures = keyspace.get(CURSOR)?;
        let figures = figures.map_or_else(Figures::default, |row| Figures::read(&row));
        let Figures { count, bytes, .. } = figures;
        metrics.retained.set(count as i64);
        let most = Room {
            count: config.retained_max,
            bytes: config.retained_bytes_max,
        };
        let retained = Self {
            database: database.clone(),
            keyspace,
            figures: Mutex::new(figures),
            ledger: Mutex::new(Ledger::new(most, Room { count, bytes })),
            next_due_us: AtomicU64::new(0),
            metrics: metrics.clone(),
        };
        if !retained.has_index()? {
            retained.index_by_time()?;
        }
        Ok((retained, figures.offset))
    }

    /// Appends a batch in which messages may be retained, for which there is room, and counts
    /// them in the order of the log.
    pub(crate) fn log(
        &self,
        batch: &mut Batch,
        append: impl FnOnce(&mut Batch) -> Result<Offset, AppendError>,
    ) -> Result<Offset, AppendError> {
        let records = u64::from(batch.records());
        let mut chunk = Chunk::default();
        for (at, record) in (0..).zip(promises::framed_records(batch.framed())) {
            if is_retained(record)
                && let Ok(envelope) = Envelope::read(record)
            {
                chunk.add(at, envelope.topic, kept_bytes(&envelope, record));
            }
        }
        if chunk.is_empty() {
            return append(batch);
        }
        let mut ledger = self.ledger.lock();
        let last = append(batch)?;
        ledger.push(chunk.at(last.next().0 - records));
        Ok(last)
    }

    /// Bytes of the record that is kept for `topic`, 0 for none.
    fn kept_bytes(&self, topic: &str) -> Result<u32, Error> {
        Ok(self.keyspace.size_of(key(topic))?.unwrap_or(0))
    }

    /// Folds retained records, in log order, and moves the cursor to `offset`; all of it is
    /// durable with the next checkpoint.
    pub(crate) fn fold<'r>(
        &self,
        records: impl Iterator<Item = &'r [u8]>,
        offset: u64,
    ) -> Result<(), Error> {
        self.write(records, offset, None)
    }

    /// Makes everything folded up to `offset` durable.
    pub(crate) fn checkpoint(&self, offset: u64) -> Result<(), Error> {
        self.write(std::iter::empty(), offset, Some(PersistMode::SyncData))
    }

    fn write<'r>(
        &self,
        records: impl Iterator<Item = &'r [u8]>,
        offset: u64,
        durability: Option<PersistMode>,
    ) -> Result<(), Error> {
        let mut newest: HashMap<&str, Option<&[u8]>> = HashMap::new();
        for record in records {
            if let Ok(envelope) = Envelope::read(record) {
                let kept = (!envelope.payload.is_empty()).then_some(record);
                newest.insert(envelope.topic, kept);
            }
        }
        let mut batch = self.database.batch();
        let mut figures = self.figures();
        figures.offset = offset;
        for (&topic, &record) in &newest {
            let older = self.keyspace.get(key(topic))?;
            let older = older.as_deref();
            let older_bytes = bytes_u32(older.unwrap_or_default());
            let bytes = bytes_u32(record.unwrap_or_default());
            let newest = Logged { bytes, end: offset };
            self.ledger.lock().fold(topic, older_bytes, Some(newest));
            figures.replace(older_bytes, bytes);
            self.index(&mut batch, topic, older, record);
            match record {
                Some(record) => batch.insert(&self.keyspace, key(topic), record),
                None if older.is_some() => batch.remove(&self.keyspace, key(topic)),
                None => {}
            }
        }
        self.ledger.lock().pass(offset);
        self.commit(batch, figures, durability)?;
        for (topic, record) in newest {
            // One by one: others publish meanwhile.
            self.ledger
                .lock()
                .keep(topic, bytes_u32(record.unwrap_or_default()), offset);
        }
        Ok(())
    }

    fn commit(
        &self,
        mut batch: nhip_database::Batch,
        figures: Figures,
        durability: Option<PersistMode>,
    ) -> Result<(), Error> {
        batch.insert(&self.keyspace, CURSOR, figures.row());
        batch.commit(durability)?;
        *self.figures.lock() = figures;
        self.metrics.retained.set(figures.count as i64);
        Ok(())
    }

    fn figures(&self) -> Figures {
        *self.figures.lock()
    }

    /// Shows the records that `filter` takes and that have not expired at `now_us`, in the
    /// order of their topics from `from` on, until `found` breaks; gives back the topic at
    /// which it did.
    pub(crate) fn visit(
        &self,
        filter: &str,
        from: &str,
        now_us: u64,
        mut found: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Option<Box<str>>, Error> {
        let literal = filter.find(['+', '#']).map_or(filter, |at| &filter[..at]);
        // `a/#` takes `a` too.
        let literal = literal.strip_suffix('/').unwrap_or(literal);
        let prefix = key(literal);
        for entry in self.keyspace.range(key(from).max(prefix.clone())..) {
            let (key, record) = entry.into_inner()?;
            if !key.starts_with(&prefix) {
                break;
            }
            let Ok(topic) = std::str::from_utf8(&key[1..]) else {
                continue;
            };
            let taken = filter_matches(filter, topic)
                && expiry::due_us(&record).is_none_or(|due_us| due_us > now_us);
            if taken && found(&record).is_break() {
                return Ok(Some(topic.into()));
            }
        }
        Ok(None)
    }
}

/// Whether a log record is a message that replaces or clears the one that is kept.
pub(crate) fn is_retained(record: &[u8]) -> bool {
    record.get(1).is_some_and(|flags| flags & 1 != 0) && is_published(record)
}

/// A replayed dead letter isn't a message to anybody a second time.
pub(crate) fn is_published(record: &[u8]) -> bool {
    record.first() == Some(&1)
}

/// Bytes that are kept of a retained record: 0 if it clears.
fn kept_bytes(envelope: &Envelope<'_>, record: &[u8]) -> u32 {
    match envelope.payload.is_empty() {
        true => 0,
        false => bytes_u32(record),
    }
}

/// The log takes no record of 4 GiB.
fn bytes_u32(record: &[u8]) -> u32 {
    u32::try_from(record.len()).unwrap_or(u32::MAX)
}

fn key(topic: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + topic.len());
    key.push(TOPIC);
    key.extend_from_slice(topic.as_bytes());
    key
}
