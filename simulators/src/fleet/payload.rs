//! A message as a device writes it.

use std::{fmt::Write, sync::Arc};

/// The payload formats that a fleet speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The platform's own JSON, with boot and sequence number.
    #[default]
    Json,
    /// SenML in JSON (RFC 8428); it has no boot and no sequence number.
    SenmlJson,
}

impl Format {
    /// The last level of the topic.
    pub fn topic_level(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::SenmlJson => "senml-json",
        }
    }

    /// Whether its readings carry boot and sequence number.
    pub fn is_sequenced(self) -> bool {
        self == Self::Json
    }

    /// A message of one device at one time; NaN is a value that it doesn't have.
    pub fn write(
        self,
        boot: u64,
        seq: u64,
        time_ms: i64,
        datastreams: &[Arc<str>],
        values: &[f64],
    ) -> Vec<u8> {
        let mut text = String::with_capacity(64 + 24 * values.len());
        let readings = datastreams
            .iter()
            .zip(values)
            .filter(|(_, value)| !value.is_nan());
        // Writing to a string can't fail; names need no escaping (contract: a-z0-9_.-).
        match self {
            Self::Json => {
                let _ = write!(
                    text,
                    r#"{{"boot":{boot},"seq":{seq},"time":{time_ms},"readings":{{"#
                );
                for (at, (name, value)) in readings.enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    let _ = write!(text, r#"{comma}"{name}":{value}"#);
                }
                text.push_str("}}");
            }
            Self::SenmlJson => {
                let (s, ms) = (time_ms.div_euclid(1_000), time_ms.rem_euclid(1_000));
                for (at, (name, value)) in readings.enumerate() {
                    let lead = if at == 0 {
                        format!(r#"[{{"bt":{s}.{ms:03},"#)
                    } else {
                        ",{".to_owned()
                    };
                    let _ = write!(text, r#"{lead}"n":"{name}","v":{value}}}"#);
                }
                text.push(']');
            }
        }
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(format: Format, values: &[f64]) -> Value {
        let names: [Arc<str>; 2] = ["pm2_5".into(), "pm10".into()];
        let bytes = format.write(7, 12, 1_763_784_000_045, &names, values);
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn json_is_as_the_contract_shows_it() {
        let expected = json!({"boot": 7, "seq": 12, "time": 1_763_784_000_045_i64,
            "readings": {"pm2_5": 31.2, "pm10": 44.0}});
        // 44 is written without a point: compare as numbers.
        let got = parse(Format::Json, &[31.2, 44.0]);
        assert_eq!(
            got["readings"]["pm10"].as_f64(),
            expected["readings"]["pm10"].as_f64()
        );
        assert_eq!(got["readings"]["pm2_5"], expected["readings"]["pm2_5"]);
        assert_eq!(
            (&got["boot"], &got["seq"], &got["time"]),
            (&json!(7), &json!(12), &expected["time"])
        );
        assert_eq!(
            parse(Format::Json, &[f64::NAN, 1.5])["readings"],
            json!({"pm10": 1.5})
        );
    }

    #[test]
    fn senml_has_a_base_time_and_a_record_a_reading() {
        let expected =
            json!([{"bt": 1_763_784_000.045, "n": "pm2_5", "v": 31.2}, {"n": "pm10", "v": 0.5}]);
        assert_eq!(parse(Format::SenmlJson, &[31.2, 0.5]), expected);
    }
}
