//! Instruments of a city's stations. Each is one file: the bus, the channels, what can go wrong.
//!
//! | Module | Instrument | Bus |
//! | --- | --- | --- |
//! | [`sht4x`] | Sensirion SHT40, SHT41, SHT45: temperature, humidity | I²C |
//! | [`pms5003`] | Plantower PMS5003: particulates | UART |
//! | [`ultrasonic`] | DFRobot A02YYUW and its like: distance, as water level | UART |
//! | [`analog`] | anything with a voltage or a 4–20 mA loop: noise, light, pressure | ADC |
//! | [`rain`] | tipping-bucket gauges | a pulse input |
//! | [`modbus`] | station instruments by register map | Modbus RTU |

pub mod analog;
pub mod modbus;
pub mod pms5003;
pub mod rain;
pub mod sht4x;
pub mod ultrasonic;

#[cfg(test)]
mod script;

use crate::reading::{Quality, Value};
use embedded_io_async::Read;

/// A value that the instrument can't mean, kept with the quality `suspect`.
const fn suspect(scaled: i32) -> Value {
    Value {
        scaled,
        quality: Quality::Suspect,
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
