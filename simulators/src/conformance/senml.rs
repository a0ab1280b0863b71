//! SenML (RFC 8428) in JSON, as far as a check needs it: names, units, times, values.

use super::payload::{Reading, Time};
use nhip_wire::unit;
use serde_json::{Map, Value};

/// Times below this count from the arrival, s (RFC 8428 §4.5.3).
const RELATIVE_BELOW_S: f64 = 268_435_456.0;
/// Members that make a record a reading.
const VALUES: [&str; 5] = ["v", "vs", "vb", "vd", "s"];

/// What earlier records say of those behind them.
#[derive(Default)]
struct Base {
    name: String,
    time_s: f64,
    unit: Option<String>,
    value: f64,
}

/// The readings of a pack, or why there are none.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Reading>, String> {
    let records: Vec<Map<String, Value>> =
        serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let mut base = Base::default();
    let mut readings = Vec::new();
    for (part, record) in records.iter().enumerate() {
        base.take(record);
        if VALUES.iter().any(|value| record.contains_key(*value)) {
            readings.push(base.reading(record, part));
        }
    }
    Ok(readings)
}

impl Base {
    fn take(&mut self, record: &Map<String, Value>) {
        if let Some(name) = text(record, "bn") {
            self.name = name;
        }
        if let Some(unit) = text(record, "bu") {
            self.unit = Some(unit);
        }
        self.time_s = number(record, "bt").unwrap_or(self.time_s);
        self.value = number(record, "bv").unwrap_or(self.value);
    }

    fn reading(&self, record: &Map<String, Value>, part: usize) -> Reading {
        let name = self.name.clone() + &text(record, "n").unwrap_or_default();
        let datastream = name.rsplit(['/', ':']).next().unwrap_or_default();
        let time_s = self.time_s + number(record, "t").unwrap_or(0.0);
        let value = match number(record, "v") {
            Some(value) => (self.value + value).to_string(),
            None => format!("{:?}", VALUES.map(|member| record.get(member))),
        };
        Reading {
            datastream: datastream.to_lowercase(),
            number: None,
            part,
            time: match time_s {
                0.0 => Time::Unsaid,
                relative if relative < RELATIVE_BELOW_S => Time::Ago,
                // Beyond 64 bits it stays at the end, which is far in the future.
                absolute => Time::At((absolute * 1_000.0).round() as i64),
            },
            unit: text(record, "u").or_else(|| self.unit.clone()).map(
                |unit| match unit::from_senml(&unit) {
                    Some(code) => code.to_owned(),
                    None => unit,
                },
            ),
            value,
            missing: false,
            clock_doubtful: false,
        }
    }
}

fn text(record: &Map<String, Value>, member: &str) -> Option<String> {
    record.get(member)?.as_str().map(str::to_owned)
}

fn number(record: &Map<String, Value>, member: &str) -> Option<f64> {
    record.get(member)?.as_f64()
}
