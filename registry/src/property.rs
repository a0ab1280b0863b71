//! What a datastream has if nobody says otherwise, from the known observed properties.

use crate::Range;
use nhip_wire::{
    property,
    unit::{Conversion, ConvertError},
};

/// The property that a datastream of this name observes if nobody says: a known one that the
/// name names (`pm2_5`, `temperature_2`), else the name without a trailing number.
pub(crate) fn of_name(name: &str) -> &str {
    if let Some(known) = property::of_datastream(name) {
        return known.name;
    }
    match name.rsplit_once('_') {
        Some((stem, number))
            if !stem.is_empty()
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            stem
        }
        _ => name,
    }
}

/// The standard unit of a known property.
pub(crate) fn unit(name: &str) -> Option<&'static str> {
    property::find(name).map(|property| property.unit)
}

/// The plausible range of a known property. It is in the property's standard unit and says
/// nothing of another.
pub(crate) fn plausible(name: &str, unit: &str) -> Option<Range> {
    let known = property::find(name).filter(|property| property.unit == unit);
    known.map(|property| Range {
        min: property.min,
        max: property.max,
    })
}

/// What makes the unit `to` of `from` where the property is observed.
pub(crate) fn conversion(name: &str, from: &str, to: &str) -> Result<Conversion, ConvertError> {
    let substance = property::find(name).and_then(|property| property.substance);
    Conversion::new(from, to, substance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_number_tells_instruments_apart_and_is_no_property() {
        assert_eq!(of_name("pm2_5"), "pm2_5");
        assert_eq!(of_name("pm2_5_1"), "pm2_5");
        assert_eq!(of_name("temperature_2"), "temperature");
        assert_eq!(of_name("vibration_3"), "vibration");
        assert_eq!(of_name("flow_in"), "flow_in");
        assert_eq!(of_name("_2"), "_2");
        assert_eq!(of_name("flow_"), "flow_");
    }
}
