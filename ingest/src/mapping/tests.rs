//! Documented uplinks through the ready-made rules, and what is wrong with rules and messages.

use super::*;
use crate::decode::{Reason, Value};

const CHIRPSTACK: &[u8] = include_bytes!("fixtures/chirpstack_v4_up.json");
const THE_THINGS_STACK: &[u8] = include_bytes!("fixtures/the_things_stack_v3_up.json");

fn mapping() -> Mapping {
    Mapping::compile(&[chirpstack_v4(), the_things_stack_v3()]).unwrap()
}

fn numbers(out: &Readings) -> Vec<(&str, f64)> {
    out.items()
        .iter()
        .map(|reading| match reading.value {
            Value::Number(number) => (out.text(reading.datastream), number),
            Value::Invalid(bad) => panic!("{}", out.text(bad.detail)),
        })
        .collect()
}

fn rule(fields: &str) -> MappingRule {
    let raw: RawRule = serde_json::from_str(fields).unwrap();
    MappingRule::compile(&raw).unwrap()
}

#[test]
fn a_chirpstack_uplink_becomes_readings() {
    let mapping = mapping();
    let topic = "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up";
    let mut out = Readings::default();
    let rule = mapping.rule(topic).unwrap();
    rule.decode(topic, CHIRPSTACK, &Limits::default(), &mut out)
        .unwrap();
    assert_eq!(
        numbers(&out),
        [
            ("temperature", 31.2),
            ("humidity", 74.0),
            ("alarm", 0.0),
            ("gps_sats", 7.0),
            ("rssi", -36.0),
            ("snr", 10.5)
        ]
    );
    for reading in out.items() {
        assert_eq!(
            reading.device.map(|device| out.text(device)),
            Some("0101010101010101")
        );
        assert_eq!(reading.time_us, Some(1_658_136_855_775_023));
        assert_eq!((reading.boot, reading.seq), (None, None));
    }
    assert_eq!(
        out.items()[4].unit.map(|unit| out.text(unit)),
        Some("dB[mW]")
    );
    assert!(mapping.rule("application/1/device/2/event/join").is_none());
}

#[test]
fn a_the_things_stack_uplink_becomes_readings() {
    let mapping = mapping();
    let topic = "v3/app1@ttn/devices/dev1/up";
    let mut out = Readings::default();
    let rule = mapping.rule(topic).unwrap();
    rule.decode(topic, THE_THINGS_STACK, &Limits::default(), &mut out)
        .unwrap();
    assert_eq!(
        numbers(&out),
        [
            ("temperature", 1.0),
            ("luminosity", 0.64),
            ("rssi", -35.0),
            ("snr", 5.0)
        ]
    );
    assert_eq!(
        out.items()[0].device.map(|device| out.text(device)),
        Some("dev1")
    );
    assert_eq!(out.items()[0].time_us, Some(1_581_520_545_789_585));
    assert_eq!(
        rule.device_of(topic, THE_THINGS_STACK, &Limits::default())
            .as_deref(),
        Some("dev1")
    );
}

#[test]
fn an_uplink_without_a_codec_gives_what_the_radio_knows() {
    let text = String::from_utf8(CHIRPSTACK.to_vec())
        .unwrap()
        .replace("\"object\"", "\"other\"");
    let mut out = Readings::default();
    let rule = MappingRule::compile(&chirpstack_v4()).unwrap();
    rule.decode(
        "application/a/device/b/event/up",
        text.as_bytes(),
        &Limits::default(),
        &mut out,
    )
    .unwrap();
    assert_eq!(numbers(&out), [("rssi", -36.0), ("snr", 10.5)]);
}

#[test]
fn a_message_without_a_number_where_the_rule_looks_is_not_passed_over() {
    let rule = rule(
        r#"{"filter":"gauges/+/data","device":"topic:2","values":"/values",
            "fields":[{"pointer":"/height","datastream":"water_level"}]}"#,
    );
    for payload in [
        r#"{"level":1}"#,
        r#"{"height":null}"#,
        r#"{"values":{"a":"x"}}"#,
    ] {
        let error = rule
            .decode(
                "gauges/a/data",
                payload.as_bytes(),
                &Limits::default(),
                &mut Readings::default(),
            )
            .unwrap_err();
        assert_eq!(error.reason, Reason::Undecodable, "{payload}");
    }
}

#[test]
fn a_city_rule_takes_device_from_the_topic_scales_and_numbers() {
    let rule = rule(
        r#"{"filter":"gauges/+/data","device":"topic:2","time":"/ts","time_format":"s","boot":"/b","seq":"/n",
            "fields":[{"pointer":"/level~1cm","datastream":"water_level","unit":"m","scale":0.01}]}"#,
    );
    let mut out = Readings::default();
    rule.decode(
        "gauges/Cầu Sài Gòn/data",
        br#"{"ts":1795327200.25,"b":3,"n":9,"level/cm":150}"#,
        &Limits::default(),
        &mut out,
    )
    .unwrap();
    let [reading] = out.items() else { panic!() };
    assert_eq!(numbers(&out), [("water_level", 1.5)]);
    assert_eq!(
        reading.device.map(|device| out.text(device)),
        Some("cau-sai-gon")
    );
    assert_eq!(
        (reading.boot, reading.seq, reading.time_us),
        (Some(3), Some(9), Some(1_795_327_200_250_000))
    );
}

#[test]
fn times_since_1970_are_read_in_their_unit() {
    for (format, time, us) in [
        ("s", "1795327200", 1_795_327_200_000_000),
        ("ms", "1795327200123", 1_795_327_200_123_000),
        ("us", "1795327200123456", 1_795_327_200_123_456),
        ("ns", "1795327200123456789", 1_795_327_200_123_456),
        ("s", "\"1795327200\"", 1_795_327_200_000_000),
    ] {
        let rule = rule(&format!(
            r#"{{"filter":"a","device":"/d","values":"/v","time":"/t","time_format":"{format}"}}"#
        ));
        let mut out = Readings::default();
        let message = format!(r#"{{"d":"x","t":{time},"v":{{"a":1}}}}"#);
        rule.decode("a", message.as_bytes(), &Limits::default(), &mut out)
            .unwrap();
        assert_eq!(out.items()[0].time_us, Some(us), "{format}");
    }
}

#[test]
fn a_reading_that_can_not_be_taken_says_why() {
    let rule = rule(
        r#"{"filter":"a","device":"/d","time":"/t","fields":[{"pointer":"/x","datastream":"x"},{"pointer":"/y","datastream":"y"}]}"#,
    );
    let reasons = |message: &str| -> Vec<Option<Reason>> {
        let mut out = Readings::default();
        rule.decode("a", message.as_bytes(), &Limits::default(), &mut out)
            .unwrap();
        out.items()
            .iter()
            .map(|reading| match reading.value {
                Value::Number(_) => None,
                Value::Invalid(bad) => Some(bad.reason),
            })
            .collect()
    };
    assert_eq!(reasons(r#"{"d":"x","x":1,"y":2}"#), [None, None]);
    assert_eq!(
        reasons(r#"{"d":"x","x":"12,5","y":null}"#),
        [Some(Reason::BadValue)]
    );
    assert_eq!(
        reasons(r#"{"d":"x","x":1e400,"y":true}"#),
        [Some(Reason::BadValue), None]
    );
    assert_eq!(
        reasons(r#"{"d":"x","x":1,"t":"yesterday"}"#),
        [Some(Reason::BadTime)]
    );
}

#[test]
fn a_message_without_device_or_with_two_is_refused() {
    let rule = rule(r#"{"filter":"a","device":"/d","values":"/v"}"#);
    let mut out = Readings::default();
    for message in [
        r#"{"v":{"a":1}}"#,
        r#"{"d":"","v":{}}"#,
        r#"{"d":"///","v":{}}"#,
        r#"{"d":"a","d":"b","v":{}}"#,
        "5",
        "",
        r#"{"d":"a"} x"#,
    ] {
        assert!(
            rule.decode("a", message.as_bytes(), &Limits::default(), &mut out)
                .is_err(),
            "{message}"
        );
    }
    let deep = format!(
        r#"{{"d":"a","v":{}{}}}"#,
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    assert!(
        rule.decode("a", deep.as_bytes(), &Limits::default(), &mut out)
            .is_err()
    );
}

#[test]
fn everything_that_is_wrong_with_a_rule_is_said_at_once() {
    let raw: RawRule = serde_json::from_str(
        r#"{"filter":"a/#/b","device":"topic:0","time":"t","time_format":"weeks","seq":"/n",
            "fields":[{"pointer":"x~2","datastream":"X","unit":"furlong","scale":0}]}"#,
    )
    .unwrap();
    let errors = Mapping::compile(&[chirpstack_v4(), raw]).unwrap_err();
    let keys: Vec<_> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "mapping[1].filter",
            "mapping[1].device",
            "mapping[1].time_format",
            "mapping[1].time",
            "mapping[1].fields[0].pointer",
            "mapping[1].fields[0].datastream",
            "mapping[1].fields[0].unit",
            "mapping[1].fields[0].scale",
            "mapping[1].seq",
        ]
    );
    assert!(serde_json::from_str::<RawRule>(r#"{"filterr":"a"}"#).is_err());
}

#[test]
fn names_lose_the_marks_of_their_letters_and_no_letter() {
    let rule = rule(r#"{"filter":"gauges/+/data","device":"topic:2","values":"/v"}"#);
    for (name, expected) in [
        ("ĐÔ 1", "do-1"),
        ("Quận Bình Thạnh", "quan-binh-thanh"),
        ("A\u{302}\u{301}y", "ay"),
        ("-Trạm_Đo.2", "tram_do.2"),
        ("站1", "1"),
    ] {
        let topic = format!("gauges/{name}/data");
        let device = rule.device_of(&topic, b"{}", &Limits::default());
        assert_eq!(device.as_deref(), Some(expected), "{name}");
    }
}
