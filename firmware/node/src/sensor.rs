//! Instruments: one that samples, and a device's set of them.

use crate::reading::{Channel, Value};

/// Most instruments of a device.
pub const SENSORS_MAX: usize = 12;
/// Most channels of one instrument.
pub const SENSOR_CHANNELS_MAX: usize = 12;

/// An instrument that gives one value for each of its channels when it is sampled.
pub trait Sensor {
    /// What it measures. The table's order is that of the values. It must not change.
    fn channels(&self) -> &'static [Channel];

    /// How often it is sampled unless a command says otherwise, s.
    fn period_s(&self) -> u32 {
        60
    }

    /// Measures. `values` has one place for each channel, and each says `missing` before.
    ///
    /// A bus that fails leaves `missing`; bytes whose checksum is wrong, or an instrument that
    /// reports an error of its own, make it `fault`; a value that the instrument can't mean makes
    /// it `suspect`. The node drops the future when it takes longer than
    /// [`crate::SAMPLE_TIMEOUT_US`].
    async fn sample(&mut self, values: &mut [Value]);
}

/// A device's instruments. Tuples of [`Sensor`]s, slices and arrays of them are one.
pub trait Sensors {
    /// How many.
    fn count(&self) -> usize;
    /// As [`Sensor::channels`].
    fn channels(&self, sensor: usize) -> &'static [Channel];
    /// As [`Sensor::period_s`].
    fn period_s(&self, sensor: usize) -> u32;
    /// As [`Sensor::sample`].
    async fn sample(&mut self, sensor: usize, values: &mut [Value]);
}

/// An instrument that is sampled at another period than its own.
pub struct Every<S> {
    period_s: u32,
    sensor: S,
}

impl<S: Sensor> Every<S> {
    /// Samples it every so many seconds.
    pub const fn seconds(period_s: u32, sensor: S) -> Self {
        Self { period_s, sensor }
    }
}

impl<S: Sensor> Sensor for Every<S> {
    fn channels(&self) -> &'static [Channel] {
        self.sensor.channels()
    }

    fn period_s(&self) -> u32 {
        self.period_s
    }

    async fn sample(&mut self, values: &mut [Value]) {
        self.sensor.sample(values).await;
    }
}

impl<S: Sensor> Sensors for [S] {
    fn count(&self) -> usize {
        self.len()
    }

    fn channels(&self, sensor: usize) -> &'static [Channel] {
        self.get(sensor).map_or(&[], Sensor::channels)
    }

    fn period_s(&self, sensor: usize) -> u32 {
        self.get(sensor).map_or(0, Sensor::period_s)
    }

    async fn sample(&mut self, sensor: usize, values: &mut [Value]) {
        if let Some(sensor) = self.get_mut(sensor) {
            sensor.sample(values).await;
        }
    }
}

impl<S: Sensor, const N: usize> Sensors for [S; N] {
    fn count(&self) -> usize {
        N
    }

    fn channels(&self, sensor: usize) -> &'static [Channel] {
        self.as_slice().channels(sensor)
    }

    fn period_s(&self, sensor: usize) -> u32 {
        self.as_slice().period_s(sensor)
    }

    async fn sample(&mut self, sensor: usize, values: &mut [Value]) {
        self.as_mut_slice().sample(sensor, values).await;
    }
}

macro_rules! tuple_of_sensors {
    ($count:literal: $($name:ident $index:tt),+) => {
        impl<$($name: Sensor),+> Sensors for ($($name,)+) {
            fn count(&self) -> usize {
                $count
            }

            fn channels(&self, sensor: usize) -> &'static [Channel] {
                match sensor {
                    $($index => self.$index.channels(),)+
                    _ => &[],
                }
            }

            fn period_s(&self, sensor: usize) -> u32 {
                match sensor {
                    $($index => self.$index.period_s(),)+
                    _ => 0,
                }
            }

            async fn sample(&mut self, sensor: usize, values: &mut [Value]) {
                match sensor {
                    $($index => self.$index.sample(values).await,)+
                    _ => {}
                }
            }
        }
    };
}

tuple_of_sensors!(1: A 0);
tuple_of_sensors!(2: A 0, B 1);
tuple_of_sensors!(3: A 0, B 1, C 2);
tuple_of_sensors!(4: A 0, B 1, C 2, D 3);
tuple_of_sensors!(5: A 0, B 1, C 2, D 3, E 4);
tuple_of_sensors!(6: A 0, B 1, C 2, D 3, E 4, F 5);
tuple_of_sensors!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_of_sensors!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
