//! What the JSON decoder makes of good and bad messages.

use crate::decode::{DecodeError, Limits, Reading, Readings, Reason, Value, decode};
use nhip_wire::{Format, Quality};

const NOW_US: i64 = 1_795_327_200_000_000;

fn read(payload: &[u8]) -> Result<Readings, DecodeError> {
    let mut out = Readings::default();
    decode(Format::Json, payload, NOW_US, &Limits::default(), &mut out)?;
    Ok(out)
}

fn only(payload: &str) -> (Reading, String) {
    let out = read(payload.as_bytes()).unwrap();
    let [reading] = out.items() else {
        panic!("not one reading: {payload}")
    };
    (*reading, out.text(reading.datastream).to_owned())
}

/// The reason and the detail of the only reading's rejection.
fn rejected(payload: &str) -> (Reason, String) {
    let out = read(payload.as_bytes()).unwrap();
    match out.items() {
        [
            Reading {
                value: Value::Invalid(bad),
                ..
            },
        ] => (bad.reason, out.text(bad.detail).to_owned()),
        other => panic!("{payload}: {other:?}"),
    }
}

fn refused(payload: &str) -> String {
    let error = read(payload.as_bytes()).unwrap_err();
    assert_eq!(error.reason, Reason::Undecodable, "{payload}");
    error.to_string()
}

#[test]
fn reads_the_message_of_the_contract() {
    let out = read(
        br#"{"boot": 7, "seq": 1234, "time": "2026-11-22T06:00:00.000Z",
        "readings": {"pm2_5": 31.2, "temperature": {"value": 30.5, "unit": "Cel", "quality": "suspect"}}}"#,
    )
    .unwrap();
    let [pm, temperature] = out.items() else {
        panic!()
    };
    assert_eq!(out.text(pm.datastream), "pm2_5");
    assert_eq!(pm.value, Value::Number(31.2));
    assert_eq!(
        (pm.boot, pm.seq, pm.time_us),
        (Some(7), Some(1234), Some(NOW_US))
    );
    assert_eq!((pm.unit, pm.quality), (None, Quality::Good));
    assert_eq!(out.text(temperature.datastream), "temperature");
    assert_eq!(temperature.value, Value::Number(30.5));
    assert_eq!(temperature.unit.map(|unit| out.text(unit)), Some("Cel"));
    assert_eq!(temperature.quality, Quality::Suspect);
    assert_eq!((temperature.boot, temperature.seq), (Some(7), Some(1234)));
}

#[test]
fn reads_an_array_each_element_with_its_own_head() {
    let out = read(
        br#"[{"readings":{"a":1},"seq":1},{"time":1795327200000,"readings":{"a":2,"b":true}}]"#,
    )
    .unwrap();
    let seen: Vec<_> = out
        .items()
        .iter()
        .map(|r| (r.seq, r.time_us, r.value))
        .collect();
    assert_eq!(
        seen,
        [
            (Some(1), None, Value::Number(1.0)),
            (None, Some(NOW_US), Value::Number(2.0)),
            (None, Some(NOW_US), Value::Number(1.0)),
        ]
    );
}

#[test]
fn without_a_time_it_is_the_time_of_arrival() {
    assert_eq!(only(r#"{"readings":{"a":1}}"#).0.time_us, None);
    assert_eq!(only(r#"{"time":null,"readings":{"a":1}}"#).0.time_us, None);
}

#[test]
fn null_is_a_missing_reading() {
    for text in [
        r#"{"readings":{"a":null}}"#,
        r#"{"readings":{"a":{"value":null}}}"#,
        r#"{"readings":{"a":{"quality":"missing"}}}"#,
        r#"{"readings":{"a":{"value":-999,"quality":"missing"}}}"#,
    ] {
        let (reading, _) = only(text);
        assert_eq!(
            (reading.value, reading.quality),
            (Value::Number(0.0), Quality::Missing),
            "{text}"
        );
    }
}

#[test]
fn booleans_are_one_and_zero() {
    assert_eq!(
        only(r#"{"readings":{"a":true}}"#).0.value,
        Value::Number(1.0)
    );
    assert_eq!(
        only(r#"{"readings":{"a":{"value":false}}}"#).0.value,
        Value::Number(0.0)
    );
}

#[test]
fn a_value_that_is_no_finite_number_rejects_its_reading_only() {
    for value in [
        "\"12,5\"",
        "\"31.2\"",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "[1]",
        "{}",
        "\"on\"",
    ] {
        let text = format!(r#"{{"readings":{{"bad":{value},"good":2}}}}"#);
        let out = read(text.as_bytes()).unwrap();
        let [bad, good] = out.items() else {
            panic!("{value}")
        };
        let Value::Invalid(bad) = bad.value else {
            panic!("{value}")
        };
        assert_eq!(bad.reason, Reason::BadValue, "{value}");
        assert_eq!(good.value, Value::Number(2.0), "{value}");
    }
    let (_, detail) = rejected(r#"{"readings":{"a":"12,5"}}"#);
    assert_eq!(
        detail,
        r#"the text "12,5" is not a number; a decimal point is a point"#
    );
}

#[test]
fn large_and_tiny_numbers_are_the_nearest_float() {
    assert_eq!(
        only(r#"{"readings":{"a":9223372036854775808}}"#).0.value,
        Value::Number(9_223_372_036_854_775_808.0)
    );
    assert_eq!(
        only(r#"{"readings":{"a":-0.0}}"#).0.value,
        Value::Number(0.0)
    );
    assert_eq!(
        only(r#"{"readings":{"a":5e-324}}"#).0.value,
        Value::Number(5e-324)
    );
}

#[test]
fn an_implausible_time_rejects_the_readings_of_its_object() {
    for (time, hint) in [
        ("1795327200", "seconds"),
        ("1795327200000000", "microseconds"),
        ("1795327200000000000", "nanoseconds"),
        ("-1", "negative"),
        ("1795327200000.5", "integer"),
        (r#""2026-11-22T06:00:00""#, "offset"),
        (r#""2026-13-22T06:00:00Z""#, "no such date"),
        (r#""1795327200000""#, "RFC 3339"),
        ("true", "time true: a time is written as RFC 3339"),
        (r#"{"s": 5}"#, r#"time {"s": 5}: "#),
    ] {
        let (reason, detail) = rejected(&format!(r#"{{"readings":{{"a":1}},"time":{time}}}"#));
        assert_eq!(reason, Reason::BadTime, "{time}");
        assert!(detail.contains(hint), "{time}: {detail}");
    }
}

#[test]
fn the_year_9999_is_a_time_for_the_fold_to_judge() {
    let (reading, _) = only(r#"{"readings":{"a":1},"time":"9999-12-31T23:59:59.999Z"}"#);
    assert_eq!(reading.time_us, Some(253_402_300_799_999_000));
}

#[test]
fn bad_boot_seq_quality_unit_and_name_reject_the_reading_with_their_reason() {
    for (text, reason) in [
        (r#"{"seq":-1,"readings":{"a":1}}"#, Reason::BadSequence),
        (r#"{"seq":1.5,"readings":{"a":1}}"#, Reason::BadSequence),
        (r#"{"seq":"1","readings":{"a":1}}"#, Reason::BadSequence),
        (
            r#"{"boot":4294967296,"readings":{"a":1}}"#,
            Reason::BadSequence,
        ),
        (
            r#"{"readings":{"a":{"value":1,"quality":"ok"}}}"#,
            Reason::BadQuality,
        ),
        (
            r#"{"readings":{"a":{"value":1,"quality":3}}}"#,
            Reason::BadQuality,
        ),
        (
            r#"{"readings":{"a":{"value":1,"unit":7}}}"#,
            Reason::BadUnit,
        ),
        (
            r#"{"readings":{"a":{"value":1,"unit":"123456789012345678901234567890123"}}}"#,
            Reason::BadUnit,
        ),
        (r#"{"readings":{"PM2.5":1}}"#, Reason::BadName),
        (r#"{"readings":{"":1}}"#, Reason::BadName),
        (r#"{"readings":{"x'; DROP TABLE t;--":1}}"#, Reason::BadName),
        (
            r#"{"readings":{"a":{"value":1,"value":2}}}"#,
            Reason::Ambiguous,
        ),
    ] {
        assert_eq!(rejected(text).0, reason, "{text}");
    }
}

#[test]
fn a_datastream_that_stands_twice_is_rejected_both_times() {
    let out = read(br#"{"readings":{"a":1,"b":2,"\u0061":3}}"#).unwrap();
    let numbers: Vec<_> = out
        .items()
        .iter()
        .filter(|r| matches!(r.value, Value::Number(_)))
        .collect();
    assert_eq!(out.items().len(), 3);
    assert_eq!(numbers.len(), 1);
    assert_eq!(out.text(numbers[0].datastream), "b");
}

#[test]
fn a_message_without_structure_is_refused_with_its_place() {
    for (text, part) in [
        ("", "ends in the middle (byte 0)"),
        ("{\"readings\":{\"a\":1", "ends in the middle (byte 18)"),
        ("5", "an object or an array"),
        ("[5]", "every element"),
        ("{\"pm2_5\":1}", "no member \"readings\""),
        ("{\"readings\":[]}", "names and values"),
        ("{\"readings\":{\"a\":12,5}}", "double quotes"),
        ("{\"readings\":{\"a\":01}}", "not a number"),
        ("{\"readings\":{\"a\":1}} x", "follows the end"),
        ("{\"time\":1,\"time\":2,\"readings\":{}}", "stands twice"),
        ("{\"readings\":{\"\\ud800\":1}}", "surrogate"),
        ("{\"x\":\"\\udc00\",\"readings\":{}}", "surrogate"),
        ("{\"x\":[1,{\"y\":2]},\"readings\":{}}", "closing bracket"),
        ("{'readings':{}}", "double quotes"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(
        read(b"{\"readings\":{\"\xff\":1}}")
            .unwrap_err()
            .to_string()
            .contains("not UTF-8 (byte 14)")
    );
    assert!(read(b"\xfe\xff\0{").is_err());
}

#[test]
fn a_byte_order_mark_in_front_is_skipped() {
    assert_eq!(
        only("\u{feff}{\"readings\":{\"a\":1}}").0.value,
        Value::Number(1.0)
    );
}

#[test]
fn depth_is_bounded_without_recursion() {
    let deep = |depth: usize| {
        format!(
            r#"{{"x":{}{},"readings":{{"a":1}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(read(deep(31).as_bytes()).is_ok());
    assert!(refused(&deep(32)).contains("nested deeper than 32"));
    assert!(refused(&deep(100_000)).contains("nested deeper"));
    assert!(refused(&"[".repeat(100_000)).contains("element"));
}

#[test]
fn a_million_keys_end_at_the_limit_of_readings() {
    let mut text = String::from("{\"readings\":{");
    for key in 0..1_000_000 {
        use std::fmt::Write as _;
        write!(text, "\"k{key}\":1,").unwrap();
    }
    let error = read(text.as_bytes()).unwrap_err();
    assert_eq!(error.reason, Reason::TooManyReadings);
    let unknown = format!(
        "{{{}\"readings\":{{\"a\":1}}}}",
        text.trim_start_matches("{\"readings\":{")
    );
    assert_eq!(only(&unknown).0.value, Value::Number(1.0));
}

#[test]
fn members_that_are_not_known_are_skipped() {
    let (reading, name) = only(
        r#"{"fw":"1.2\n\ud83d\ude00","net":{"rssi":[-71,null,{"x":{}}],"e":[]},"readings":{"a":{"value":1,"raw":[1,2]}},"ok":true}"#,
    );
    assert_eq!((name.as_str(), reading.value), ("a", Value::Number(1.0)));
}

#[test]
fn the_memory_of_one_message_is_used_again() {
    let mut out = Readings::default();
    let limits = Limits::default();
    decode(
        Format::Json,
        br#"{"readings":{"a":1,"b":2}}"#,
        0,
        &limits,
        &mut out,
    )
    .unwrap();
    assert!(decode(Format::Json, b"{", 0, &limits, &mut out).is_err());
    assert!(out.items().is_empty());
    decode(
        Format::Json,
        br#"{"readings":{"c":3}}"#,
        0,
        &limits,
        &mut out,
    )
    .unwrap();
    assert_eq!(out.items().len(), 1);
    assert_eq!(out.text(out.items()[0].datastream), "c");
}
