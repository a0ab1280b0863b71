//! The readings of one record.

use super::{
    Batch, Fold, Halt, Problem, Stored, dedupe,
    fold::Record,
    letters::Origin,
    validate::{Judged, normalise},
};
use crate::{
    decode::{self, Reading, Readings},
    state::Account,
    view::Cursor,
};
use nhip_wire::Format;
use std::mem;

/// Where a reading is counted, and the device it names.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) slot: u32,
    pub(super) account: Account,
    pub(super) device: Option<&'a str>,
}

impl<'a> Whose<'a> {
    pub(super) fn new(slot: u32, account: Account, device: Option<&'a str>) -> Self {
        Self {
            slot,
            account,
            device,
        }
    }
}

/// What became of a reading.
enum Taken {
    Accepted,
    Duplicate,
    Rejected(Problem),
}

impl Fold {
    /// Readings under the topic of a device of this shard.
    pub(super) fn native(
        &mut self,
        record: &Record<'_>,
        device: &str,
        format: Format,
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<(), Halt> {
        if record.settled {
            batch.miss_all(record.offset);
            return Ok(());
        }
        let (slot, account) = self.slot(device);
        if account == Account::Own {
            self.heard(slot, record.received_us, batch);
        }
        let mut readings = mem::take(&mut self.readings);
        let limits = &self.config.limits;
        let decoded = decode::decode(
            format,
            record.payload,
            record.received_us,
            limits,
            &mut readings,
        );
        let outcome = match decoded {
            Ok(()) => self.each_native(record, device, &readings, batch, stored),
            Err(error) => {
                let problem = Problem::new(error.reason.name(), error.to_string());
                let whose = Whose::new(slot, account, Some(device));
                self.reject_whole(record, whose, &problem, batch);
                Ok(())
            }
        };
        self.readings = readings;
        self.keep(record);
        outcome
    }

    fn each_native(
        &mut self,
        record: &Record<'_>,
        device: &str,
        readings: &Readings,
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<(), Halt> {
        let whose = self.admit(device, readings, record.received_us, stored)?;
        for (index, reading) in (0_u32..).zip(readings.items()) {
            if !record.takes(index) {
                continue;
            }
            if record.held.as_ref().is_some_and(|held| !held.has(index)) {
                batch.miss(record.offset, index);
                continue;
            }
            let judged = Judged {
                readings,
                reading,
                received_us: record.received_us,
            };
            let named = reading.device.map(|name| readings.text(name));
            let taken = match named.filter(|named| *named != device) {
                None => self.take(whose.slot, judged, (record, index), batch, stored)?,
                Some(named) => Taken::Rejected(Problem::new(
                    "other_device",
                    format!("a reading of {named:?} under the topic of {device:?}"),
                )),
            };
            self.count(record, index, whose, taken, batch);
        }
        Ok(())
    }

    /// Readings under a topic that a mapping rule takes: those of this shard's devices.
    pub(super) fn mapped(
        &mut self,
        record: &Record<'_>,
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<(), Halt> {
        let mut readings = mem::take(&mut self.readings);
        let decoded = self.rules.decode(
            record.topic,
            record.payload,
            &self.config.limits,
            &mut readings,
        );
        let outcome = match decoded {
            Ok(()) => self.each_mapped(record, &readings, batch, stored),
            Err(error) => {
                let problem = Problem::new(error.reason.name(), error.to_string());
                self.reject_mapped(record, &problem, batch);
                Ok(())
            }
        };
        self.readings = readings;
        self.keep(record);
        outcome
    }

    /// Rejects a record that a mapping rule takes and that can't be taken apart, if the device
    /// it is from is this shard's; without one, if its topic is.
    fn reject_mapped(&mut self, record: &Record<'_>, problem: &Problem, batch: &mut Batch) {
        if record.settled {
            batch.miss_all(record.offset);
            return;
        }
        let (topic, limits) = (record.topic, &self.config.limits);
        let device = self.rules.device_of(topic, record.payload, limits);
        let named = device.as_deref();
        if !self.is_mine(named.unwrap_or(topic)) {
            return;
        }
        let whose = match named {
            Some(name) => {
                let (slot, account) = self.slot(name);
                if account == Account::Own {
                    self.heard(slot, record.received_us, batch);
                }
                Whose::new(slot, account, named)
            }
            None => self.nobody(),
        };
        self.reject_whole(record, whose, problem, batch);
    }

    fn each_mapped(
        &mut self,
        record: &Record<'_>,
        readings: &Readings,
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<(), Halt> {
        let mut last: Option<(&str, Option<Whose<'_>>)> = None;
        for (index, reading) in (0_u32..).zip(readings.items()) {
            if !record.takes(index) {
                continue;
            }
            let name = self.owner(readings, reading);
            let whose = match (last, name) {
                (Some((known, whose)), Some(name)) if known == name => whose,
                (_, Some(name)) if self.is_mine(name) => {
                    Some(self.admit(name, readings, record.received_us, stored)?)
                }
                (_, None) if self.is_mine(record.topic) => Some(self.nobody()),
                _ => None,
            };
            last = name.map(|name| (name, whose));
            let Some(whose) = whose else {
                continue;
            };
            if record.settled {
                batch.miss(record.offset, index);
                continue;
            }
            if whose.account == Account::Own {
                self.heard(whose.slot, record.received_us, batch);
            }
            let judged = Judged {
                readings,
                reading,
                received_us: record.received_us,
            };
            let taken = self.take(whose.slot, judged, (record, index), batch, stored)?;
            self.count(record, index, whose, taken, batch);
        }
        Ok(())
    }

    /// The device that a mapped reading is of, if it names one that can be.
    fn owner<'a>(&self, readings: &'a Readings, reading: &Reading) -> Option<&'a str> {
        let name = readings.text(reading.device?);
        nhip_wire::name::is_name(name).then_some(name)
    }

    fn take(
        &mut self,
        slot: u32,
        judged: Judged<'_>,
        (record, index): (&Record<'_>, u32),
        batch: &mut Batch,
        stored: &Stored,
    ) -> Result<Taken, Halt> {
        let stream = match self.stream(slot, judged, stored)? {
            Ok(stream) => stream,
            Err(problem) => return Ok(Taken::Rejected(problem)),
        };
        let tracked = self.devices.get(slot);
        let stream = &mut tracked.streams[stream];
        let replayed = record.replay.is_some();
        let row = match normalise(judged, replayed, stream) {
            Ok(row) => row,
            Err(problem) => return Ok(Taken::Rejected(problem)),
        };
        if let Some(reason) = stored.store.refusal(&row) {
            return Ok(Taken::Rejected(Problem::new("refused_by_store", reason)));
        }
        let series = &mut tracked.state.series[stream.series];
        let has_boot = judged.reading.boot.is_some();
        if dedupe::is_known(&row, has_boot, series, batch, stored, &self.config)? {
            return Ok(Taken::Duplicate);
        }
        batch.rows.push(row);
        batch.slots.push(slot);
        batch.places.push(Cursor {
            offset: record.offset,
            index,
        });
        Ok(Taken::Accepted)
    }

    fn count(
        &mut self,
        record: &Record<'_>,
        index: u32,
        whose: Whose<'_>,
        taken: Taken,
        batch: &mut Batch,
    ) {
        self.touch(whose.slot, batch);
        let tracked = self.devices.get(whose.slot);
        let figures = &mut tracked.state.figures;
        figures.received += 1;
        self.totals.figures.received += 1;
        self.totals.ever.received += 1;
        match taken {
            Taken::Accepted => tracked.pending += 1,
            Taken::Duplicate => {
                figures.duplicate += 1;
                self.totals.figures.duplicate += 1;
                self.totals.ever.duplicate += 1;
                batch.miss(record.offset, index);
            }
            Taken::Rejected(problem) => {
                figures.rejected += 1;
                self.totals.reject(problem.reason);
                batch.miss(record.offset, index);
                self.rejection
                    .add(index, whose.device, whose.account, &problem);
            }
        }
    }

    /// Rejects a record of which nothing can be read: it counts as one reading.
    pub(super) fn reject_whole(
        &mut self,
        record: &Record<'_>,
        whose: Whose<'_>,
        problem: &Problem,
        batch: &mut Batch,
    ) {
        self.touch(whose.slot, batch);
        let tracked = self.devices.get(whose.slot);
        tracked.state.figures.received += 1;
        tracked.state.figures.rejected += 1;
        self.totals.figures.received += 1;
        self.totals.ever.received += 1;
        self.totals.reject(problem.reason);
        batch.miss_all(record.offset);
        self.rejection.add_all(whose.device, whose.account, problem);
    }

    /// Makes a dead letter of what was rejected of a record, if anything was.
    pub(super) fn keep(&mut self, record: &Record<'_>) {
        if self.rejection.reasons.is_empty() {
            return;
        }
        let origin = Origin {
            number: record.number,
            received_us: record.received_us,
            replayed_us: record.replay.as_ref().map(|replay| replay.at_us),
            topic: record.topic,
            payload: record.payload,
        };
        let dropped = self
            .letters
            .keep(&mut self.shared.board(), origin, &self.rejection);
        if dropped > 0 && self.totals.letters_dropped == 0 {
            tracing::warn!("dead letters are at their bound: the oldest are dropped");
        }
        self.totals.letters_dropped += dropped;
        self.rejection.clear();
    }
}

impl Record<'_> {
    fn takes(&self, index: u32) -> bool {
        self.replay
            .as_ref()
            .is_none_or(|replay| replay.only.has(index))
    }
}
