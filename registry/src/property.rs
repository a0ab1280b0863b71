//! What is known of observed properties.

use crate::Range;

/// What a datastream of a property has if nobody says otherwise.
pub(crate) struct Known {
    pub(crate) unit: &'static str,
    pub(crate) range: Range,
}

/// The property that a datastream of this name observes if nobody says: the name itself if
/// it is a known property (`pm2_5`), else without a trailing number (`temperature_2`).
pub(crate) fn of_name(name: &str) -> &str {
    if known(name).is_some() {
        return name;
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

/// The default unit and plausible range of a known property.
pub(crate) fn known(property: &str) -> Option<Known> {
    let (unit, min, max) = match property {
        "pm1" | "pm2_5" | "pm10" => ("ug/m3", 0.0, 10_000.0),
        "temperature" | "air_temperature" => ("Cel", -90.0, 100.0),
        "water_temperature" => ("Cel", -10.0, 100.0),
        "humidity" => ("%", 0.0, 110.0),
        "pressure" => ("hPa", 300.0, 1_200.0),
        "water_level" => ("m", -20.0, 50.0),
        "rain" | "rainfall" => ("mm", 0.0, 1_000.0),
        "noise" => ("dB[SPL]", 0.0, 200.0),
        "wind_speed" => ("m/s", 0.0, 150.0),
        "wind_direction" => ("deg", 0.0, 360.0),
        _ => return None,
    };
    Some(Known {
        unit,
        range: Range { min, max },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_number_tells_instruments_apart_and_is_no_property() {
        assert_eq!(of_name("pm2_5"), "pm2_5");
        assert_eq!(of_name("pm2_5_1"), "pm2_5");
        assert_eq!(of_name("temperature_2"), "temperature");
        assert_eq!(of_name("flow_in"), "flow_in");
        assert_eq!(of_name("_2"), "_2");
        assert_eq!(of_name("flow_"), "flow_");
    }
}
