//! Units: the UCUM codes that a city's instruments use, and conversion between them.

mod senml;
mod table;

pub use senml::from_senml;

use core::fmt;
use table::{ALIASES, UNITS};

/// What a unit measures: only units of one dimension convert into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dimension {
    One,
    Temperature,
    Length,
    Speed,
    Acceleration,
    Area,
    Volume,
    VolumeFlow,
    Mass,
    Pressure,
    Power,
    Energy,
    Voltage,
    Current,
    Charge,
    Resistance,
    Conductivity,
    Illuminance,
    LuminousFlux,
    Irradiance,
    Level,
    SoundPressureLevel,
    PowerLevel,
    MassConcentration,
    Angle,
    Time,
    Frequency,
    Acidity,
    Turbidity,
    Data,
    DataRate,
    ApparentPower,
    ReactivePower,
}

/// A unit: `base = (value - zero) × numerator ⁄ denominator` in its dimension's base unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Its UCUM code, case-sensitive.
    pub code: &'static str,
    /// What it measures.
    pub dimension: Dimension,
    zero: f64,
    numerator: f64,
    denominator: f64,
}

/// A substance whose molar mass is known, so that its share of the air's volume and its mass
/// in a volume of air convert into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the formulas say it")]
pub enum Substance {
    O3,
    NO2,
    NO,
    SO2,
    CO,
    CO2,
    NH3,
    H2S,
    CH4,
    C6H6,
}

impl Substance {
    /// Its molar mass, g/mol.
    pub const fn molar_mass(self) -> f64 {
        match self {
            Self::O3 => 47.998,
            Self::NO2 => 46.0055,
            Self::NO => 30.006,
            Self::SO2 => 64.064,
            Self::CO => 28.010,
            Self::CO2 => 44.009,
            Self::NH3 => 17.031,
            Self::H2S => 34.081,
            Self::CH4 => 16.043,
            Self::C6H6 => 78.114,
        }
    }
}

/// Litres that a mole of an ideal gas takes at 25 °C and 101,325 Pa, the reference state of
/// QCVN 05:2023/BTNMT: 8.314462618 × 298.15 ⁄ 101.325.
pub const MOLAR_VOLUME: f64 = 24.465_403_696_587_2;

/// Why a value can't be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// The unit to convert from is unknown.
    UnknownFrom,
    /// The unit to convert to is unknown.
    UnknownTo,
    /// The units measure different things.
    Dimensions {
        /// What the first measures.
        from: Dimension,
        /// What the second measures.
        to: Dimension,
    },
    /// A share of volume and a mass concentration, but of what is not known.
    Substance,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFrom => f.write_str("the unit is not known"),
            Self::UnknownTo => f.write_str("the datastream's unit is not known"),
            Self::Dimensions { from, to } => {
                write!(
                    f,
                    "the unit measures {from:?}, the datastream's unit {to:?}"
                )
            }
            Self::Substance => f.write_str(
                "a share of volume converts to a mass only where the property names a gas",
            ),
        }
    }
}

impl core::error::Error for ConvertError {}

/// A conversion from one unit to another, found once and applied often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    zero_from: f64,
    numerator: f64,
    denominator: f64,
    zero_to: f64,
}

impl Conversion {
    /// Of a unit into itself.
    pub const IDENTITY: Self = Self {
        zero_from: 0.0,
        numerator: 1.0,
        denominator: 1.0,
        zero_to: 0.0,
    };

    /// From one unit to another; the substance matters between a share of volume and a mass.
    pub fn new(from: &str, to: &str, substance: Option<Substance>) -> Result<Self, ConvertError> {
        if from == to {
            return Ok(Self::IDENTITY);
        }
        let from = find(from).ok_or(ConvertError::UnknownFrom)?;
        let to = find(to).ok_or(ConvertError::UnknownTo)?;
        if from.code == to.code {
            return Ok(Self::IDENTITY);
        }
        let (gas_numerator, gas_denominator) = match (from.dimension, to.dimension) {
            (one, other) if one == other => (1.0, 1.0),
            // Decibels without a reference, as most sound level meters give them.
            (Dimension::Level, Dimension::SoundPressureLevel)
            | (Dimension::SoundPressureLevel, Dimension::Level) => (1.0, 1.0),
            (Dimension::One, Dimension::MassConcentration) => (gram_a_m3(substance)?, 1.0),
            (Dimension::MassConcentration, Dimension::One) => (1.0, gram_a_m3(substance)?),
            (from, to) => return Err(ConvertError::Dimensions { from, to }),
        };
        Ok(Self {
            zero_from: from.zero,
            numerator: from.numerator * to.denominator * gas_numerator,
            denominator: from.denominator * to.numerator * gas_denominator,
            zero_to: to.zero,
        })
    }

    /// The value in the other unit.
    #[inline]
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.zero_from) * self.numerator / self.denominator + self.zero_to
    }
}

/// The mass of the gas alone in a cubic metre, g.
fn gram_a_m3(substance: Option<Substance>) -> Result<f64, ConvertError> {
    let substance = substance.ok_or(ConvertError::Substance)?;
    Ok(substance.molar_mass() / MOLAR_VOLUME * 1000.0)
}

/// The value in another unit.
pub fn convert(
    value: f64,
    from: &str,
    to: &str,
    substance: Option<Substance>,
) -> Result<f64, ConvertError> {
    Ok(Conversion::new(from, to, substance)?.apply(value))
}

/// The unit of a UCUM code, or of a common spelling that can mean one unit only.
pub fn find(text: &str) -> Option<&'static Unit> {
    let by_code = |code: &str| UNITS.iter().find(|unit| unit.code == code);
    by_code(text)
        .or_else(|| {
            let (_, code) = ALIASES.iter().find(|(alias, _)| *alias == text)?;
            by_code(code)
        })
        .or_else(|| {
            // UCUM §12: a unit that is an annotation alone, such as {count}, is the number 1.
            let annotation = text.strip_prefix('{')?.strip_suffix('}')?;
            let plain = !annotation.is_empty()
                && annotation
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'));
            if plain { by_code("1") } else { None }
        })
}

/// The UCUM code that a text means, if it is known.
pub fn canonical(text: &str) -> Option<&'static str> {
    find(text).map(|unit| unit.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(value: f64, from: &str, to: &str, substance: Option<Substance>, expected: f64) {
        let got = convert(value, from, to, substance).unwrap();
        assert!(
            (got - expected).abs() <= expected.abs() * 1e-6,
            "{value} {from} is {got} {to}"
        );
    }

    #[test]
    fn converts_what_instruments_give() {
        assert_eq!(convert(86.0, "[degF]", "Cel", None), Ok(30.0));
        assert_eq!(convert(86.0, "degF", "Cel", None), Ok(30.0));
        assert_eq!(convert(-40.0, "Cel", "[degF]", None), Ok(-40.0));
        near(300.0, "K", "Cel", None, 26.85);
        near(10.0, "[mi_i]/h", "m/s", None, 4.4704);
        near(36.0, "km/h", "m/s", None, 10.0);
        near(1.0, "[kn_i]", "m/s", None, 0.514_444_444);
        near(29.92, "[in_i'Hg]", "hPa", None, 1013.2045);
        near(1013.2, "mbar", "kPa", None, 101.32);
        near(1.0, "[ft_i]", "cm", None, 30.48);
        near(20.0, "[ppb]", "ug/m3", Some(Substance::NO2), 37.608_617);
        near(1.0, "mg/m3", "[ppm]", Some(Substance::CO), 0.873_452_5);
        near(55.0, "%", "1", None, 0.55);
        near(3600.0, "m3/h", "L/s", None, 1000.0);
        near(61.0, "dB", "B[SPL]", None, 6.1);
        near(1.0, "kW.h", "J", None, 3.6e6);
    }

    #[test]
    fn a_share_of_volume_needs_its_substance() {
        assert_eq!(
            convert(1.0, "[ppb]", "ug/m3", None),
            Err(ConvertError::Substance)
        );
        assert_eq!(
            convert(1.0, "Cel", "ug/m3", None),
            Err(ConvertError::Dimensions {
                from: Dimension::Temperature,
                to: Dimension::MassConcentration
            })
        );
        assert_eq!(
            convert(1.0, "x'; DROP TABLE t;--", "Cel", None),
            Err(ConvertError::UnknownFrom)
        );
        assert_eq!(
            convert(1.0, "Cel", "furlong", None),
            Err(ConvertError::UnknownTo)
        );
    }

    #[test]
    fn spellings_lead_to_their_code_and_none_is_there_twice() {
        for (alias, code) in ALIASES {
            assert_eq!(canonical(alias), Some(*code), "{alias}");
            assert!(
                !UNITS.iter().any(|unit| unit.code == *alias),
                "{alias} is a code"
            );
            assert_eq!(
                ALIASES.iter().filter(|(other, _)| other == alias).count(),
                1,
                "{alias}"
            );
        }
        for unit in UNITS {
            assert_eq!(
                UNITS.iter().filter(|other| other.code == unit.code).count(),
                1,
                "{}",
                unit.code
            );
        }
        for (spelling, code) in [
            ("°C", "Cel"),
            ("µg/m³", "ug/m3"),
            ("μg/m³", "ug/m3"),
            ("mph", "[mi_i]/h"),
            ("{count}", "1"),
        ] {
            assert_eq!(canonical(spelling), Some(code));
        }
        assert_eq!(canonical("{"), None);
        assert_eq!(canonical("{}"), None);
    }

    #[test]
    fn every_senml_unit_is_known_or_left_alone() {
        assert_eq!(from_senml("%RH"), Some("%"));
        assert_eq!(from_senml("lat"), Some("deg"));
        assert_eq!(from_senml("C"), Some("C"));
        assert_eq!(from_senml("nonsense"), None);
        assert_eq!(
            find("C").map(|unit| unit.dimension),
            Some(Dimension::Charge)
        );
        for (_, code) in senml::REGISTRY {
            assert!(find(code).is_some(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(value in -1e6_f64..1e6, a in 0..UNITS.len(), b in 0..UNITS.len()) {
            let (a, b) = (UNITS[a], UNITS[b]);
            if let Ok(there) = convert(value, a.code, b.code, Some(Substance::O3)) {
                let back = convert(there, b.code, a.code, Some(Substance::O3)).unwrap();
                let scale = value.abs().max(500.0);
                prop_assert!((back - value).abs() < scale * 1e-9, "{} {} {} {}", value, a.code, b.code, back);
            }
        }
    }
}
