//! The tide at the mouth of the city's rivers, as a sum of harmonic constituents.

mod astronomy;
mod constituents;
mod node;

use astronomy::Longitudes;
use constituents::{CONSTITUENTS, Constituent};
use node::Correction;
use serde::Deserialize;

const VUNG_TAU: &str = include_str!("../../../data/vung_tau_tide.json");

/// The harmonic constants of one tide gauge.
#[derive(Clone, Debug)]
pub struct Tide {
    terms: Vec<Term>,
}

/// Why a tide file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TideError {
    /// It isn't the JSON of a tide station.
    #[error("the tide file can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It names a constituent that isn't known here.
    #[error("the tidal constituent {0} is unknown")]
    Unknown(String),
}

#[derive(Clone, Debug)]
struct Term {
    constituent: &'static Constituent,
    amplitude_m: f64,
    phase_deg: f64,
}

#[derive(Deserialize)]
struct Station {
    harmonic_constituents: Vec<Harmonic>,
}

#[derive(Deserialize)]
struct Harmonic {
    name: String,
    amplitude: f64,
    phase: f64,
}

impl Tide {
    /// The gauge of Vũng Tàu.
    #[expect(clippy::expect_used, reason = "the file is compiled in and tested")]
    pub fn vung_tau() -> Self {
        Self::parse(VUNG_TAU).expect("the compiled-in tide file is sound")
    }

    /// Reads a station with `harmonic_constituents` of `name`, `amplitude` (m) and `phase`
    /// (Greenwich, degrees).
    pub fn parse(json: &str) -> Result<Self, TideError> {
        let station: Station = serde_json::from_str(json)?;
        let terms = station
            .harmonic_constituents
            .into_iter()
            .map(|harmonic| {
                let constituent = CONSTITUENTS
                    .iter()
                    .find(|constituent| constituent.0 == harmonic.name)
                    .ok_or(TideError::Unknown(harmonic.name))?;
                Ok(Term {
                    constituent,
                    amplitude_m: harmonic.amplitude,
                    phase_deg: harmonic.phase,
                })
            })
            .collect::<Result<_, TideError>>()?;
        Ok(Self { terms })
    }

    /// The water level in m above the mean sea level at a time in µs since 1970 UTC.
    pub fn level_m(&self, time_us: i64) -> f64 {
        let at = Longitudes::at(time_us);
        self.terms.iter().map(|term| term.level_m(&at)).sum()
    }
}

impl Term {
    fn level_m(&self, at: &Longitudes) -> f64 {
        let (_, multiples, parts) = self.constituent;
        let angles = [
            at.tau,
            at.moon,
            at.sun,
            at.perigee,
            -at.node,
            at.sun_perigee,
            90.0,
        ];
        let argument: f64 = multiples
            .iter()
            .zip(angles)
            .map(|(multiple, angle)| f64::from(*multiple) * angle)
            .sum();
        let node = parts
            .iter()
            .fold(Correction::UNITY, |sum, (fundamental, power)| {
                sum.and(fundamental.correction(at), *power)
            });
        node.f * self.amplitude_m * (argument + node.u - self.phase_deg).to_radians().cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../../data/vung_tau_golden.csv");
    const TOLERANCE_M: f64 = 0.002;

    #[test]
    fn tide_agrees_with_the_reference() {
        let tide = Tide::vung_tau();
        let mut compared = 0;
        for line in GOLDEN.lines().skip(1) {
            let (time, level) = line.split_once(',').unwrap();
            let time: jiff::Timestamp = time.parse().unwrap();
            let expected: f64 = level.parse().unwrap();
            let level = tide.level_m(time.as_microsecond());
            assert!(
                (level - expected).abs() < TOLERANCE_M,
                "{time}: {level} instead of {expected}"
            );
            compared += 1;
        }
        assert_eq!(compared, 144);
    }

    #[test]
    fn refuses_a_constituent_that_it_does_not_know() {
        let json = r#"{"harmonic_constituents": [{"name": "X9", "amplitude": 1, "phase": 0}]}"#;
        assert!(matches!(Tide::parse(json), Err(TideError::Unknown(name)) if name == "X9"));
    }
}
