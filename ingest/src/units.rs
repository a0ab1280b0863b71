//! How a reading's unit becomes its datastream's.

use crate::shard::Problem;
use nhip_registry::Datastream;

/// value × scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conversion {
    scale: f64,
    offset: f64,
}

impl Conversion {
    pub(crate) fn apply(&self, value: f64) -> f64 {
        value * self.scale + self.offset
    }
}

/// What makes the datastream's unit of `unit`.
pub(crate) fn conversion(unit: &str, datastream: &Datastream) -> Result<Conversion, Problem> {
    Err(Problem::new(
        "unit_mismatch",
        format!("{unit} can't become {}", datastream.unit),
    ))
}
