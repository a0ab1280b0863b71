//! Sensirion SHT4x: temperature and humidity by I²C (datasheet version 6).
//!
//! A wrong checksum is a `fault`, a device that doesn't answer `missing`; a humidity beyond what
//! the conversion can round to (datasheet, 4.6) and the ends of the range are `suspect`.

use super::suspect;
use crate::{
    reading::{Channel, Value},
    sensor::Sensor,
};
use ::sht4x::{Address, Error, Precision, Sht4xAsync};
use embedded_hal_async::{delay::DelayNs, i2c::I2c};

/// Temperature to 0.01 °C, humidity to 0.1 %.
pub const CHANNELS: [Channel; 2] = [
    Channel {
        name: "temperature",
        unit: Some("Cel"),
        decimals: 2,
    },
    Channel {
        name: "humidity",
        unit: Some("%"),
        decimals: 1,
    },
];

/// The instrument.
pub struct Sht4x<I, D> {
    driver: Sht4xAsync<I, D>,
    delay: D,
}

impl<I: I2c, D: DelayNs> Sht4x<I, D> {
    /// One at the usual address, 0x44.
    pub fn new(bus: I, delay: D) -> Self {
        Self {
            driver: Sht4xAsync::new_with_address(bus, Address::Address0x44),
            delay,
        }
    }
}

impl<I: I2c, D: DelayNs> Sensor for Sht4x<I, D> {
    fn channels(&self) -> &'static [Channel] {
        &CHANNELS
    }

    async fn sample(&mut self, values: &mut [Value]) {
        match self
            .driver
            .measure_raw(Precision::High, &mut self.delay)
            .await
        {
            Ok(raw) => {
                let found = [temperature(raw.temperature), humidity(raw.humidity)];
                values.copy_from_slice(&found);
            }
            Err(Error::Crc) => values.fill(Value::FAULT),
            Err(_) => values.fill(Value::MISSING),
        }
    }
}

/// −45 °C + 175 °C · raw ÷ 65535, in hundredths, rounded.
fn temperature(raw: u16) -> Value {
    let scaled = -4500 + (17_500 * i32::from(raw) + 32_767) / 65_535;
    match raw {
        0 | u16::MAX => suspect(scaled),
        _ => Value::good(scaled),
    }
}

/// −6 % + 125 % · raw ÷ 65535, in tenths, rounded and cropped to 0–100 %.
fn humidity(raw: u16) -> Value {
    let scaled = -60 + (1250 * i32::from(raw) + 32_767) / 65_535;
    match raw {
        0 | u16::MAX => suspect(scaled.clamp(0, 1000)),
        _ => Value::good(scaled.clamp(0, 1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reading::Quality,
        sensors::script::{I2c, NoDelay},
    };
    use embassy_futures::block_on;

    fn sample(exchanges: &[(&[u8], &[u8])]) -> [Value; 2] {
        let mut sensor = Sht4x::new(I2c::answering(0x44, exchanges), NoDelay);
        let mut values = [Value::MISSING; 2];
        block_on(sensor.sample(&mut values));
        values
    }

    #[test]
    fn a_measurement_is_converted() {
        // 0x6666 is 25.00 °C, 0x72b0 is 50.0 %.
        let reply = [0x66, 0x66, 0x93, 0x72, 0xb0, checksum([0x72, 0xb0])];
        let values = sample(&[(&[0xfd], &[]), (&[], &reply)]);
        assert_eq!(values, [Value::good(2500), Value::good(500)]);
    }

    #[test]
    fn a_wrong_checksum_is_a_fault() {
        let reply = [0x66, 0x66, 0x94, 0x72, 0xb0, 0];
        assert_eq!(sample(&[(&[0xfd], &[]), (&[], &reply)]), [Value::FAULT; 2]);
    }

    #[test]
    fn a_silent_bus_is_missing() {
        assert_eq!(sample(&[]), [Value::MISSING; 2]);
        assert_eq!(sample(&[(&[0xfd], &[]), (&[], &[])]), [Value::MISSING; 2]);
    }

    #[test]
    fn humidity_is_cropped_and_the_ends_of_the_range_are_suspect() {
        assert_eq!(humidity(100), Value::good(0));
        assert_eq!(humidity(65_000), Value::good(1000));
        assert_eq!(temperature(u16::MAX).quality, Quality::Suspect);
        assert_eq!(temperature(0).scaled, -4500);
    }

    /// CRC-8 of the datasheet, 4.4: polynomial 0x31, begun with 0xff.
    fn checksum(bytes: [u8; 2]) -> u8 {
        bytes.iter().fold(0xff, |crc, byte| {
            (0..8).fold(crc ^ byte, |crc, _| match crc & 0x80 {
                0 => crc << 1,
                _ => crc << 1 ^ 0x31,
            })
        })
    }
}
