//! Retained messages: a fold over the log, kept in the database.
//!
//! Keyspace `broker.retained`: `t` + topic → the log record of the newest retained message;
//! `c` → log offset folded up to, count, bytes, each a little-endian u64. Both change in one
//! atomic batch, so after any crash the fold goes on where the kept state stands.

use crate::codec::{Properties, Property, filter_matches};
use crate::config::Config;
use crate::keyspaces;
use crate::metrics::{Drop, Metrics};
use nhip_database::{Database, Error, Keyspace, PersistMode};
use nhip_wire::envelope::Envelope;
use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
};

const CURSOR: &[u8] = b"c";

/// See the module.
pub(crate) struct Retained {
    database: Database,
    keyspace: Keyspace,
    count: AtomicU64,
    bytes: AtomicU64,
    count_max: u64,
    bytes_max: u64,
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
        let mut figures = [0u64; 3];
        if let Some(cursor) = keyspace.get(CURSOR)? {
            for (figure, bytes) in figures.iter_mut().zip(cursor.as_chunks().0) {
                *figure = u64::from_le_bytes(*bytes);
            }
        }
        let [offset, count, bytes] = figures;
        metrics.retained.set(count as i64);
        let retained = Self {
            database: database.clone(),
            keyspace,
            count: AtomicU64::new(count),
            bytes: AtomicU64::new(bytes),
            count_max: config.retained_max,
            bytes_max: config.retained_bytes_max,
            metrics: metrics.clone(),
        };
        Ok((retained, offset))
    }

    /// Whether a retained message for `topic` that takes `bytes` as a record has no room.
    pub(crate) fn is_full(&self, topic: &str, bytes: usize) -> bool {
        let (count, held_bytes) = (self.count.load(Ordering::Relaxed), self.bytes());
        if !self.exceeds(count + 1, held_bytes + bytes as u64) {
            return false;
        }
        // What it replaces makes room, and is looked up only then.
        match self.keyspace.size_of(key(topic)) {
            Ok(Some(older)) => {
                let others = held_bytes.saturating_sub(u64::from(older));
                self.exceeds(count, others + bytes as u64)
            }
            _ => true,
        }
    }

    fn exceeds(&self, count: u64, bytes: u64) -> bool {
        count > self.count_max || bytes > self.bytes_max
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
        let (mut count, mut bytes) = (self.count.load(Ordering::Relaxed), self.bytes());
        for (topic, record) in newest {
            let key = key(topic);
            let held = self.keyspace.size_of(&key)?.map(u64::from);
            let rest = (count - u64::from(held.is_some()), bytes - held.unwrap_or(0));
            match record {
                // Accepted while others were on their way here.
                Some(record) if self.exceeds(rest.0 + 1, rest.1 + record.len() as u64) => {
                    self.metrics.drop(Drop::RetainedFull, 1);
                }
                Some(record) => {
                    (count, bytes) = (rest.0 + 1, rest.1 + record.len() as u64);
                    batch.insert(&self.keyspace, key, record);
                }
                None if held.is_some() => {
                    (count, bytes) = rest;
                    batch.remove(&self.keyspace, key);
                }
                None => {}
            }
        }
        let mut cursor = [0; 24];
        for (at, figure) in [offset, count, bytes].into_iter().enumerate() {
            cursor[at * 8..][..8].copy_from_slice(&figure.to_le_bytes());
        }
        batch.insert(&self.keyspace, CURSOR, cursor);
        batch.commit(durability)?;
        self.count.store(count, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.metrics.retained.set(count as i64);
        Ok(())
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
            let taken = filter_matches(filter, topic) && !expired(&record, now_us);
            if taken && found(&record).is_break() {
                return Ok(Some(topic.into()));
            }
        }
        Ok(None)
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn key(topic: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + topic.len());
    key.push(b't');
    key.extend_from_slice(topic.as_bytes());
    key
}

fn expired(record: &[u8], now_us: u64) -> bool {
    let Ok(envelope) = Envelope::read(record) else {
        return true;
    };
    let waited_s = now_us.saturating_sub(envelope.received_us) / 1_000_000;
    Properties::trusted(envelope.properties)
        .iter()
        .any(|property| matches!(property, Property::MessageExpiry(s) if u64::from(s) <= waited_s))
}
