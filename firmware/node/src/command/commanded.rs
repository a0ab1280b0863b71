//! What commands have set, in memory and in flash.

use super::request::{Outcome, Request};
use crate::{
    bytes::{Reader, Writer},
    json::Json,
    reading::Channel,
    schedule::{PERIOD_MAX_S, PERIOD_MIN_S},
    sensor::SENSORS_MAX,
    threshold::THRESHOLDS_MAX,
};
use heapless::Vec;

/// What commands have set; one value in flash.
#[derive(Clone, Debug, Default)]
pub(super) struct Commanded {
    /// By the hash of the channel's name: an update of the firmware may change indices.
    pub(super) periods: Vec<(u32, u32), SENSORS_MAX>,
    pub(super) thresholds: Vec<(u32, Option<i32>, Option<i32>), THRESHOLDS_MAX>,
}

impl Commanded {
    pub(super) fn take_period(
        &mut self,
        request: &Request<'_>,
        channels: &[Channel],
        sensors: &[u8],
    ) -> Outcome {
        let Some(channel) = request.channel(channels) else {
            return Outcome::Channel;
        };
        let seconds = request.seconds();
        let Some(seconds) = seconds.filter(|s| (PERIOD_MIN_S..=PERIOD_MAX_S).contains(s)) else {
            return Outcome::Period;
        };
        let hash = hash(channel.name);
        let sensor = |of| place(channels, of).and_then(|channel| sensors.get(channel));
        // Of the same instrument only the newest counts; other firmware's channels say nothing.
        self.periods.retain(|&(of, _)| {
            of != hash && sensor(of).is_some_and(|other| Some(other) != sensor(hash))
        });
        match self.periods.push((hash, seconds)) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Full,
        }
    }

    pub(super) fn take_threshold(
        &mut self,
        request: &Request<'_>,
        channels: &[Channel],
    ) -> Outcome {
        let Some(channel) = request.channel(channels) else {
            return Outcome::Channel;
        };
        let limit = |value: Option<Json<'_>>| match value {
            None | Some(Json::Null) => Ok(None),
            Some(value) => value
                .scaled(channel.decimals)
                .map(Some)
                .ok_or(Outcome::Threshold),
        };
        let (low, high) = match (limit(request.low), limit(request.high)) {
            (Ok(low), Ok(high)) => (low, high),
            _ => return Outcome::Threshold,
        };
        if low.zip(high).is_some_and(|(low, high)| low > high) {
            return Outcome::Threshold;
        }
        let hash = hash(channel.name);
        self.thresholds.retain(|(of, ..)| *of != hash);
        if low.is_none() && high.is_none() {
            return Outcome::Done;
        }
        match self.thresholds.push((hash, low, high)) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Full,
        }
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) -> Option<()> {
        // Here ids were, before they had a key of their own.
        to.byte(0)?;
        to.byte(self.periods.len() as u8)?;
        for (channel, period_s) in &self.periods {
            to.bytes(&channel.to_le_bytes())?;
            to.varint((*period_s).into())?;
        }
        to.byte(self.thresholds.len() as u8)?;
        for (channel, low, high) in &self.thresholds {
            to.bytes(&channel.to_le_bytes())?;
            to.byte(u8::from(low.is_some()) | u8::from(high.is_some()) << 1)?;
            for limit in [low, high].into_iter().flatten() {
                to.zigzag((*limit).into())?;
            }
        }
        Some(())
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut commanded = Self::default();
        for _ in 0..from.byte()? {
            from.bytes(5)?;
        }
        for _ in 0..from.byte()? {
            let channel = u32::from_le_bytes(from.array()?);
            let period_s = u32::try_from(from.varint()?).ok()?;
            commanded.periods.push((channel, period_s)).ok()?;
        }
        for _ in 0..from.byte()? {
            let channel = u32::from_le_bytes(from.array()?);
            let flags = from.byte()?;
            let mut limit = |bit: u8| match flags & bit {
                0 => Some(None),
                _ => Some(Some(i32::try_from(from.zigzag()?).ok()?)),
            };
            let threshold = (channel, limit(1)?, limit(2)?);
            commanded.thresholds.push(threshold).ok()?;
        }
        Some(commanded)
    }
}

/// The place of the channel whose name hashes so.
pub(super) fn place(channels: &[Channel], of: u32) -> Option<usize> {
    channels.iter().position(|known| hash(known.name) == of)
}

/// FNV-1a, 32 bits.
pub(crate) fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: [Channel; 1] = [Channel {
        name: "water_level",
        unit: Some("m"),
        decimals: 3,
    }];

    fn request<'a>(members: &[(&str, Json<'a>)]) -> Request<'a> {
        let mut request = Request {
            channel: Some("water_level"),
            ..Request::default()
        };
        for (name, value) in members {
            request.member(name, *value);
        }
        request
    }

    #[test]
    fn what_was_set_comes_back_from_flash() {
        let mut commanded = Commanded::default();
        let seconds = request(&[("seconds", Json::Number("300"))]);
        assert_eq!(
            commanded.take_period(&seconds, &CHANNELS, &[0]),
            Outcome::Done
        );
        let limits = request(&[("low", Json::Number("-0.5")), ("high", Json::Number("1.5"))]);
        assert_eq!(commanded.take_threshold(&limits, &CHANNELS), Outcome::Done);
        let mut bytes = [0; 64];
        let mut writer = Writer::new(&mut bytes);
        commanded.write(&mut writer).unwrap();
        let length = writer.len();
        let read = Commanded::read(&mut Reader::new(&bytes[..length])).unwrap();
        assert_eq!(read.periods[0], (hash("water_level"), 300));
        assert_eq!(
            read.thresholds[0],
            (hash("water_level"), Some(-500), Some(1500))
        );
    }

    #[test]
    fn what_is_out_of_range_changes_nothing() {
        let mut commanded = Commanded::default();
        for seconds in ["0", "86401", "1.5", "-1"] {
            let request = request(&[("seconds", Json::Number(seconds))]);
            assert_eq!(
                commanded.take_period(&request, &CHANNELS, &[0]),
                Outcome::Period
            );
        }
        let upside_down = request(&[("low", Json::Number("2")), ("high", Json::Number("1"))]);
        assert_eq!(
            commanded.take_threshold(&upside_down, &CHANNELS),
            Outcome::Threshold
        );
        let too_fine = request(&[("high", Json::Number("1.0005"))]);
        assert_eq!(
            commanded.take_threshold(&too_fine, &CHANNELS),
            Outcome::Threshold
        );
        let elsewhere = Request::default();
        assert_eq!(
            commanded.take_period(&elsewhere, &CHANNELS, &[0]),
            Outcome::Channel
        );
        assert!(commanded.periods.is_empty() && commanded.thresholds.is_empty());
    }

    #[test]
    fn of_one_instrument_only_the_newest_period_is_kept() {
        let channel = |name| Channel {
            name,
            ..CHANNELS[0]
        };
        let channels = [channel("a"), channel("b"), channel("c")];
        let mut commanded = Commanded::default();
        for (name, seconds) in [("b", "600"), ("c", "30"), ("a", "10")] {
            let mut request = request(&[("seconds", Json::Number(seconds))]);
            request.channel = Some(name);
            let outcome = commanded.take_period(&request, &channels, &[0, 0, 1]);
            assert_eq!(outcome, Outcome::Done);
        }
        let kept: [_; 2] = [(hash("c"), 30), (hash("a"), 10)];
        assert_eq!(commanded.periods.as_slice(), kept);
    }

    #[test]
    fn the_longest_value_fits_into_flash() {
        let mut commanded = Commanded::default();
        while commanded.periods.push((u32::MAX, PERIOD_MAX_S)).is_ok() {}
        let limits = (u32::MAX, Some(i32::MIN), Some(i32::MAX));
        while commanded.thresholds.push(limits).is_ok() {}
        let mut bytes = [0; crate::flash::VALUE_BYTES_MAX];
        assert!(commanded.write(&mut Writer::new(&mut bytes)).is_some());
    }
}
