//! Limits that make a device report at once.

use crate::reading::{CHANNELS_MAX, Value};
use heapless::Vec;

/// Most thresholds.
pub const THRESHOLDS_MAX: usize = 8;

/// Reports at once when a channel's value leaves, or comes back into, this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The channel's index in the device's table.
    pub channel: u8,
    /// The lowest value that is nothing special, in the channel's last decimal; none: any.
    pub low: Option<i32>,
    /// The highest.
    pub high: Option<i32>,
}

/// All thresholds, and on which side of them each channel was last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thresholds {
    set: Vec<Threshold, THRESHOLDS_MAX>,
    outside: u32,
}

const _: () = assert!(CHANNELS_MAX <= u32::BITS as usize, "a bit for each channel");

impl Thresholds {
    pub(crate) const fn new() -> Self {
        Self {
            set: Vec::new(),
            outside: 0,
        }
    }

    /// Sets a channel's threshold, or takes it away. False if there are too many.
    pub(crate) fn set(&mut self, threshold: Threshold) -> bool {
        self.set.retain(|known| known.channel != threshold.channel);
        if threshold.low.is_none() && threshold.high.is_none() {
            self.outside &= !bit(threshold.channel);
            return true;
        }
        self.set.push(threshold).is_ok()
    }

    /// Whether this value is on the other side than the channel's value before.
    pub(crate) fn crossed(&mut self, channel: u8, value: Value) -> bool {
        let Some(threshold) = self.set.iter().find(|known| known.channel == channel) else {
            return false;
        };
        if !value.quality.is_measured() {
            return false;
        }
        let outside = threshold.low.is_some_and(|low| value.scaled < low)
            || threshold.high.is_some_and(|high| value.scaled > high);
        let bit = bit(channel);
        let was = self.outside & bit != 0;
        match outside {
            true => self.outside |= bit,
            false => self.outside &= !bit,
        }
        outside != was
    }
}

fn bit(channel: u8) -> u32 {
    1_u32.checked_shl(channel.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_across_a_limit_are_reported_once() {
        let mut thresholds = Thresholds::new();
        thresholds.set(Threshold {
            channel: 3,
            low: None,
            high: Some(1500),
        });
        let mut crossed = |scaled| thresholds.crossed(3, Value::good(scaled));
        assert!(!crossed(1500));
        assert!(crossed(1501));
        assert!(!crossed(1600));
        assert!(crossed(1499));
        assert!(!thresholds.crossed(3, Value::MISSING));
        assert!(!thresholds.crossed(4, Value::good(9999)));
    }

    #[test]
    fn a_threshold_without_limits_is_taken_away() {
        let mut thresholds = Thresholds::new();
        let threshold = |low| Threshold {
            channel: 0,
            low,
            high: None,
        };
        assert!(thresholds.set(threshold(Some(1))) && thresholds.set(threshold(Some(2))));
        assert_eq!(thresholds.set.len(), 1);
        assert!(thresholds.set(threshold(None)));
        assert!(thresholds.set.is_empty());
    }
}
