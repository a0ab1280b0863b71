//! One record, folded into the state of a shard.

use super::{
    Batch, Halt, Problem, Route, Routes, Stored,
    devices::Devices,
    letters::{Letters, Rejection},
    readings::Whose,
    shard_of,
    shared::Shared,
};
use crate::{
    config::Config,
    decode::Readings,
    directory::Directory,
    rules::Rules,
    state::{Account, Entry, Rejected, Totals},
};
use nhip_wire::envelope::{Envelope, Kind};
use std::sync::Arc;

/// The state of a shard, and what folding needs beside it.
pub(crate) struct Fold {
    pub(crate) config: Arc<Config>,
    pub(crate) shard: u32,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) devices: Devices,
    pub(crate) totals: Totals,
    pub(crate) letters: Letters,
    pub(super) readings: Readings,
    pub(super) rejection: Rejection,
    /// The last topic that was not this shard's; empty if there is none.
    passed: String,
}

/// What an envelope of kind *replayed* says in place of properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    /// When it was sent again, µs since 1970 UTC.
    pub(crate) at_us: i64,
    /// The shards that held the dead letter, a bit each.
    pub(crate) holders: u64,
    /// What of it to take.
    pub(crate) only: Rejected,
}

impl Replay {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (at_us, holders) = (self.at_us.to_le_bytes(), self.holders.to_le_bytes());
        [&at_us[..], &holders[..], &self.only.0].concat()
    }

    pub(crate) fn of(envelope: &Envelope<'_>) -> Option<Self> {
        if envelope.kind != Kind::Replayed {
            return None;
        }
        let (at_us, rest) = envelope.properties.split_first_chunk()?;
        let (holders, only) = rest.split_first_chunk()?;
        Some(Self {
            at_us: i64::from_le_bytes(*at_us),
            holders: u64::from_le_bytes(*holders),
            only: Rejected(only.to_vec()),
        })
    }
}

/// A record that this shard looks at.
pub(super) struct Record<'a> {
    pub(super) offset: u64,
    pub(super) received_us: i64,
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) replay: Option<Replay>,
    /// The number that a dead letter of it gets.
    pub(super) number: u64,
    /// Whether it replays a dead letter that this shard no longer holds: folding the log a
    /// second time after a fix, there was nothing to reject.
    pub(super) settled: bool,
    /// What the dead letter held that it replays: less than was sent again when the log is
    /// folded a second time after a fix, for the rest was taken in its first place.
    pub(super) held: Option<Rejected>,
}

impl Fold {
    pub(crate) fn new(
        config: Arc<Config>,
        shard: u32,
        directory: Arc<dyn Directory>,
        rules: Arc<Rules>,
        shared: Arc<Shared>,
    ) -> Self {
        let shares = config.shards.max(1);
        Self {
            devices: Devices::new(config.unregistered_devices_max / shares),
            letters: Letters {
                count_max: (config.dead_letters_max / u64::from(shares)).max(1),
                bytes_max: config.dead_letters_bytes_max / u64::from(shares),
                ..Letters::default()
            },
            config,
            shard,
            directory,
            rules,
            shared,
            totals: Totals::default(),
            readings: Readings::default(),
            rejection: Rejection::default(),
            passed: String::new(),
        }
    }

    /// Folds one record; returns when it was received, if that can be read.
    pub(crate) fn fold(
        &mut self,
        offset: u64,
        record: &[u8],
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<Option<i64>, Halt> {
        let Ok(envelope) = Envelope::read(record) else {
            self.no_envelope(offset, record, batch);
            return Ok(None);
        };
        let received_us = i64::try_from(envelope.received_us).unwrap_or(i64::MAX);
        let published = envelope.kind == Kind::Published;
        // Clients send many messages on one topic one after another.
        if published && *self.passed == *envelope.topic {
            return Ok(Some(received_us));
        }
        let rules = Arc::clone(&self.rules);
        let route = rules.route(envelope.topic);
        let mine = match &route {
            Ok(Route::Readings { device, .. } | Route::Status { device }) => self.is_mine(device),
            Ok(Route::Nobody) => false,
            Ok(Route::Mapped) | Err(_) => true,
        };
        if published && !mine {
            self.passed.clear();
            self.passed.push_str(envelope.topic);
            return Ok(Some(received_us));
        }
        let record = self.open(offset, received_us, &envelope, batch);
        match route {
            Ok(Route::Readings { device, format }) if mine => {
                self.native(&record, device, format, batch, stored)?;
            }
            Ok(Route::Status { device }) if mine => self.status(&record, device, batch),
            Ok(Route::Mapped) => self.mapped(&record, batch, stored)?,
            // A topic that is refused at the broker's door may come from an older version: it
            // is nobody's reading.
            Ok(_) | Err(_) => {}
        }
        Ok(Some(received_us))
    }

    /// Takes the rules in force.
    pub(crate) fn follow(&mut self, rules: &Arc<Rules>) {
        if !Arc::ptr_eq(&self.rules, rules) {
            self.rules = Arc::clone(rules);
            self.passed.clear();
        }
    }

    pub(super) fn is_mine(&self, name: &str) -> bool {
        shard_of(name, self.config.shards) == self.shard
    }

    /// Takes back the dead letter that a replay sends again, if it is this shard's.
    fn open<'a>(
        &mut self,
        offset: u64,
        received_us: i64,
        envelope: &Envelope<'a>,
        batch: &mut Batch,
    ) -> Record<'a> {
        let replay = Replay::of(envelope);
        let (mut number, mut settled, mut held) = (offset, false, None);
        if let Some(replay) = &replay {
            if let Some(entry) = self.take_back(envelope.origin, batch) {
                number = envelope.origin;
                held = Some(entry.rejected.clone());
            } else {
                settled = replay.holders >> (self.shard % 64) & 1 != 0;
            }
        }
        Record {
            offset,
            received_us,
            topic: envelope.topic,
            payload: envelope.payload,
            replay,
            number,
            settled,
            held,
        }
    }

    fn take_back(&mut self, number: u64, batch: &mut Batch) -> Option<Arc<Entry>> {
        let entry = self.letters.remove(&mut self.shared.board(), number)?;
        for part in &entry.parts {
            let slot = match (part.account, &part.device) {
                (Account::Own, Some(name)) => self.devices.find(name),
                (account, _) => Some(self.devices.account(account)),
            };
            let readings = u64::from(part.readings);
            if let Some(slot) = slot {
                self.touch(slot, batch);
                self.devices.get(slot).state.figures.take_back(readings);
            }
            self.totals.figures.take_back(readings);
        }
        Some(entry)
    }

    /// Puts a device on the list of those that changed in this batch.
    pub(super) fn touch(&mut self, slot: u32, batch: &mut Batch) {
        let tracked = self.devices.get(slot);
        if !tracked.touched {
            tracked.touched = true;
            batch.touched.push(slot);
        }
    }

    fn status(&mut self, record: &Record<'_>, device: &str, batch: &mut Batch) {
        let (slot, account) = self.slot(device);
        if account != Account::Own {
            return;
        }
        self.heard(slot, record.received_us, batch);
        let says = std::str::from_utf8(record.payload).unwrap_or_default();
        if matches!(says, "online" | "offline") {
            let status = &mut self.devices.get(slot).state.status;
            if status.as_deref() != Some(says) {
                *status = Some(says.into());
            }
        } else if !record.payload.is_empty() {
            let problem = Problem::new("bad_status", "a status is online or offline");
            let whose = Whose::new(slot, account, Some(device));
            self.reject_whole(record, whose, &problem, batch);
            self.keep(record);
        }
    }

    fn no_envelope(&mut self, offset: u64, record: &[u8], batch: &mut Batch) {
        if offset % u64::from(self.config.shards.max(1)) != u64::from(self.shard) {
            return;
        }
        let record = Record {
            offset,
            received_us: 0,
            topic: "",
            payload: record,
            replay: None,
            number: offset,
            settled: false,
            held: None,
        };
        let problem = Problem::new("undecodable", "the log's record is no envelope");
        let whose = self.nobody();
        self.reject_whole(&record, whose, &problem, batch);
        self.keep(&record);
    }
}
