//! Who a reading is of: devices and datastreams, registered on first sight where that is the
//! rule.

use super::{
    Batch, Fold, Halt, Problem, Stored,
    halt::Held,
    readings::Whose,
    validate::{Judged, conversion},
};
use crate::{
    decode::{Reading, Readings, Value},
    directory::DirectoryError,
    state::Account,
};
use nhip_registry::{NewDatastream, Registration};
use nhip_wire::{property, unit};
use std::sync::Arc;

impl Fold {
    /// Where a device is counted.
    pub(super) fn slot(&mut self, name: &str) -> (u32, Account) {
        let version = self.directory.version();
        self.devices.slot(name, &*self.directory, version)
    }

    /// Where readings that name no device are counted.
    pub(super) fn nobody<'a>(&mut self) -> Whose<'a> {
        let slot = self.devices.account(Account::Unknown);
        Whose::new(slot, Account::Unknown, None)
    }

    /// Where the readings of a device are counted. In open registration the bound on
    /// unregistered devices keeps none out that has a reading to give.
    pub(super) fn admit<'a>(
        &mut self,
        name: &'a str,
        readings: &Readings,
        received_us: i64,
        stored: &Stored,
    ) -> Result<Whose<'a>, Halt> {
        let (slot, account) = self.slot(name);
        let whose = Whose::new(slot, account, Some(name));
        let gives = |reading: &Reading| matches!(reading.value, Value::Number(_));
        if account == Account::Own
            || self.directory.registration() == Registration::Strict
            || !readings.items().iter().any(gives)
        {
            return Ok(whose);
        }
        let registered = stored.until("the registry", || {
            settle(self.directory.register_device(name, received_us))
        })?;
        if registered.is_err() {
            return Ok(whose);
        }
        let (slot, account) = self.slot(name);
        Ok(Whose::new(slot, account, Some(name)))
    }

    /// Notes that something came from a device.
    pub(super) fn heard(&mut self, slot: u32, received_us: i64, batch: &mut Batch) {
        self.touch(slot, batch);
        let state = &mut self.devices.get(slot).state;
        state.last_seen_us = state.last_seen_us.max(received_us);
    }

    /// The datastream of a reading, or what is wrong with it. Only a reading that the
    /// decoder and the clock have nothing against registers anything.
    pub(super) fn stream(
        &mut self,
        slot: u32,
        judged: Judged<'_>,
        stored: &Stored,
    ) -> Result<Result<usize, Problem>, Halt> {
        if let Err(problem) = judged
            .decoded()
            .and_then(|_| judged.check_time(&self.config))
        {
            return Ok(Err(problem));
        }
        let name = judged.readings.text(judged.reading.datastream);
        let tracked = self.devices.get(slot);
        let registered = tracked.registered.as_ref();
        if registered.is_some_and(|device| device.retired_us.is_none())
            && let Some(stream) = tracked.stream(name)
        {
            return Ok(Ok(stream));
        }
        let Some(device) = tracked.registered.clone() else {
            return self.first_sight(slot, judged, stored);
        };
        if device.retired_us.is_some() {
            let detail = format!("device {} is retired", device.name);
            return Ok(Err(Problem::new("retired_device", detail)));
        }
        let known = device.datastreams.iter().find(|known| &*known.name == name);
        if let Some(known) = known.map(Arc::clone) {
            return Ok(Ok(tracked.remember(known)));
        }
        self.register_datastream(slot, judged, stored)
    }

    fn first_sight(
        &mut self,
        slot: u32,
        judged: Judged<'_>,
        stored: &Stored,
    ) -> Result<Result<usize, Problem>, Halt> {
        let name = Arc::clone(&self.devices.get(slot).name);
        if name.starts_with('_') || self.directory.registration() == Registration::Strict {
            return Ok(Err(Problem::new(
                "unknown_device",
                "nobody registered the device",
            )));
        }
        let registered = stored.until("the registry", || {
            settle(self.directory.register_device(&name, judged.received_us))
        })?;
        match registered {
            Ok(device) => {
                self.devices.register(slot, device);
                self.stream(slot, judged, stored)
            }
            Err(refusal) => Ok(Err(refusal.problem("too_many_devices"))),
        }
    }

    fn register_datastream(
        &mut self,
        slot: u32,
        judged: Judged<'_>,
        stored: &Stored,
    ) -> Result<Result<usize, Problem>, Halt> {
        let tracked = self.devices.get(slot);
        let Some(device) = &tracked.registered else {
            return Ok(Err(Problem::new(
                "unknown_device",
                "nobody registered the device",
            )));
        };
        let name = judged.readings.text(judged.reading.datastream);
        if self.directory.registration() == Registration::Strict {
            let detail = format!("device {} has no datastream {name:?}", device.name);
            return Ok(Err(Problem::new("unknown_datastream", detail)));
        }
        let count_max = self.config.datastreams_per_device_max;
        if device.datastreams.len().max(tracked.streams.len()) >= count_max as usize {
            let detail = format!(
                "{name:?} would be datastream {} of {count_max}",
                count_max + 1
            );
            return Ok(Err(Problem::new("too_many_datastreams", detail)));
        }
        let given = judged.reading.unit.map(|unit| judged.readings.text(unit));
        let unit = match unit_for(name, given) {
            Ok(unit) => unit,
            Err(problem) => return Ok(Err(problem)),
        };
        let new = NewDatastream {
            name: name.to_owned(),
            unit,
            ..NewDatastream::default()
        };
        let id = device.id;
        let registered = stored.until("the registry", || {
            settle(
                self.directory
                    .register_datastream(id, new.clone(), judged.received_us),
            )
        })?;
        Ok(match registered {
            Ok(datastream) => Ok(self.devices.get(slot).remember(datastream)),
            Err(refusal) => Err(refusal.problem("too_many_datastreams")),
        })
    }
}

/// The unit that a datastream is registered in on first sight: that of the property it is
/// named after, which the reading's has to convert to; else the reading's, whatever it is.
fn unit_for(datastream: &str, given: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(known) = property::of_datastream(datastream) else {
        let canonical = |unit| unit::canonical(unit).unwrap_or(unit).to_owned();
        return Ok(given.map(canonical));
    };
    if let Some(given) = given {
        conversion(given, known.unit, Some(known)).map_err(|(reason, error)| {
            let (property, unit) = (known.name, known.unit);
            let detail = format!(
                "{datastream}: {given:?} to {unit}: {error}; register the datastream first if \
                 it does not observe {property}"
            );
            Problem::new(reason, detail)
        })?;
    }
    Ok(Some(known.unit.to_owned()))
}

/// A registration that was refused.
enum Refusal {
    Limit(String),
    Bad(String),
}

impl Refusal {
    fn problem(self, at_the_limit: &'static str) -> Problem {
        match self {
            Self::Limit(detail) => Problem::new(at_the_limit, detail),
            Self::Bad(detail) => Problem::new("not_registrable", detail),
        }
    }
}

/// Separates what concerns the reading from what concerns the fold.
fn settle<T>(outcome: Result<T, DirectoryError>) -> Result<Result<T, Refusal>, Held> {
    match outcome {
        Ok(registered) => Ok(Ok(registered)),
        Err(DirectoryError::Limit { reason }) => Ok(Err(Refusal::Limit(reason))),
        Err(DirectoryError::Refused { reason }) => Ok(Err(Refusal::Bad(reason))),
        Err(DirectoryError::Unavailable { reason }) => Err(Held::Outage(reason)),
        Err(DirectoryError::Damaged { reason }) => Err(Held::Fatal(reason)),
    }
}
