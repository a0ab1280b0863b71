//! Instruments of a city's stations. Each is one file: the bus, the channels, what can go wrong.
//!
//! | Module | Instrument | Bus |
//! | --- | --- | --- |
//! | [`sht4x`] | Sensirion SHT40, SHT41, SHT45: temperature, humidity | I²C |
//! | [`pms5003`] | Plantower PMS5003: particulates | UART |
//! | [`ultrasonic`] | DFRobot A02YYUW, A01NYUB and their like: distance, as water level | UART |
//! | [`analog`] | anything with a voltage or a 4–20 mA loop: noise, light, pressure | ADC |
//! | [`rain`] | tipping-bucket gauges | a pulse input |
//! | [`modbus`] | station instruments by register map | Modbus RTU |
//!
//! # A new one
//!
//! Say what it measures, and fill in the values. A bus that fails leaves them `missing`:
//!
//! ```
//! use embedded_hal_async::{delay::DelayNs, i2c::I2c};
//! use nhip_node::{Channel, Quality, Sensor, Value};
//!
//! /// Light, by a BH1750: 1.2 counts are a lux.
//! pub struct Bh1750<I, D>(pub I, pub D);
//!
//! /// The longest that one measurement takes, ms.
//! const MEASURING_MS: u32 = 180;
//!
//! impl<I: I2c, D: DelayNs> Sensor for Bh1750<I, D> {
//!     fn channels(&self) -> &'static [Channel] {
//!         // One decimal: 312 is 31.2 lx. `wire` knows `light` and its unit.
//!         &[Channel { name: "light", unit: Some("lx"), decimals: 1 }]
//!     }
//!
//!     async fn sample(&mut self, values: &mut [Value]) {
//!         // Measure once, then switch off. What is read too early is the value before.
//!         if self.0.write(0x23, &[0x20]).await.is_err() {
//!             return;
//!         }
//!         self.1.delay_ms(MEASURING_MS).await;
//!         let mut counts = [0; 2];
//!         if self.0.read(0x23, &mut counts).await.is_err() {
//!             return;
//!         }
//!         let counts = u16::from_be_bytes(counts);
//!         values[0] = Value {
//!             scaled: i32::from(counts) * 100 / 12,
//!             // The end of its range: it can't say how bright it is.
//!             quality: if counts == u16::MAX { Quality::Suspect } else { Quality::Good },
//!         };
//!     }
//! }
//! ```
//!
//! On the board it joins the others: `sensors: (Sht4x::new(bus_a, delay), Every::seconds(10,
//! Bh1750(bus_b, delay)))`. An instrument on a UART drains its line before it asks, or takes an old answer
//! for the new one. Test it with a bus that answers as the manual says ([`sht4x`] shows how), with
//! silence, and with a flipped bit.

pub mod analog;
pub mod modbus;
pub mod pms5003;
pub mod rain;
mod shared_line;
pub mod sht4x;
pub mod ultrasonic;

pub use shared_line::SharedLine;

#[cfg(test)]
mod script;

use crate::reading::{Quality, Value};
use core::task::Poll;
use embassy_futures::poll_once;
use embedded_io_async::Read;

/// A value that the instrument can't mean, kept with the quality `suspect`.
const fn suspect(scaled: i32) -> Value {
    Value {
        scaled,
        quality: Quality::Suspect,
    }
}

/// Reads that drain a line at most, of 16 bytes or one error each: two buffers of 512 bytes.
const DRAINS_MAX: usize = 64;

/// Throws away what came before it was asked for: a late answer, noise, what an instrument said
/// while nobody listened, the error that says that its buffer ran over.
///
/// The line's `read` may be dropped before it is ready, as all of them may when a sample takes
/// too long.
fn drain(line: &mut impl Read) {
    let mut old = [0; 16];
    for _ in 0..DRAINS_MAX {
        match poll_once(line.read(&mut old)) {
            Poll::Pending | Poll::Ready(Ok(0)) => return,
            Poll::Ready(_) => {}
        }
    }
}

/// Reads bytes until two in a row are these; false when the stream ends or fails.
async fn find(stream: &mut impl Read, head: [u8; 2], limit: usize) -> bool {
    let mut last = [0];
    let mut before = 0;
    for at in 0..limit {
        if stream.read_exact(&mut last).await.is_err() {
            return false;
        }
        if at > 0 && [before, last[0]] == head {
            return true;
        }
        before = last[0];
    }
    false
}
