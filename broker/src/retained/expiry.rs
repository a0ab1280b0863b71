//! Retained messages that have expired give their places up.

use super::{CURSOR, Figures, Retained, TOPIC, bytes_u32, key};
use crate::codec::{Properties, Property};
use nhip_database::{Batch, Error};
use nhip_wire::envelope::Envelope;
use std::sync::atomic::Ordering;

/// First byte of the rows by time.
const EXPIRES: u8 = b'x';

impl Retained {
    /// Gives up at most `most` of the messages that have expired at `now_us`, the oldest first;
    /// says how many. Only the thread that folds calls it.
    pub(crate) fn expire(&self, now_us: u64, most: usize) -> Result<usize, Error> {
        let from_us = self.next_due_us.load(Ordering::Relaxed);
        if from_us > now_us {
            return Ok(0);
        }
        let mut next_due_us = u64::MAX;
        let mut batch = self.database.batch();
        let mut figures = self.figures();
        let mut expired: Vec<Box<str>> = Vec::new();
        // Not from the first on: the database still passes over those that it has removed.
        let rows = row(from_us, "")..vec![EXPIRES + 1];
        for (at, entry) in self.keyspace.range(rows).enumerate() {
            let row = entry.key()?;
            let Some((due_us, topic)) = read_row(&row) else {
                continue;
            };
            if due_us > now_us || at >= most {
                next_due_us = due_us;
                break;
            }
            batch.remove(&self.keyspace, row.clone());
            let record = self.keyspace.get(key(topic))?;
            let bytes = record
                .filter(|record| self::due_us(record) == Some(due_us))
                .map(|record| bytes_u32(&record));
            let Some(bytes) = bytes else {
                continue;
            };
            self.ledger.lock().fold(topic, bytes, None);
            batch.remove(&self.keyspace, key(topic));
            figures.replace(bytes, 0);
            expired.push(topic.into());
        }
        if !batch.is_empty() {
            self.commit(batch, figures, None)?;
            let mut ledger = self.ledger.lock();
            for topic in &expired {
                // What the log has of it beyond what is folded stays counted.
                ledger.keep(topic, 0, figures.offset);
            }
        }
        self.next_due_us.store(next_due_us, Ordering::Relaxed);
        Ok(expired.len())
    }

    /// Writes the rows by time of what was kept before there were any.
    pub(super) fn index_by_time(&self) -> Result<(), Error> {
        let mut batch = self.database.batch();
        for entry in self.keyspace.prefix([TOPIC]) {
            let (key, record) = entry.into_inner()?;
            if let (Some(due_us), Ok(topic)) = (due_us(&record), std::str::from_utf8(&key[1..])) {
                batch.insert(&self.keyspace, row(due_us, topic), "");
            }
        }
        self.commit(batch, self.figures(), None)
    }

    /// Puts the row of `newer` in the place of that of `older`, which are records of a topic.
    pub(super) fn index(
        &self,
        batch: &mut Batch,
        topic: &str,
        older: Option<&[u8]>,
        newer: Option<&[u8]>,
    ) {
        let (older, newer) = (older.and_then(due_us), newer.and_then(due_us));
        if older == newer {
            return;
        }
        if let Some(due_us) = older {
            batch.remove(&self.keyspace, row(due_us, topic));
        }
        if let Some(due_us) = newer {
            self.next_due_us.fetch_min(due_us, Ordering::Relaxed);
            batch.insert(&self.keyspace, row(due_us, topic), "");
        }
    }

    /// Whether a cursor row was written by a broker that writes rows by time.
    pub(super) fn has_index(&self) -> Result<bool, Error> {
        let cursor = self.keyspace.get(CURSOR)?;
        Ok(cursor.is_none_or(|cursor| cursor.len() == Figures::BYTES))
    }
}

/// When a record expires, µs since 1970 UTC (MQTT 5: Message Expiry Interval).
pub(super) fn due_us(record: &[u8]) -> Option<u64> {
    let envelope = Envelope::read(record).ok()?;
    Properties::trusted(envelope.properties)
        .iter()
        .find_map(|property| match property {
            Property::MessageExpiry(seconds) => {
                Some(envelope.received_us + u64::from(seconds) * 1_000_000)
            }
            _ => None,
        })
}

fn row(due_us: u64, topic: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + 8 + topic.len());
    row.push(EXPIRES);
    row.extend_from_slice(&due_us.to_be_bytes());
    row.extend_from_slice(topic.as_bytes());
    row
}

fn read_row(row: &[u8]) -> Option<(u64, &str)> {
    let (due_us, topic) = row.get(1..)?.split_first_chunk()?;
    let topic = std::str::from_utf8(topic).ok()?;
    Some((u64::from_be_bytes(*due_us), topic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::PropertyList;
    use crate::config::Config;
    use crate::metrics::Metrics;
    use nhip_database::Database;
    use nhip_wire::envelope::Kind;

    const SECOND_US: u64 = 1_000_000;

    fn open(database: &Database) -> Retained {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        Retained::open(database, &Config::default(), &metrics)
            .unwrap()
            .0
    }

    /// Received at the second 100.
    fn record(topic: &str, expiry_s: Option<u32>, payload: &[u8]) -> Vec<u8> {
        let mut list = PropertyList::default();
        if let Some(expiry_s) = expiry_s {
            list.push(Property::MessageExpiry(expiry_s));
        }
        let envelope = Envelope {
            kind: Kind::Published,
            retain: true,
            qos: 1,
            v5: true,
            received_us: 100 * SECOND_US,
            origin: 0,
            client: "c",
            topic,
            properties: list.list().bytes(),
            payload,
        };
        let mut record = envelope.header().to_vec();
        record.extend(envelope.parts().concat());
        record
    }

    fn fold(retained: &Retained, records: &[Vec<u8>]) {
        let each = records.iter().map(Vec::as_slice);
        retained.fold(each, 7).unwrap();
    }

    fn rows(retained: &Retained) -> usize {
        retained.keyspace.prefix([EXPIRES]).count()
    }

    #[test]
    fn so_many_are_given_up_at_a_time_and_none_before_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let retained = open(&database);
        let topics = ["a", "b", "c", "d", "e"];
        let records: Vec<_> = (1..)
            .zip(topics)
            .map(|(expiry_s, topic)| record(topic, Some(expiry_s), b"x"))
            .collect();
        fold(&retained, &records);
        fold(&retained, &[record("kept", None, b"x")]);
        assert_eq!(retained.expire(101 * SECOND_US - 1, 2).unwrap(), 0);
        let expire = |retained: &Retained, at_s| retained.expire(at_s * SECOND_US, 2).unwrap();
        assert_eq!(
            [101, 104, 104, 104].map(|at| expire(&retained, at)),
            [1, 2, 1, 0]
        );
        // Another process goes on from there.
        drop(retained);
        let retained = open(&database);
        assert_eq!(retained.figures().count, 2);
        assert_eq!(expire(&retained, 105), 1);
        let kept = record("kept", None, b"x").len() as u64;
        let figures = retained.figures();
        assert_eq!((figures.count, figures.bytes, figures.offset), (1, kept, 7));
        assert_eq!(rows(&retained), 0);
    }

    #[test]
    fn what_replaced_an_expiring_message_stays() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let retained = open(&database);
        for topic in ["a", "b", "c"] {
            fold(&retained, &[record(topic, Some(1), b"x")]);
        }
        fold(
            &retained,
            &[
                record("a", None, b"x"),
                record("b", Some(60), b"x"),
                record("c", None, b""),
            ],
        );
        assert_eq!(rows(&retained), 1);
        assert_eq!(retained.expire(110 * SECOND_US, 9).unwrap(), 0);
        assert_eq!(retained.figures().count, 2);
    }

    #[test]
    fn what_expires_before_all_others_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let retained = open(&database);
        fold(&retained, &[record("late", Some(60), b"x")]);
        assert_eq!(retained.expire(110 * SECOND_US, 9).unwrap(), 0);
        fold(&retained, &[record("early", Some(20), b"x")]);
        assert_eq!(retained.expire(120 * SECOND_US, 9).unwrap(), 1);
        assert_eq!(retained.figures().count, 1);
    }

    #[test]
    fn what_was_kept_before_there_were_rows_by_time_gets_them() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &Default::default()).unwrap();
        let retained = open(&database);
        fold(&retained, &[record("a", Some(1), b"x")]);
        let mut batch = database.batch();
        batch.remove(&retained.keyspace, row(101 * SECOND_US, "a"));
        let cursor = retained.keyspace.get(CURSOR).unwrap().unwrap();
        batch.insert(&retained.keyspace, CURSOR, &cursor[..24]);
        batch.commit(None).unwrap();
        drop(retained);
        let retained = open(&database);
        assert_eq!(rows(&retained), 1);
        assert_eq!(retained.expire(101 * SECOND_US, 9).unwrap(), 1);
        assert_eq!(retained.figures().count, 0);
    }
}
