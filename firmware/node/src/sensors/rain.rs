//! Tipping-bucket rain gauges: each tip of the bucket is a pulse, counted by the board.
//!
//! The value is the rain since the sample before. A counter that can't be read leaves
//! `missing`, and the rain is in the next value; more than any cloud gives is `suspect` (a relay
//! that bounces, somebody who cleans the gauge).

use super::suspect;
use crate::{
    reading::{Channel, Value},
    sensor::Sensor,
};

/// Rain since the sample before, 0.1 mm.
pub const CHANNELS: [Channel; 1] = [Channel {
    name: "rain",
    unit: Some("mm"),
    decimals: 1,
}];

/// A counter of pulses that the board keeps, by interrupt or in hardware.
pub trait PulseCounter {
    /// Why it can't be read.
    type Error;

    /// Pulses since some moment, which a restart of the board may or may not move; it wraps at
    /// 2^32.
    async fn total(&mut self) -> Result<u32, Self::Error>;
}

/// The gauge.
pub struct RainGauge<C> {
    counter: C,
    tenths_a_tip: u16,
    tips_max: u16,
    /// The total at the sample before.
    last: Option<u32>,
}

impl<C: PulseCounter> RainGauge<C> {
    /// A gauge of so many 0.1 mm a tip (2 is the usual 0.2 mm) that is believed up to so many
    /// tips in one period. The first sample after a start only notes what the counter says, and is
    /// `missing`: nobody knows since when it counts.
    pub const fn new(counter: C, tenths_a_tip: u16, tips_max: u16) -> Self {
        Self {
            counter,
            tenths_a_tip,
            tips_max,
            last: None,
        }
    }

    /// Says that the counter was 0 when the board started, as one that an interrupt counts up in
    /// RAM is: the first sample is the rain since then.
    #[must_use]
    pub const fn from_boot(mut self) -> Self {
        self.last = Some(0);
        self
    }
}

impl<C: PulseCounter> Sensor for RainGauge<C> {
    fn channels(&self) -> &'static [Channel] {
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let Ok(total) = self.counter.total().await else {
            return;
        };
        let Some(before) = self.last.replace(total) else {
            return;
        };
        let tips = total.wrapping_sub(before);
        let tenths = i64::from(tips) * i64::from(self.tenths_a_tip);
        let scaled = i32::try_from(tenths).unwrap_or(i32::MAX);
        let value = match tips <= u32::from(self.tips_max) {
            true => Value::good(scaled),
            false => suspect(scaled),
        };
        values.fill(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Quality;
    use embassy_futures::block_on;

    struct Scripted(std::collections::VecDeque<Option<u32>>);

    impl PulseCounter for Scripted {
        type Error = ();

        async fn total(&mut self) -> Result<u32, ()> {
            self.0.pop_front().flatten().ok_or(())
        }
    }

    fn samples(totals: &[Option<u32>]) -> Vec<Value> {
        let counter = Scripted(totals.iter().copied().collect());
        sampled(RainGauge::new(counter, 2, 50).from_boot(), totals.len())
    }

    fn sampled(mut gauge: RainGauge<Scripted>, times: usize) -> Vec<Value> {
        let sample = |_| {
            let mut values = [Value::MISSING];
            block_on(gauge.sample(&mut values));
            values[0]
        };
        (0..times).map(sample).collect()
    }

    #[test]
    fn tips_since_the_sample_before_are_rain() {
        let values = samples(&[Some(0), Some(3), Some(3), Some(10)]);
        assert_eq!(values, [0, 6, 0, 14].map(Value::good));
    }

    #[test]
    fn what_a_counter_says_first_is_not_rain() {
        let counter = Scripted([Some(40), Some(43)].into());
        let values = sampled(RainGauge::new(counter, 2, 50), 2);
        assert_eq!(values, [Value::MISSING, Value::good(6)]);
    }

    #[test]
    fn rain_of_a_failed_sample_is_in_the_next() {
        let values = samples(&[Some(1), None, Some(4)]);
        assert_eq!(values, [Value::good(2), Value::MISSING, Value::good(6)]);
    }

    #[test]
    fn more_than_any_cloud_gives_is_suspect() {
        let values = samples(&[Some(0), Some(51)]);
        assert_eq!(
            (values[1].scaled, values[1].quality),
            (102, Quality::Suspect)
        );
    }

    #[test]
    fn the_counter_may_wrap() {
        let mut gauge = RainGauge::new(Scripted([Some(1)].into()), 2, 50);
        gauge.last = Some(u32::MAX);
        let mut values = [Value::MISSING];
        block_on(gauge.sample(&mut values));
        assert_eq!(values[0], Value::good(4));
    }
}
