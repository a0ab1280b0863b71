//! From a reading as the device gave it to an observation, or to the reason against it.

use super::Problem;
use crate::{
    config::Config,
    decode::{Reading, Readings, Value},
};
use nhip_registry::{Datastream, Range};
use nhip_store::{Observation, Source};
use nhip_wire::{
    Quality,
    property::{self, Property},
    unit::{Conversion, ConvertError},
};
use std::sync::Arc;

/// What is remembered of a datastream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) datastream: Arc<Datastream>,
    /// Its place among the device's series.
    pub(crate) series: usize,
    /// What the property plausibly is, in the datastream's unit: for a datastream without a
    /// range of its own. An instrument that is registered with a range is believed.
    possible: Option<Range>,
    /// The units that its readings came in, and what makes its own of them.
    conversions: Vec<(Box<str>, Result<Conversion, Problem>)>,
}

/// Units remembered for one datastream: a device uses one, its successor another.
const CONVERSIONS_MAX: usize = 4;

impl Stream {
    pub(crate) fn new(datastream: Arc<Datastream>, series: usize) -> Self {
        let known = property::find(&datastream.property);
        let possible = known
            .filter(|known| *known.unit == *datastream.unit)
            .map(|known| Range {
                min: known.min,
                max: known.max,
            });
        Self {
            datastream,
            series,
            possible,
            conversions: Vec::new(),
        }
    }

    fn convert(&mut self, value: f64, unit: Option<&str>) -> Result<f64, Problem> {
        let Some(unit) = unit.filter(|unit| *unit != &*self.datastream.unit) else {
            return Ok(value);
        };
        let known = self
            .conversions
            .iter()
            .position(|(known, _)| **known == *unit);
        let at = known.unwrap_or_else(|| {
            if self.conversions.len() >= CONVERSIONS_MAX {
                drop(self.conversions.remove(0));
            }
            let Datastream {
                name,
                property,
                unit: to,
                ..
            } = &*self.datastream;
            let conversion =
                conversion(unit, to, property::find(property)).map_err(|(reason, error)| {
                    Problem::new(reason, format!("{name}: {unit:?} to {to}: {error}"))
                });
            self.conversions.push((unit.into(), conversion));
            self.conversions.len() - 1
        });
        match &self.conversions[at].1 {
            Ok(conversion) => Ok(conversion.apply(value)),
            Err(problem) => Err(problem.clone()),
        }
    }
}

/// What is needed beside the reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) readings: &'a Readings,
    pub(crate) reading: &'a Reading,
    pub(crate) received_us: i64,
}

impl Judged<'_> {
    /// When it was measured, as far as is known.
    pub(crate) fn time(&self) -> (i64, Source) {
        match self.reading.time_us {
            Some(time_us) => (time_us, Source::Device),
            None => (self.received_us, Source::Arrival),
        }
    }

    /// What the decoder has against it.
    pub(crate) fn decoded(&self) -> Result<f64, Problem> {
        match self.reading.value {
            Value::Number(value) => Ok(value),
            Value::Invalid(invalid) => {
                let detail = self.readings.text(invalid.detail).to_owned();
                Err(Problem::new(invalid.reason.name(), detail))
            }
        }
    }

    /// Whether its time can be one.
    pub(crate) fn check_time(&self, config: &Config) -> Result<(), Problem> {
        let (time_us, _) = self.time();
        let ahead_us = time_us.saturating_sub(self.received_us);
        if ahead_us > i64::from(config.future_max_s) * 1_000_000 {
            let detail = format!("{} s ahead of its arrival", ahead_us / 1_000_000);
            return Err(Problem::new("in_future", detail));
        }
        if time_us < config.past_min_us {
            let detail = format!(
                "measured {} s after 1970: a clock that was not set",
                time_us / 1_000_000
            );
            return Err(Problem::new("before_2000", detail));
        }
        Ok(())
    }
}

/// The observation that a reading is, if its unit and value can be taken; `replayed` says
/// whether it is of a dead letter that was sent again.
pub(crate) fn normalise(
    judged: Judged<'_>,
    replayed: bool,
    stream: &mut Stream,
) -> Result<Observation, Problem> {
    let observation = observe(judged, stream)?;
    check_value(&observation, replayed, stream)?;
    Ok(observation)
}

/// The observation that a reading is, in the unit of its datastream, whatever its value: of
/// what was stored, the value was judged then.
pub(crate) fn observe(judged: Judged<'_>, stream: &mut Stream) -> Result<Observation, Problem> {
    let Judged {
        readings, reading, ..
    } = judged;
    let value = judged.decoded()?;
    let (time_us, source) = judged.time();
    let value = match reading.quality {
        Quality::Missing => 0.0,
        _ => stream.convert(value, reading.unit.map(|unit| readings.text(unit)))?,
    };
    Ok(Observation {
        series: stream.datastream.series,
        boot: reading.boot.unwrap_or_default(),
        time_us,
        received_us: judged.received_us,
        value,
        seq: reading.seq,
        quality: reading.quality,
        source,
    })
}

/// What makes the unit `to` of `unit` where `property` is observed; else the reason and what
/// stands against it.
pub(super) fn conversion(
    unit: &str,
    to: &str,
    property: Option<&Property>,
) -> Result<Conversion, (&'static str, ConvertError)> {
    let substance = property.and_then(|known| known.substance);
    Conversion::new(unit, to, substance).map_err(|error| match error {
        ConvertError::UnknownFrom | ConvertError::UnknownTo => ("unknown_unit", error),
        ConvertError::Dimensions { .. } | ConvertError::Substance => ("unit_mismatch", error),
    })
}

/// A reading that comes late is judged by the range of its time; a dead letter that is sent
/// again by the one that holds now, for that is what was mended.
fn check_value(row: &Observation, replayed: bool, stream: &Stream) -> Result<(), Problem> {
    let datastream = &stream.datastream;
    let (name, unit, value) = (&datastream.name, &datastream.unit, row.value);
    let out_of_range = |detail: String| Err(Problem::new("out_of_range", detail));
    if !value.is_finite() {
        return out_of_range(format!("{name} is not finite in {unit}"));
    }
    if !row.quality.is_measured() {
        return Ok(());
    }
    let own = if replayed {
        datastream.range
    } else {
        datastream.range_at(row.time_us)
    };
    match own.or(stream.possible) {
        Some(Range { min, max }) if !(min <= value && value <= max) => {
            out_of_range(format!("{name} {value} {unit} is not in {min} to {max}"))
        }
        _ => Ok(()),
    }
}
