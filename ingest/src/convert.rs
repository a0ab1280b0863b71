//! A value in the unit that the device gives, as the datastream's unit has it.

pub use nhip_wire::unit::ConvertError;
use nhip_wire::{property, unit};

/// The value in the datastream's unit.
///
/// Without a unit the datastream's is meant. A share of volume becomes a mass concentration
/// (25 °C, 101,325 Pa) where the observed property names one gas.
///
/// The same text on both sides costs a comparison; anything else looks both units up.
pub fn to_datastream(
    value: f64,
    from: Option<&str>,
    to: &str,
    observed_property: &str,
) -> Result<f64, ConvertError> {
    let Some(from) = from.filter(|from| *from != to) else {
        return Ok(value);
    };
    let substance = property::find(observed_property).and_then(|known| known.substance);
    unit::convert(value, from, to, substance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_to_the_unit_of_the_datastream() {
        assert_eq!(to_datastream(31.2, None, "ug/m3", "pm2_5"), Ok(31.2));
        assert_eq!(
            to_datastream(31.2, Some("µg/m³"), "ug/m3", "pm2_5"),
            Ok(31.2)
        );
        assert_eq!(
            to_datastream(86.0, Some("degF"), "Cel", "temperature"),
            Ok(30.0)
        );
        assert_eq!(to_datastream(1.0, Some("furlong"), "furlong", "x"), Ok(1.0));
        let no2 = to_datastream(20.0, Some("ppb"), "ug/m3", "no2").unwrap();
        assert!((no2 - 37.609).abs() < 0.001);
        assert_eq!(
            to_datastream(20.0, Some("ppb"), "ug/m3", "pm2_5"),
            Err(ConvertError::Substance)
        );
        assert!(to_datastream(1.0, Some("V"), "Cel", "temperature").is_err());
    }
}
