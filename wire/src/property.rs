//! The observed properties that the platform knows by name.

use crate::unit::Substance;

/// An observed property: what its values are taken for where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// The UCUM unit in which it is stored.
    pub unit: &'static str,
    /// The substance, where it is the concentration of one.
    pub substance: Option<Substance>,
    /// The smallest value that an instrument in a city can give, in the unit.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// What it is called in English.
    pub english: &'static str,
    /// What it is called in Vietnamese.
    pub vietnamese: &'static str,
}

/// The property of this name.
pub fn find(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}

/// The property that a datastream of this name most likely observes: the one of its name, or
/// of its name without a number at the end (`temperature_2`, `noise1`).
pub fn of_datastream(name: &str) -> Option<&'static Property> {
    find(name).or_else(|| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        find(stem.trim_end_matches(['_', '-', '.']))
    })
}

const fn known(
    name: &'static str,
    unit: &'static str,
    range: (f64, f64),
    labels: (&'static str, &'static str),
) -> Property {
    Property {
        name,
        unit,
        substance: None,
        min: range.0,
        max: range.1,
        english: labels.0,
        vietnamese: labels.1,
    }
}

const fn gas(
    name: &'static str,
    max: f64,
    substance: Substance,
    labels: (&'static str, &'static str),
) -> Property {
    Property {
        substance: Some(substance),
        ..known(name, "ug/m3", (-100.0, max), labels)
    }
}

/// Every known property. Ranges are wide: beyond them is a broken instrument, not weather.
/// Concentrations may be a little below zero, as instruments near their zero give them.
#[rustfmt::skip]
pub static PROPERTIES: &[Property] = &[
    known("pm1", "ug/m3", (-10.0, 10_000.0), ("PM1", "Bụi PM1")),
    known("pm2_5", "ug/m3", (-10.0, 10_000.0), ("PM2.5", "Bụi mịn PM2.5")),
    known("pm10", "ug/m3", (-10.0, 20_000.0), ("PM10", "Bụi PM10")),
    known("tsp", "ug/m3", (-10.0, 50_000.0), ("Total dust", "Tổng bụi lơ lửng")),
    gas("o3", 5_000.0, Substance::O3, ("Ozone", "Ozon O₃")),
    gas("no2", 20_000.0, Substance::NO2, ("Nitrogen dioxide", "NO₂")),
    gas("no", 20_000.0, Substance::NO, ("Nitric oxide", "NO")),
    gas("so2", 50_000.0, Substance::SO2, ("Sulphur dioxide", "SO₂")),
    gas("co", 1_000_000.0, Substance::CO, ("Carbon monoxide", "CO")),
    gas("nh3", 100_000.0, Substance::NH3, ("Ammonia", "Amoniac NH₃")),
    gas("h2s", 200_000.0, Substance::H2S, ("Hydrogen sulphide", "H₂S")),
    gas("benzene", 50_000.0, Substance::C6H6, ("Benzene", "Benzen")),
    Property { substance: Some(Substance::CO2), ..known("co2", "[ppm]", (0.0, 100_000.0), ("Carbon dioxide", "CO₂")) },
    Property { substance: Some(Substance::CH4), ..known("ch4", "[ppm]", (0.0, 1_000_000.0), ("Methane", "Metan CH₄")) },
    known("temperature", "Cel", (-60.0, 100.0), ("Temperature", "Nhiệt độ")),
    known("humidity", "%", (0.0, 110.0), ("Relative humidity", "Độ ẩm")),
    known("dew_point", "Cel", (-80.0, 60.0), ("Dew point", "Điểm sương")),
    known("pressure", "hPa", (500.0, 1_200.0), ("Air pressure", "Khí áp")),
    known("wind_speed", "m/s", (0.0, 150.0), ("Wind speed", "Tốc độ gió")),
    known("wind_gust", "m/s", (0.0, 150.0), ("Wind gust", "Gió giật")),
    known("wind_direction", "deg", (0.0, 360.0), ("Wind direction", "Hướng gió")),
    known("rain", "mm", (0.0, 5_000.0), ("Rain", "Lượng mưa")),
    known("rain_rate", "mm/h", (0.0, 1_000.0), ("Rain rate", "Cường độ mưa")),
    known("visibility", "m", (0.0, 200_000.0), ("Visibility", "Tầm nhìn")),
    known("uv_index", "1", (0.0, 30.0), ("UV index", "Chỉ số UV")),
    known("irradiance", "W/m2", (-50.0, 2_000.0), ("Solar irradiance", "Bức xạ mặt trời")),
    known("light", "lx", (0.0, 300_000.0), ("Light", "Độ rọi")),
    known("noise", "dB[SPL]", (0.0, 200.0), ("Noise", "Tiếng ồn")),
    known("water_level", "m", (-50.0, 500.0), ("Water level", "Mực nước")),
    known("flood_depth", "m", (-1.0, 20.0), ("Flood depth", "Độ sâu ngập")),
    known("water_flow", "m3/s", (-100_000.0, 100_000.0), ("Discharge", "Lưu lượng")),
    known("water_temperature", "Cel", (-5.0, 100.0), ("Water temperature", "Nhiệt độ nước")),
    known("ph", "[pH]", (0.0, 14.0), ("pH", "Độ pH")),
    known("turbidity", "[NTU]", (0.0, 20_000.0), ("Turbidity", "Độ đục")),
    known("conductivity", "uS/cm", (0.0, 200_000.0), ("Conductivity", "Độ dẫn điện")),
    known("dissolved_oxygen", "mg/L", (0.0, 50.0), ("Dissolved oxygen", "Oxy hoà tan")),
    known("salinity", "g/L", (0.0, 100.0), ("Salinity", "Độ mặn")),
    known("soil_moisture", "%", (0.0, 100.0), ("Soil moisture", "Độ ẩm đất")),
    known("vehicle_count", "1", (0.0, 1_000_000.0), ("Vehicles", "Số xe")),
    known("vehicle_speed", "km/h", (0.0, 400.0), ("Vehicle speed", "Tốc độ xe")),
    known("occupancy", "%", (0.0, 100.0), ("Occupancy", "Mức chiếm dụng")),
    known("people_count", "1", (0.0, 10_000_000.0), ("People", "Số người")),
    known("parking_free", "1", (0.0, 100_000.0), ("Free parking spaces", "Chỗ đậu xe trống")),
    known("lamp_state", "1", (0.0, 255.0), ("Lamp", "Trạng thái đèn")),
    known("lamp_level", "%", (0.0, 100.0), ("Lamp level", "Mức sáng đèn")),
    known("fill_level", "%", (0.0, 110.0), ("Fill level", "Mức đầy")),
    known("power", "W", (-1e9, 1e9), ("Power", "Công suất")),
    known("energy", "kW.h", (-1e9, 1e9), ("Energy", "Điện năng")),
    known("voltage", "V", (-1e6, 1e6), ("Voltage", "Điện áp")),
    known("current", "A", (-1e6, 1e6), ("Current", "Dòng điện")),
    known("battery", "%", (0.0, 110.0), ("Battery", "Pin")),
    known("battery_voltage", "V", (0.0, 1_000.0), ("Battery voltage", "Điện áp pin")),
    known("rssi", "dB[mW]", (-200.0, 50.0), ("Signal strength", "Cường độ tín hiệu")),
    known("snr", "dB", (-100.0, 100.0), ("Signal to noise", "Tỉ số tín hiệu trên nhiễu")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_a_name_a_known_unit_and_a_range() {
        for property in PROPERTIES {
            assert!(crate::name::is_name(property.name), "{}", property.name);
            assert_eq!(
                crate::unit::canonical(property.unit),
                Some(property.unit),
                "{}",
                property.name
            );
            assert!(property.min < property.max, "{}", property.name);
            assert_eq!(
                PROPERTIES
                    .iter()
                    .filter(|p| p.name == property.name)
                    .count(),
                1,
                "{}",
                property.name
            );
        }
    }

    #[test]
    fn a_number_at_the_end_is_not_part_of_the_property() {
        let name = |text| of_datastream(text).map(|property| property.name);
        assert_eq!(name("temperature_2"), Some("temperature"));
        assert_eq!(name("noise1"), Some("noise"));
        assert_eq!(name("pm2_5"), Some("pm2_5"));
        assert_eq!(name("pm10"), Some("pm10"));
        assert_eq!(name("pm2_5_1"), Some("pm2_5"));
        assert_eq!(name("frobnication"), None);
    }
}
