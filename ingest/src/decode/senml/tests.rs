//! Examples of RFC 8428 and its corners, in both representations.

use crate::decode::{DecodeError, Limits, Readings, Value, decode};
use nhip_wire::Format;

const NOW_US: i64 = 1_795_327_200_000_000;

type Seen = (
    String,
    Result<f64, &'static str>,
    Option<String>,
    Option<i64>,
);

fn seen(format: Format, payload: &[u8]) -> Result<Vec<Seen>, DecodeError> {
    let mut out = Readings::default();
    decode(format, payload, NOW_US, &Limits::default(), &mut out)?;
    Ok(out
        .items()
        .iter()
        .map(|reading| {
            let value = match reading.value {
                Value::Number(number) => Ok(number),
                Value::Invalid(bad) => Err(bad.reason.name()),
            };
            let unit = reading.unit.map(|unit| out.text(unit).to_owned());
            (
                out.text(reading.datastream).to_owned(),
                value,
                unit,
                reading.time_us,
            )
        })
        .collect())
}

fn json(text: &str) -> Vec<Seen> {
    seen(Format::SenmlJson, text.as_bytes()).unwrap()
}

fn one(text: &str) -> Seen {
    let [one]: [Seen; 1] = json(text).try_into().unwrap();
    one
}

fn unit(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn single_datapoint_of_section_5_1_1() {
    assert_eq!(
        one(r#"[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]"#),
        ("10e2073a01080063".to_owned(), Ok(23.1), unit("Cel"), None)
    );
}

#[test]
fn multiple_datapoints_of_section_5_1_2() {
    let seen = json(
        r#"[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,
             "n":"voltage","u":"V","v":120.1},
            {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3}]"#,
    );
    assert_eq!(
        seen,
        [
            (
                "voltage".to_owned(),
                Ok(120.1),
                unit("V"),
                Some(1_276_020_076_001_000)
            ),
            (
                "current".to_owned(),
                Ok(1.2),
                unit("A"),
                Some(1_276_020_071_001_000)
            ),
            (
                "current".to_owned(),
                Ok(1.3),
                unit("A"),
                Some(1_276_020_072_001_000)
            ),
        ]
    );
}

#[test]
fn data_types_of_section_5_1_4() {
    let seen = json(
        r#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},
            {"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}]"#,
    );
    assert_eq!(seen[0].1, Ok(23.1));
    assert_eq!(seen[1].1, Err("bad_value"));
    assert_eq!(seen[2].1, Ok(0.0));
    assert_eq!(
        (seen[3].0.as_str(), seen[3].1),
        ("nfc-reader", Err("bad_value"))
    );
}

#[test]
fn cbor_of_section_6() {
    // 87a721…: the example of RFC 8428 §6, seven records of one base.
    let hex = "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a\
        22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e066666666666\
        a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd\
        a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00\
        a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333";
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let seen = seen(Format::SenmlCbor, &bytes).unwrap();
    let values: Vec<_> = seen.iter().map(|seen| seen.1.unwrap()).collect();
    assert_eq!(values, [120.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]);
    assert_eq!(
        (seen[0].0.as_str(), seen[0].2.as_deref()),
        ("voltage", Some("V"))
    );
    assert_eq!(
        (seen[1].0.as_str(), seen[1].2.as_deref()),
        ("current", Some("A"))
    );
    assert_eq!(seen[6].3, Some(1_276_020_076_001_000));
    assert_eq!(seen[1].3, Some(1_276_020_071_001_000));
}

#[test]
fn cbor_of_unknown_length_with_decimal_fraction() {
    // [_ {_ 0: (_ "te", "mp"), 2: 4([-1, 312]), 9: [_ 1]}]
    let bytes = [
        0x9f, 0xbf, 0x00, 0x7f, 0x62, b't', b'e', 0x62, b'm', b'p', 0xff, 0x02, 0xc4, 0x82, 0x20,
        0x19, 0x01, 0x38, 0x09, 0x9f, 0x01, 0xff, 0xff, 0xff,
    ];
    let seen = seen(Format::SenmlCbor, &bytes).unwrap();
    assert_eq!(seen, [("temp".to_owned(), Ok(31.2), None, None)]);
}

#[test]
fn bad_cbor_is_refused() {
    for bytes in [
        &b""[..],
        &[0xa0],
        &[0x81],
        &[0x81, 0xa1, 0x00],
        &[0x80, 0x00],
        &[0x81, 0xa1, 0x62, b'x', b'_', 0x01],
    ] {
        assert!(seen(Format::SenmlCbor, bytes).is_err(), "{bytes:?}");
    }
    let deep = [vec![0x81, 0xa1, 0x09], vec![0x81; 100_000]].concat();
    assert!(seen(Format::SenmlCbor, &deep).is_err());
    assert!(
        seen(
            Format::SenmlCbor,
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        )
        .is_err()
    );
}

#[test]
fn base_value_and_sum_are_added() {
    assert_eq!(one(r#"[{"bv":20,"n":"a","v":1.5}]"#).1, Ok(21.5));
    assert_eq!(one(r#"[{"bv":20,"n":"a","vb":true}]"#).1, Ok(1.0));
    let seen = json(r#"[{"bs":100,"n":"energy","u":"W","v":5,"s":2}]"#);
    assert_eq!((seen[0].0.as_str(), seen[0].1), ("energy", Ok(5.0)));
    assert_eq!(
        (seen[1].0.as_str(), seen[1].1, &seen[1].2),
        ("energy.sum", Ok(102.0), &None)
    );
    assert_eq!(json(r#"[{"n":"energy","s":2}]"#).len(), 1);
}

#[test]
fn a_record_of_base_fields_alone_is_no_reading() {
    assert_eq!(
        json(r#"[{"bn":"urn:x:","bt":1.6e9,"bv":1},{"n":"a","v":1}]"#).len(),
        1
    );
}

#[test]
fn times_are_relative_below_two_to_the_28() {
    assert_eq!(
        one(r#"[{"n":"a","v":1,"t":-60}]"#).3,
        Some(NOW_US - 60_000_000)
    );
    assert_eq!(
        one(r#"[{"n":"a","v":1,"t":268435456}]"#).3,
        Some(268_435_456_000_000)
    );
    assert_eq!(
        one(r#"[{"bt":1795327200.25,"n":"a","v":1}]"#).3,
        Some(NOW_US + 250_000)
    );
    for time in ["1795327200000", "-268435457", "\"now\"", "1e400"] {
        assert_eq!(
            one(&format!(r#"[{{"n":"a","v":1,"t":{time}}}]"#)).1,
            Err("bad_time"),
            "{time}"
        );
    }
}

#[test]
fn units_become_ucum() {
    for (senml, ucum) in [
        ("%RH", "%"),
        ("lon", "deg"),
        ("dBm", "dB[mW]"),
        ("ug/m3", "ug/m3"),
        ("furlong", "furlong"),
    ] {
        assert_eq!(
            one(&format!(r#"[{{"n":"a","u":"{senml}","v":1}}]"#)).2,
            unit(ucum)
        );
    }
}

#[test]
fn the_last_part_of_a_name_is_the_datastream() {
    for (name, datastream) in [
        ("urn:dev:mac:0024befffe804ff1/Temp", "temp"),
        ("pm2_5", "pm2_5"),
        ("a/b:c", "c"),
    ] {
        assert_eq!(one(&format!(r#"[{{"n":"{name}","v":1}}]"#)).0, datastream);
    }
    for name in ["", "urn:dev:", "a b", "nhiệt"] {
        assert_eq!(
            one(&format!(r#"[{{"n":"{name}","v":1}}]"#)).1,
            Err("bad_name"),
            "{name}"
        );
    }
}

#[test]
fn what_must_be_understood_or_is_ambiguous_is_rejected() {
    let refused = |text: &str| seen(Format::SenmlJson, text.as_bytes()).is_err();
    assert!(refused(r#"[{"n":"a","v":1,"crit_":1}]"#));
    assert!(refused(r#"[{"bver":11,"n":"a","v":1}]"#));
    assert!(refused(r#"[{"n":"a","v":1,"v":2}]"#));
    assert!(refused(r#"{"n":"a","v":1}"#));
    assert_eq!(one(r#"[{"n":"a","v":1,"vb":true}]"#).1, Err("ambiguous"));
    assert_eq!(one(r#"[{"n":"a"}]"#).1, Err("bad_value"));
    assert_eq!(one(r#"[{"n":"a","v":"12,5"}]"#).1, Err("bad_value"));
    assert_eq!(one(r#"[{"n":"a","v":1,"ut":60,"x":[1]}]"#).1, Ok(1.0));
}
