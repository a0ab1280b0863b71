//! What the fold knows of one device.

use super::{Reader, Torn, Writer};
use crate::dedupe::{Asked, Boot, Boots, Run, Sequences};
use nhip_store::{Observation, SeriesId, Source};
use nhip_wire::Quality;
use std::sync::Arc;

/// What became of the readings of a device, as far as it is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) received: u64,
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
}

/// One series of a device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) series: SeriesId,
    /// The newest by measured time.
    pub(crate) newest: Option<Observation>,
    pub(crate) boots: Boots,
}

/// One device, registered or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Device {
    pub(crate) figures: Figures,
    pub(crate) last_seen_us: i64,
    pub(crate) status: Option<Arc<str>>,
    pub(crate) registered: bool,
    pub(crate) series: Vec<Series>,
}

impl Figures {
    /// Takes rejected readings back, because they are sent through the fold again.
    pub(crate) fn take_back(&mut self, readings: u64) {
        self.received = self.received.saturating_sub(readings);
        self.rejected = self.rejected.saturating_sub(readings);
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        for figure in [self.received, self.stored, self.duplicate, self.rejected] {
            out.number(figure);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Torn> {
        Ok(Self {
            received: from.number()?,
            stored: from.number()?,
            duplicate: from.number()?,
            rejected: from.number()?,
        })
    }
}

impl Series {
    pub(crate) fn new(series: SeriesId) -> Self {
        Self {
            series,
            newest: None,
            boots: Boots::default(),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.number(self.series.0.into());
        out.number(self.newest.is_some().into());
        if let Some(newest) = &self.newest {
            write_observation(newest, out);
        }
        out.number(self.boots.given_up.map_or(0, |boot| u64::from(boot) + 1));
        out.count(self.boots.kept.len());
        for boot in &self.boots.kept {
            write_boot(boot, out);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Torn> {
        let series = SeriesId(from.small()?);
        let newest = match from.flag()? {
            true => Some(read_observation(series, from)?),
            false => None,
        };
        let given_up = match from.number()? {
            0 => None,
            boot => Some(u32::try_from(boot - 1).map_err(|_| from.torn())?),
        };
        let kept = from.list(read_boot)?;
        Ok(Self {
            series,
            newest,
            boots: Boots { kept, given_up },
        })
    }
}

impl Device {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::versioned();
        self.figures.write(&mut out);
        out.signed(self.last_seen_us);
        out.text(self.status.as_deref().unwrap_or_default());
        out.number(self.registered.into());
        out.count(self.series.len());
        for series in &self.series {
            series.write(&mut out);
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Torn> {
        let mut from = Reader::versioned(bytes, "the state of a device")?;
        let device = Self {
            figures: Figures::read(&mut from)?,
            last_seen_us: from.signed()?,
            status: Some(from.text()?)
                .filter(|status| !status.is_empty())
                .map(Arc::from),
            registered: from.flag()?,
            series: from.list(Series::read)?,
        };
        from.end()?;
        Ok(device)
    }
}

fn write_observation(observation: &Observation, out: &mut Writer) {
    out.number(observation.boot.into());
    out.signed(observation.time_us);
    out.signed(observation.received_us);
    out.float(observation.value);
    out.number(observation.seq.is_some().into());
    out.number(observation.seq.unwrap_or_default());
    out.number(observation.quality.code().into());
    out.number(observation.source as u64);
}

fn read_observation(series: SeriesId, from: &mut Reader<'_>) -> Result<Observation, Torn> {
    Ok(Observation {
        series,
        boot: from.small()?,
        time_us: from.signed()?,
        received_us: from.signed()?,
        value: from.float()?,
        seq: match (from.flag()?, from.number()?) {
            (true, seq) => Some(seq),
            (false, _) => None,
        },
        quality: Quality::from_code(from.small()?).ok_or_else(|| from.torn())?,
        source: match from.number()? {
            0 => Source::Device,
            1 => Source::Arrival,
            _ => return Err(from.torn()),
        },
    })
}

fn write_boot(boot: &Boot, out: &mut Writer) {
    out.number(boot.boot.into());
    match boot.sequences.asked() {
        Asked::Nothing => out.number(0),
        Asked::To(to) => {
            out.number(1);
            out.number(to);
        }
        Asked::Everything => out.number(2),
    }
    out.count(boot.sequences.runs().len());
    let mut before = 0;
    for run in boot.sequences.runs() {
        out.number(run.first - before);
        out.number(run.steps());
        out.number(run.stride.into());
        before = run.first;
    }
}

fn read_boot(from: &mut Reader<'_>) -> Result<Boot, Torn> {
    let boot = from.small()?;
    let asked = match from.number()? {
        0 => Asked::Nothing,
        1 => Asked::To(from.number()?),
        2 => Asked::Everything,
        _ => return Err(from.torn()),
    };
    let mut before = 0_u64;
    let runs = from.list(|from| {
        let first = before.checked_add(from.number()?);
        let (steps, stride) = (from.number()?, from.small::<u32>()?);
        let reach = steps.checked_mul(u64::from(stride));
        let last = first
            .zip(reach)
            .and_then(|(first, reach)| first.checked_add(reach));
        let (Some(first), Some(last), 1..) = (first, last, stride) else {
            return Err(from.torn());
        };
        before = first;
        Ok(Run {
            first,
            last,
            stride,
        })
    })?;
    Ok(Boot {
        boot,
        sequences: Sequences::from_parts(runs, asked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::Bounds;
    use proptest::prelude::*;

    fn series() -> impl Strategy<Value = Series> {
        let number = (0_u32..5, prop_oneof![0_u64..300, any::<u64>()]);
        let newest = prop::option::of((any::<i64>(), any::<f64>(), prop::option::of(any::<u64>())));
        (any::<u32>(), newest, prop::collection::vec(number, 0..80)).prop_map(
            |(id, newest, numbers)| {
                let mut series = Series::new(SeriesId(id));
                series.newest = newest.map(|(time_us, value, seq)| Observation {
                    series: series.series,
                    boot: 3,
                    time_us,
                    received_us: time_us,
                    value,
                    seq,
                    quality: Quality::Suspect,
                    source: Source::Arrival,
                });
                let bounds = Bounds {
                    runs_max: 8,
                    boots_max: 3,
                };
                for (boot, seq) in numbers {
                    series.boots.accept_if_new(boot, seq, bounds);
                }
                series
            },
        )
    }

    proptest! {
        #[test]
        fn a_device_comes_back(
            series in prop::collection::vec(series(), 0..4),
            last_seen_us: i64,
            received: u64,
            registered: bool,
        ) {
            let device = Device {
                figures: Figures { received, stored: 1, duplicate: 2, rejected: 3 },
                last_seen_us,
                status: registered.then(|| "online".into()),
                registered,
                series,
            };
            let bytes = device.encode();
            let back = Device::decode(&bytes).unwrap();
            // The hint of where the next number goes is no part of the state.
            prop_assert_eq!(back.encode(), bytes);
            prop_assert_eq!(back.series.len(), device.series.len());
            prop_assert_eq!(back.figures, device.figures);
        }

        #[test]
        fn any_bytes_are_a_device_or_an_error(bytes: Vec<u8>) {
            let _ = Device::decode(&bytes);
        }
    }
}
