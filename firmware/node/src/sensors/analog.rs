//! A voltage as a value: noise and light sensors, pressure probes, 4–20 mA loops.
//!
//! Between two points of the scale the value is linear. Below or above what a healthy
//! instrument gives, the wire is broken or shorted: `fault`. A little beyond the scale it is
//! `suspect`.

use super::suspect;
use crate::{
    reading::{Channel, Value},
    sensor::Sensor,
};
use core::ops::RangeInclusive;

/// One input of an analogue-to-digital converter, calibrated by the board.
pub trait AnalogInput {
    /// Why there is no voltage.
    type Error;

    /// The voltage, mV.
    async fn millivolts(&mut self) -> Result<u32, Self::Error>;
}

/// How a voltage becomes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// A voltage, mV, and the value there, in the channel's last decimal.
    pub low: (u32, i32),
    /// A higher voltage and the value there.
    pub high: (u32, i32),
    /// Voltages that a healthy instrument gives, mV.
    pub healthy_mv: RangeInclusive<u32>,
}

impl Scale {
    /// A 4–20 mA loop over this resistor, Ω; 3.6 and 21 mA are the ends of health (NAMUR NE 43).
    pub const fn loop_4_20(ohms: u32, at_4_ma: i32, at_20_ma: i32) -> Self {
        Self {
            low: (4 * ohms, at_4_ma),
            high: (20 * ohms, at_20_ma),
            healthy_mv: 36 * ohms / 10..=21 * ohms,
        }
    }

    /// The value at a voltage.
    pub fn value(&self, mv: u32) -> Value {
        if !self.healthy_mv.contains(&mv) || self.low.0 >= self.high.0 {
            return Value::FAULT;
        }
        let span_mv = i64::from(self.high.0) - i64::from(self.low.0);
        let into_mv = i64::from(mv) - i64::from(self.low.0);
        let rise = i64::from(self.high.1) - i64::from(self.low.1);
        let product = rise * into_mv;
        let rounding = span_mv / 2 * product.signum();
        let scaled = i64::from(self.low.1) + (product + rounding) / span_mv;
        match i32::try_from(scaled) {
            Ok(scaled) if (0..=span_mv).contains(&into_mv) => Value::good(scaled),
            Ok(scaled) => suspect(scaled),
            Err(_) => Value::FAULT,
        }
    }
}

/// The instrument: the median of three conversions.
pub struct Analog<A> {
    input: A,
    scale: Scale,
    channels: &'static [Channel],
}

impl<A: AnalogInput> Analog<A> {
    /// One on this input, for the one channel of the table.
    pub const fn new(input: A, scale: Scale, channels: &'static [Channel; 1]) -> Self {
        Self {
            input,
            scale,
            channels,
        }
    }
}

impl<A: AnalogInput> Sensor for Analog<A> {
    fn channels(&self) -> &'static [Channel] {
        self.channels
    }

    async fn sample(&mut self, values: &mut [Value]) {
        let mut mv = [0; 3];
        for mv in &mut mv {
            match self.input.millivolts().await {
                Ok(found) => *mv = found,
                Err(_) => return,
            }
        }
        mv.sort_unstable();
        values.fill(self.scale.value(mv[1]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Quality;
    use embassy_futures::block_on;

    /// Gives these voltages, then nothing.
    struct Scripted(std::collections::VecDeque<u32>);

    impl AnalogInput for Scripted {
        type Error = ();

        async fn millivolts(&mut self) -> Result<u32, ()> {
            self.0.pop_front().ok_or(())
        }
    }

    /// A sound level meter: 0.6 V is 30 dB, 2.6 V is 130 dB.
    const NOISE: [Channel; 1] = [Channel {
        name: "noise",
        unit: Some("dB[SPL]"),
        decimals: 1,
    }];

    fn sample(mv: &[u32]) -> Value {
        let scale = Scale {
            low: (600, 300),
            high: (2600, 1300),
            healthy_mv: 400..=2800,
        };
        let mut sensor = Analog::new(Scripted(mv.iter().copied().collect()), scale, &NOISE);
        let mut values = [Value::MISSING];
        block_on(sensor.sample(&mut values));
        values[0]
    }

    #[test]
    fn the_median_is_scaled() {
        assert_eq!(sample(&[1300, 2500, 1301]), Value::good(651));
    }

    #[test]
    fn beyond_the_scale_is_suspect_and_a_broken_wire_is_a_fault() {
        assert_eq!(sample(&[2650; 3]).quality, Quality::Suspect);
        assert_eq!(sample(&[2650; 3]).scaled, 1325);
        assert_eq!(sample(&[10; 3]), Value::FAULT);
        assert_eq!(sample(&[3300; 3]), Value::FAULT);
    }

    #[test]
    fn a_converter_that_fails_is_missing() {
        assert_eq!(sample(&[1300]), Value::MISSING);
    }

    #[test]
    fn a_current_loop_has_a_living_zero() {
        // 100 Ω: 4 mA are 400 mV. A probe of 0 to 5 m of water, in mm.
        let probe = Scale::loop_4_20(100, 0, 5000);
        assert_eq!(probe.value(400), Value::good(0));
        assert_eq!(probe.value(1200), Value::good(2500));
        assert_eq!(probe.value(380), suspect(-63));
        assert_eq!(probe.value(0), Value::FAULT);
        assert_eq!(probe.value(2150), Value::FAULT);
    }
}
