//! A datastream on the command line.

use nhip_registry::{UNIT_BYTES_MAX, is_unit};
use nhip_simulators::argument;
use serde_json::{Value, json};
use std::str::FromStr;

/// A datastream to register or change: `NAME[,property=…][,unit=…][,min=…,max=…]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Datastream(Value);

impl Datastream {
    /// As `PUT /api/v1/devices/{device}` takes it.
    pub fn json(&self) -> Value {
        self.0.clone()
    }
}

impl FromStr for Datastream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut members = json!({});
        let mut ends = [None, None];
        for (at, part) in text.split(',').enumerate() {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key.trim(), value.trim()),
                None if at == 0 => ("name", part.trim()),
                None => return Err(format!("{part:?} has no key, as unit=Cel has")),
            };
            if value.is_empty() {
                return Err(format!("{key} has no value"));
            }
            let twice = match key {
                "min" => ends[0].replace(number(key, value)?).is_some(),
                "max" => ends[1].replace(number(key, value)?).is_some(),
                "name" | "property" | "unit" => {
                    check(key, value)?;
                    let member = &mut members[key];
                    let twice = !member.is_null();
                    *member = json!(value);
                    twice
                }
                _ => return Err(format!("{key:?} is none of name, property, unit, min, max")),
            };
            if twice {
                return Err(format!("{key} is there twice"));
            }
        }
        match ends {
            [None, None] => {}
            [Some(min), Some(max)] if min > max => {
                return Err(format!("min ({min}) is more than max ({max})"));
            }
            [Some(min), Some(max)] => members["range"] = json!({"min": min, "max": max}),
            _ => return Err("min and max go together".into()),
        }
        if members["name"].is_null() {
            return Err("the name is missing, as in pm2_5,unit=ug/m3".into());
        }
        Ok(Self(members))
    }
}

/// As the platform judges it.
fn check(key: &str, value: &str) -> Result<(), String> {
    match key {
        "unit" if is_unit(value) => Ok(()),
        "unit" => Err(format!(
            "unit={value}: a UCUM unit has 1 to {UNIT_BYTES_MAX} printable ASCII characters"
        )),
        _ => argument::name(value)
            .map(drop)
            .map_err(|rule| format!("{key} {value:?}: {rule}")),
    }
}

fn number(key: &str, value: &str) -> Result<f64, String> {
    let number: Option<f64> = value.parse().ok();
    let finite = number.filter(|number| number.is_finite());
    finite.ok_or_else(|| format!("{key} is a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_stand_alone_in_front() {
        let read = |text: &str| text.parse::<Datastream>().map(|read| read.0);
        assert_eq!(read("rain"), Ok(json!({"name": "rain"})));
        assert_eq!(
            read("up, property=water_level,unit=cm,max=5e2,min=-20"),
            Ok(json!({
                "name": "up", "property": "water_level", "unit": "cm",
                "range": {"min": -20.0, "max": 500.0}
            }))
        );
        assert_eq!(
            read("unit=%,name=humidity"),
            Ok(json!({"name": "humidity", "unit": "%"}))
        );
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_what_would_be_right() {
        for (text, part) in [
            ("", "no value"),
            ("unit=Cel", "name is missing"),
            ("a,min=1", "go together"),
            ("a,min=x,max=1", "a number"),
            ("a,max=inf,min=0", "a number"),
            ("a,colour=red", "none of name"),
            ("a,Cel", "no key"),
            ("a,unit=m,unit=cm", "twice"),
            ("a,name=b", "twice"),
            ("a,unit=", "no value"),
            ("a,unit=độ C", "printable ASCII"),
            ("Bad Name", "names match"),
            ("a,property=P", "names match"),
            ("a,min=2,max=1", "more than max"),
        ] {
            let error = text.parse::<Datastream>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
