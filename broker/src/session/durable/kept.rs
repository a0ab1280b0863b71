//! The rows of all durable sessions, in keyspace `broker.sessions` (`docs/sessions.md`).

use super::event::Event;
use super::group_place::{GroupPlace, GroupSnapshot};
use super::place::Place;
use super::row::Row;
use crate::codec::shared_filter;
use crate::keyspaces;
use nhip_database::{Batch, Database, Error, Keyspace};
use nhip_wire::envelope::{Envelope, Kind};
use std::{
    collections::HashMap,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

const CURSOR: &[u8] = b"c";
const ROW: u8 = b's';
const CONNECTED: u8 = b'n';
const ENDS: u8 = b'e';
const WILL: u8 = b'w';
const GROUP: u8 = b'g';
const MEMBER: u8 = b'm';

/// Where a connected session stands, to be kept at a checkpoint.
pub(crate) struct Snapshot {
    pub(crate) client: Arc<str>,
    pub(crate) generation: u64,
    pub(crate) place: Place,
}

/// See the module.
pub(crate) struct Kept {
    database: Database,
    keyspace: Keyspace,
    /// Records before this offset are folded.
    folded_end: AtomicU64,
    rows: AtomicU64,
}

impl Kept {
    /// Opens the rows; those of another log, that ends before them at `log_end`, are dropped.
    pub(crate) fn open(database: &Database, log_end: u64) -> Result<Self, Error> {
        let keyspace = keyspaces::open(database, "broker.sessions")?;
        let mut figures = [0u64; 2];
        if let Some(cursor) = keyspace.get(CURSOR)? {
            for (figure, bytes) in figures.iter_mut().zip(cursor.as_chunks().0) {
                *figure = u64::from_le_bytes(*bytes);
            }
        }
        if figures[0] > log_end {
            tracing::warn!(
                sessions = figures[1],
                "the log is older than the sessions: they end"
            );
            let mut batch = database.batch();
            for entry in keyspace.iter() {
                batch.remove(&keyspace, entry.key()?);
            }
            batch.commit(None)?;
            figures = [log_end, 0];
        }
        Ok(Self {
            database: database.clone(),
            keyspace,
            folded_end: AtomicU64::new(figures[0]),
            rows: AtomicU64::new(figures[1]),
        })
    }

    /// The offset that the fold goes on from.
    pub(crate) fn folded_end(&self) -> u64 {
        self.folded_end.load(Ordering::Acquire)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The row of `client`, as far as its events are folded.
    pub(crate) fn row(&self, client: &str) -> Result<Option<Row>, Error> {
        if self.rows() == 0 {
            return Ok(None);
        }
        let bytes = self.keyspace.get(key(ROW, client))?;
        Ok(bytes.and_then(|bytes| Row::read(&bytes)))
    }

    /// Whether a record says something about a session.
    pub(crate) fn concerns(record: &[u8]) -> bool {
        match record.first_chunk::<18>() {
            Some([3, ..]) => true,
            // QoS 2 with a packet id.
            Some([1, flags, .., low, high, _, _, _, _, _, _]) => {
                flags >> 1 & 3 == 2 && (*low, *high) != (0, 0)
            }
            _ => false,
        }
    }

    /// Folds records, in log order, and where connected sessions and shared subscriptions stand;
    /// moves the cursor to `end`, in one atomic step.
    pub(crate) fn fold<'r>(
        &self,
        records: impl Iterator<Item = (u64, &'r [u8])>,
        snapshots: &[Snapshot],
        groups: &[GroupSnapshot],
        end: u64,
    ) -> Result<(), Error> {
        let begin = self.folded_end();
        if end < begin {
            return Ok(());
        }
        let mut touched: HashMap<&str, Touched> = HashMap::new();
        for (offset, record) in records.filter(|(offset, _)| *offset >= begin) {
            let Ok(envelope) = Envelope::read(record) else {
                continue;
            };
            let event = match envelope.kind {
                Kind::Session => Event::read(envelope.payload),
                _ => Some(Event::Held(envelope.origin as u16)),
            };
            if let Some(event) = event {
                let row = self.touch(&mut touched, envelope.client)?;
                Row::apply(&mut row.now, event, offset);
            }
        }
        for snapshot in snapshots {
            let row = self.touch(&mut touched, &snapshot.client)?;
            let same = |row: &&mut Row| row.generation == snapshot.generation;
            if let Some(row) = row.now.as_mut().filter(same) {
                row.place = snapshot.place.clone();
            }
        }
        let mut batch = self.database.batch();
        let mut rows = self.rows();
        for (client, row) in touched {
            rows = rows + u64::from(row.now.is_some()) - u64::from(row.before.is_some());
            self.write(&mut batch, client, &row);
        }
        for group in groups {
            self.write_group(&mut batch, group)?;
        }
        let mut cursor = [0; 16];
        cursor[..8].copy_from_slice(&end.to_le_bytes());
        cursor[8..].copy_from_slice(&rows.to_le_bytes());
        batch.insert(&self.keyspace, CURSOR, cursor);
        batch.commit(None)?;
        self.rows.store(rows, Ordering::Relaxed);
        self.folded_end.store(end, Ordering::Release);
        Ok(())
    }

    fn touch<'t, 'r>(
        &self,
        touched: &'t mut HashMap<&'r str, Touched>,
        client: &'r str,
    ) -> Result<&'t mut Touched, Error> {
        if !touched.contains_key(client) {
            let row = self.keyspace.get(key(ROW, client))?;
            let before = row.and_then(|bytes| Row::read(&bytes));
            let now = before.clone();
            touched.insert(client, Touched { before, now });
        }
        Ok(touched.entry(client).or_default())
    }

    fn write(&self, batch: &mut Batch, client: &str, row: &Touched) {
        let (before, now) = (
            index(client, row.before.as_ref()),
            index(client, row.now.as_ref()),
        );
        for gone in before.iter().filter(|entry| !now.contains(entry)) {
            batch.remove(&self.keyspace, &gone.0);
        }
        for (key, value) in now.into_iter().filter(|entry| !before.contains(entry)) {
            batch.insert(&self.keyspace, key, value);
        }
        match (&row.before, &row.now) {
            (before, now) if before == now => {}
            (_, Some(now)) => batch.insert(&self.keyspace, key(ROW, client), now.write()),
            (_, None) => batch.remove(&self.keyspace, key(ROW, client)),
        }
    }

    /// What a shared subscription has that lives as long as one of its members, a session on
    /// the disk; nothing is kept of others.
    fn write_group(&self, batch: &mut Batch, group: &GroupSnapshot) -> Result<(), Error> {
        let key = key(GROUP, &group.name);
        if self.member_since(&group.name)? == Some(group.place.since) {
            batch.insert(&self.keyspace, key, group.place.write());
        } else if self.keyspace.get(&key)?.is_some() {
            batch.remove(&self.keyspace, key);
        }
        Ok(())
    }

    /// Where the shared subscription `name` stood when it was kept last.
    pub(crate) fn group(&self, name: &str) -> Result<Option<GroupPlace>, Error> {
        let bytes = self.keyspace.get(key(GROUP, name))?;
        Ok(bytes.and_then(|bytes| GroupPlace::read(&bytes)))
    }

    /// From which offset on the members of a shared subscription whose sessions are kept have
    /// it, if there is one.
    pub(crate) fn member_since(&self, name: &str) -> Result<Option<u64>, Error> {
        if self.rows() == 0 {
            return Ok(None);
        }
        let Some(entry) = self.keyspace.prefix(member(name, "")).next() else {
            return Ok(None);
        };
        let (_, value) = entry.into_inner()?;
        Ok(value.first_chunk().map(|since| u64::from_le_bytes(*since)))
    }

    /// The clients whose rows say that they are connected.
    pub(crate) fn connected(&self) -> Result<Vec<Box<str>>, Error> {
        let mut clients = Vec::new();
        for entry in self.keyspace.prefix([CONNECTED]) {
            let (key, _) = entry.into_inner()?;
            clients.extend(std::str::from_utf8(&key[1..]).map(Into::into));
        }
        Ok(clients)
    }

    /// Clients whose absent sessions are over at `now_us`, at most `most` of them.
    pub(crate) fn over(&self, now_us: u64, most: usize) -> Result<Vec<Box<str>>, Error> {
        self.due(ENDS, now_us, most)
    }

    /// Clients whose wills are due at `now_us`, at most `most` of them.
    pub(crate) fn wills(&self, now_us: u64, most: usize) -> Result<Vec<Box<str>>, Error> {
        self.due(WILL, now_us, most)
    }

    fn due(&self, kind: u8, now_us: u64, most: usize) -> Result<Vec<Box<str>>, Error> {
        let mut clients = Vec::new();
        if self.rows() == 0 {
            return Ok(clients);
        }
        for entry in self
            .keyspace
            .range([kind].to_vec()..=timed(kind, now_us, "\u{10ffff}"))
        {
            let (key, _) = entry.into_inner()?;
            clients.extend(std::str::from_utf8(&key[9..]).map(Into::into));
            if clients.len() >= most {
                break;
            }
        }
        Ok(clients)
    }
}

#[derive(Default)]
struct Touched {
    before: Option<Row>,
    now: Option<Row>,
}

/// The keys under which a row is found by what is to happen to it, and by what it shares, with
/// their values.
fn index(client: &str, row: Option<&Row>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(row) = row else {
        return Vec::new();
    };
    let connected = row.left_us.is_none().then(|| key(CONNECTED, client));
    let ends = row.ends_us().map(|time_us| timed(ENDS, time_us, client));
    let will = row.will_due_us();
    let will = will.map(|time_us| timed(WILL, time_us, client));
    let by_time = connected.into_iter().chain(ends).chain(will);
    let shared = row
        .filters
        .iter()
        .filter(|held| shared_filter(&held.name).is_some());
    let shared = shared.map(|held| {
        (
            member(&held.name, client),
            held.since.to_le_bytes().to_vec(),
        )
    });
    by_time.map(|key| (key, Vec::new())).chain(shared).collect()
}

/// A filter holds no U+0000, so that no name begins like another.
fn member(name: &str, client: &str) -> Vec<u8> {
    let mut key = key(MEMBER, name);
    key.push(0);
    key.extend_from_slice(client.as_bytes());
    key
}

fn key(kind: u8, client: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + client.len());
    key.push(kind);
    key.extend_from_slice(client.as_bytes());
    key
}

fn timed(kind: u8, time_us: u64, client: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + client.len());
    key.push(kind);
    key.extend_from_slice(&time_us.to_be_bytes());
    key.extend_from_slice(client.as_bytes());
    key
}
