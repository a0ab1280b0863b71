//! SenML's own units (RFC 8428 §12.1 and the secondary units of RFC 8798) as UCUM.

use super::UNITS;

/// The UCUM code of a SenML unit. None for a unit of neither registry, and for those of them
/// that no instrument of a city gives.
pub fn from_senml(unit: &str) -> Option<&'static str> {
    if let Some((_, code)) = REGISTRY.iter().find(|(name, _)| *name == unit) {
        return Some(code);
    }
    let same = SAME.contains(&unit);
    UNITS
        .iter()
        .find(|known| same && known.code == unit)
        .map(|known| known.code)
}

/// Units that SenML writes otherwise than UCUM.
#[rustfmt::skip]
pub(super) static REGISTRY: &[(&str, &str)] = &[
    ("/", "1"),
    ("%RH", "%"),
    ("%EL", "%"),
    ("EL", "1"),
    ("count", "1"),
    ("lat", "deg"),
    ("lon", "deg"),
    ("pH", "[pH]"),
    ("dBW", "dB[W]"),
    ("Bspl", "B[SPL]"),
    ("1/s", "/s"),
    ("1/min", "/min"),
    ("beat/min", "/min"),
    ("beats", "1"),
    ("l", "L"),
    ("l/s", "L/s"),
    ("B", "By"),
    ("VA", "V.A"),
    ("Ah", "A.h"),
    ("Wh", "W.h"),
    ("kWh", "kW.h"),
    ("kVA", "kV.A"),
    ("KiB", "KiBy"),
    ("GB", "GBy"),
    ("B/s", "By/s"),
    ("MB/s", "MBy/s"),
    ("dBm", "dB[mW]"),
    ("ppm", "[ppm]"),
    ("/100", "%"),
    ("/1000", "[ppth]"),
    ("NTU", "[NTU]"),
];

/// Units that both write the same.
#[rustfmt::skip]
static SAME: &[&str] = &[
    "m", "kg", "g", "s", "A", "K", "Cel", "Hz", "rad", "Pa", "J", "W",
    "C", "V", "Ohm", "lm", "lx", "m2", "m3", "m/s", "m/s2", "m3/s", "W/m2", "bit",
    "bit/s", "%", "dB", "S/m", "var", "kg/m3", "deg", "ms", "min", "h", "MHz", "kW", "kvar",
    "Mbit/s", "mV", "mA", "ug/m3", "mm/h", "m/h", "hPa", "mm", "cm", "km", "km/h",
];
