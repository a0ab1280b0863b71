//! The compact payload as readings.

use super::{DecodeError, Limits, Reading, Readings, Reason, Span, Value};
use nhip_wire::{
    Quality,
    compact::{CHANNELS_MAX, Channel, CompactError, Decoder, Sample},
    name,
};

/// A channel's texts, kept once for all its readings.
#[derive(Clone, Copy, Default)]
struct Kept {
    name: Span,
    unit: Option<Span>,
    trouble: Option<Value>,
}

/// See [`super::decode`].
pub(super) fn decode(
    payload: &[u8],
    received_us: i64,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(payload)?;
    let header = *decoder.header();
    let mut channels = [Kept::default(); CHANNELS_MAX];
    for (kept, channel) in channels.iter_mut().zip(decoder.channels().as_slice()) {
        *kept = keep(channel, limits, out);
    }
    let received_ms = received_us.div_euclid(1000);
    while let Some(sample) = decoder.next() {
        let sample = sample?;
        let channel = &channels[usize::from(sample.channel)];
        let mut reading = Reading::named(channel.name);
        reading.unit = channel.unit;
        reading.boot = header.numbered.map(|(boot, _)| boot);
        reading.seq = sample.seq;
        reading.quality = match sample.quality.unwrap_or_default() {
            Quality::Good if header.clock_doubtful => Quality::Suspect,
            quality => quality,
        };
        reading.value = value(&sample, out);
        match time(&sample, header.base_ms.is_some(), received_ms) {
            Some(time_us) => reading.time_us = time_us,
            None => {
                reading.value = out.invalid(
                    Reason::BadTime,
                    format_args!("the time is beyond its range"),
                );
            }
        }
        if let Some(trouble) = channel.trouble {
            reading.value = trouble;
        }
        out.push(reading, decoder.place(), limits)?;
    }
    Ok(())
}

fn value(sample: &Sample, out: &mut Readings) -> Value {
    if sample.quality.is_none() {
        return out.invalid(
            Reason::BadQuality,
            format_args!("a quality has a code from 0 to 5"),
        );
    }
    if sample.quality == Some(Quality::Missing) {
        return Value::Number(0.0);
    }
    if !sample.value.is_finite() {
        return out.invalid(
            Reason::BadValue,
            format_args!("{} is not a finite number", sample.value),
        );
    }
    Value::Number(sample.value + 0.0)
}

/// None inside: at arrival. None outside: out of range.
fn time(sample: &Sample, absolute: bool, received_ms: i64) -> Option<Option<i64>> {
    if absolute {
        return sample.time_ms.checked_mul(1000).map(Some);
    }
    if sample.time_ms == 0 {
        return Some(None);
    }
    received_ms
        .checked_add(sample.time_ms)?
        .checked_mul(1000)
        .map(Some)
}

fn keep(channel: &Channel<'_>, limits: &Limits, out: &mut Readings) -> Kept {
    let shown = super::shortened(channel.name);
    let trouble = match name::check(channel.name) {
        Err(error) => Some(out.invalid(
            Reason::BadName,
            format_args!(
                "datastream {shown:?}: names match {}; {error}",
                name::GRAMMAR
            ),
        )),
        Ok(())
            if channel
                .unit
                .is_some_and(|unit| unit.len() > limits.unit_bytes_max as usize) =>
        {
            Some(out.invalid(
                Reason::BadUnit,
                format_args!("a unit has at most {} bytes", limits.unit_bytes_max),
            ))
        }
        Ok(()) => None,
    };
    Kept {
        name: out.keep(shown),
        unit: channel
            .unit
            .filter(|_| trouble.is_none())
            .map(|unit| out.keep(unit)),
        trouble,
    }
}

impl From<CompactError> for DecodeError {
    fn from(error: CompactError) -> Self {
        Self::new(error.at, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::decode;
    use nhip_wire::{
        Format,
        compact::{Encoder, Header, Tick},
    };

    const NOW_US: i64 = 1_795_327_200_123_000;

    fn message(header: &Header, name: &str, samples: &[Sample]) -> Vec<u8> {
        let mut out = vec![0; 1024];
        let channel = Channel {
            name,
            unit: Some("Cel"),
            decimals: 1,
        };
        let mut encoder = Encoder::new(&mut out, header, &[channel]).unwrap();
        for sample in samples {
            encoder.push(sample).unwrap();
        }
        let length = encoder.len();
        out.truncate(length);
        out
    }

    fn sample(time_ms: i64, value: f64) -> Sample {
        Sample {
            channel: 0,
            time_ms,
            value,
            quality: Some(Quality::Good),
            seq: None,
        }
    }

    #[test]
    fn without_a_base_times_count_from_the_arrival() {
        let header = Header {
            tick: Tick::Second,
            clock_doubtful: true,
            ..Header::default()
        };
        let bytes = message(
            &header,
            "temperature",
            &[sample(-60_000, 30.5), sample(0, 31.2)],
        );
        let mut out = Readings::default();
        decode(
            Format::Compact,
            &bytes,
            NOW_US,
            &Limits::default(),
            &mut out,
        )
        .unwrap();
        let [old, new] = out.items() else { panic!() };
        assert_eq!(
            (old.time_us, old.value),
            (Some(NOW_US - 60_000_000), Value::Number(30.5))
        );
        assert_eq!((new.time_us, new.value), (None, Value::Number(31.2)));
        assert_eq!(out.text(new.datastream), "temperature");
        assert_eq!(new.unit.map(|unit| out.text(unit)), Some("Cel"));
        assert_eq!(new.quality, Quality::Suspect);
    }

    #[test]
    fn a_bad_name_rejects_its_channel_only_and_bad_bytes_the_message() {
        let bytes = message(&Header::default(), "Nhiệt độ", &[sample(0, 1.0)]);
        let mut out = Readings::default();
        decode(
            Format::Compact,
            &bytes,
            NOW_US,
            &Limits::default(),
            &mut out,
        )
        .unwrap();
        assert!(
            matches!(out.items()[0].value, Value::Invalid(bad) if bad.reason == Reason::BadName)
        );
        let cut = &bytes[..bytes.len() - 1];
        let error = decode(Format::Compact, cut, NOW_US, &Limits::default(), &mut out).unwrap_err();
        assert_eq!(error.reason, Reason::Undecodable);
        assert!(out.items().is_empty());
    }

    #[test]
    fn a_float_that_is_not_finite_rejects_its_reading() {
        let mut bytes = message(&Header::default(), "a", &[sample(0, 1.0)]);
        let at = bytes.len() - 2;
        bytes.truncate(at);
        bytes.push(0x40);
        bytes.extend(f64::NAN.to_le_bytes());
        let mut out = Readings::default();
        decode(
            Format::Compact,
            &bytes,
            NOW_US,
            &Limits::default(),
            &mut out,
        )
        .unwrap();
        assert!(
            matches!(out.items()[0].value, Value::Invalid(bad) if bad.reason == Reason::BadValue)
        );
    }
}
