//! What is taken, and why something is not.

use crate::{
    DeadLetterQuery, Directory, View,
    kit::{Bench, DAY_US, config, json, publish},
};
use nhip_registry::{Range, Registration};

fn letters(bench: &Bench) -> Vec<(String, u32)> {
    let query = DeadLetterQuery {
        limit: 1000,
        ..DeadLetterQuery::default()
    };
    let letters = bench.window.dead_letters(&query).unwrap();
    letters
        .into_iter()
        .map(|letter| (letter.reasons[0].to_string(), letter.readings))
        .collect()
}

fn reason_of(bench: &mut Bench, device: &str, payload: &str) -> String {
    let before = letters(bench).len();
    json(bench, device, payload);
    bench.fold().unwrap();
    let letters = letters(bench);
    assert_eq!(letters.len(), before + 1, "{payload}");
    letters[before].0.clone()
}

#[test]
fn a_first_reading_registers_its_device_and_is_there() {
    let mut bench = Bench::new(config());
    json(
        &bench,
        "kiosk",
        r#"{"readings":{"temperature":{"value":86,"unit":"degF"}}}"#,
    );
    bench.fold().unwrap();
    let rows = bench.store.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].value, 30.0);
    assert_eq!(rows[0].time_us, DAY_US + 1_000_000);
    assert_eq!(bench.figures_of("kiosk"), (1, 1, 0, 0, 0));
    assert_eq!(bench.window.reconciliation().unread, 0);
}

#[test]
fn names_the_reason_of_each_rejection() {
    let mut bench = Bench::new(config());
    let range = Some(Range { min: 0.0, max: 5.0 });
    bench.directory.add("d", &[("level", "m", range)]);
    let future_ms = DAY_US / 1000 + 400_000;
    let cases = [
        (r#"{"readings":{"level":6}}"#.to_owned(), "out_of_range"),
        (
            r#"{"readings":{"level":{"value":1,"unit":"Cel"}}}"#.to_owned(),
            "unit_mismatch",
        ),
        (
            r#"{"readings":{"level":{"value":1,"unit":"ells"}}}"#.to_owned(),
            "unknown_unit",
        ),
        (
            format!(r#"{{"time":{future_ms},"readings":{{"level":1}}}}"#),
            "in_future",
        ),
        (
            r#"{"time":"1999-12-31T23:59:59Z","readings":{"level":1}}"#.to_owned(),
            "before_2000",
        ),
        (r#"{"readings":{"level":1e400}}"#.to_owned(), "bad_value"),
        ("{".to_owned(), "undecodable"),
    ];
    for (payload, expected) in &cases {
        assert_eq!(reason_of(&mut bench, "d", payload), *expected, "{payload}");
    }
    assert_eq!(bench.figures_of("d"), (7, 0, 0, 7, 0));
    json(
        &bench,
        "d",
        r#"{"time":1000000000000,"readings":{"level":{"value":120,"unit":"cm"}}}"#,
    );
    bench.fold().unwrap();
    assert_eq!(bench.store.rows()[0].value, 1.2);
}

#[test]
fn a_known_property_in_a_unit_that_it_can_not_have_registers_nothing() {
    let mut bench = Bench::new(config());
    for (payload, expected) in [
        (
            r#"{"readings":{"humidity":{"value":3,"unit":"m/s"}}}"#,
            "unit_mismatch",
        ),
        (
            r#"{"readings":{"temperature_2":{"value":3,"unit":"ug/m3"}}}"#,
            "unit_mismatch",
        ),
        (
            r#"{"readings":{"temperature":{"value":3,"unit":"ells"}}}"#,
            "unknown_unit",
        ),
    ] {
        assert_eq!(reason_of(&mut bench, "d", payload), expected, "{payload}");
    }
    assert_eq!(bench.directory.device("d").unwrap().datastreams, []);
    json(
        &bench,
        "d",
        r#"{"readings":{"humidity":{"value":0.5,"unit":"1"},"temperature":300,
            "temperature_2":{"value":300.15,"unit":"K"},"odour":{"value":2,"unit":"smells"}}}"#,
    );
    bench.fold().unwrap();
    let device = bench.directory.device("d").unwrap();
    let units: Vec<(&str, &str)> = device
        .datastreams
        .iter()
        .map(|own| (&*own.name, &*own.unit))
        .collect();
    assert_eq!(
        units,
        [
            ("humidity", "%"),
            ("temperature", "Cel"),
            ("temperature_2", "Cel"),
            ("odour", "smells")
        ]
    );
    assert_eq!(bench.figures(), (7, 3, 0, 4, 0));
}

#[test]
fn a_level_in_decibels_takes_the_reference_of_its_property() {
    let mut bench = Bench::new(config());
    json(
        &bench,
        "d",
        r#"{"readings":{"noise":{"value":61,"unit":"dB"},"snr":{"value":9.5,"unit":"dB"}}}"#,
    );
    bench.fold().unwrap();
    let device = bench.directory.device("d").unwrap();
    let units: Vec<&str> = device.datastreams.iter().map(|own| &*own.unit).collect();
    assert_eq!(units, ["dB[SPL]", "dB"]);
    assert_eq!(bench.figures(), (2, 2, 0, 0, 0));
}

#[test]
fn a_registered_range_is_believed_above_what_is_plausible() {
    let mut bench = Bench::new(config());
    let range = Some(Range {
        min: 0.0,
        max: 900.0,
    });
    bench
        .directory
        .add("tunnel", &[("wind_speed", "m/s", range)]);
    bench
        .directory
        .add("street", &[("wind_speed", "m/s", None)]);
    let payload = r#"{"readings":{"wind_speed":468}}"#;
    assert_eq!(reason_of(&mut bench, "street", payload), "out_of_range");
    json(&bench, "tunnel", payload);
    bench.fold().unwrap();
    assert_eq!(bench.store.rows()[0].value, 468.0);
}

#[test]
fn a_value_without_a_meaning_is_not_judged() {
    let mut bench = Bench::new(config());
    let range = Some(Range { min: 0.0, max: 5.0 });
    bench.directory.add("d", &[("level", "m", range)]);
    json(
        &bench,
        "d",
        r#"{"readings":{"level":{"value":99,"quality":"fault"}}}"#,
    );
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (1, 1, 0, 0, 0));
}

#[test]
fn a_type_that_flips_rejects_that_reading_only() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1,"b":2}}"#);
    json(&bench, "d", r#"{"readings":{"a":"one","b":3}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (4, 3, 0, 1, 0));
    assert_eq!(letters(&bench), [("bad_value".to_owned(), 1)]);
}

#[test]
fn strict_registration_lets_nobody_in() {
    let mut bench = Bench::with(config(), Registration::Strict);
    bench.directory.add("known", &[("a", "1", None)]);
    assert_eq!(
        reason_of(&mut bench, "stranger", r#"{"readings":{"a":1}}"#),
        "unknown_device"
    );
    assert_eq!(
        reason_of(&mut bench, "known", r#"{"readings":{"b":1}}"#),
        "unknown_datastream"
    );
    assert_eq!(bench.figures_of("stranger"), (1, 0, 0, 1, 0));
}

#[test]
fn a_retired_device_is_a_dead_letter_until_it_is_back() {
    let mut bench = Bench::new(config());
    bench.directory.add("d", &[("a", "1", None)]);
    bench.directory.retire("d", Some(1));
    assert_eq!(
        reason_of(&mut bench, "d", r#"{"readings":{"a":1}}"#),
        "retired_device"
    );
    bench.directory.retire("d", None);
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (2, 1, 0, 1, 0));
}

#[test]
fn a_datastream_for_each_message_ends_at_the_bound() {
    let mut bench = Bench::new(crate::Config {
        datastreams_per_device_max: 3,
        ..config()
    });
    for n in 0..6 {
        json(&bench, "d", &format!(r#"{{"readings":{{"n{n}":1}}}}"#));
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (6, 3, 0, 3, 0));
    assert_eq!(letters(&bench)[0].0, "too_many_datastreams");
}

#[test]
fn what_a_rule_can_not_take_apart_is_counted_under_the_device_it_names() {
    let mut bench = Bench::new(config());
    for payload in ["{", r#"{"values":{}}"#, r#"{"values":{"level":1}}"#] {
        publish(&bench.log, "gauges/Gauge 7/data", payload);
    }
    let topic = "application/1/device/x/event/up";
    publish(&bench.log, topic, r#"{"deviceInfo":{"devEui":"E7"}}"#);
    publish(&bench.log, topic, r#"{"deviceInfo":{"devEui":"E7"}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures_of("gauge-7"), (3, 1, 0, 2, 0));
    assert_eq!(bench.figures_of("e7"), (1, 0, 0, 1, 0));
    assert_eq!(bench.figures_of("_unknown"), (1, 0, 0, 1, 0));
    assert_eq!(bench.figures(), (5, 1, 0, 4, 0));
    let query = DeadLetterQuery {
        device: Some("gauge-7".to_owned()),
        limit: 9,
        ..DeadLetterQuery::default()
    };
    assert_eq!(bench.window.dead_letters(&query).unwrap().len(), 2);
}

#[test]
fn strangers_beyond_the_bound_share_one_account() {
    let config = crate::Config {
        unregistered_devices_max: 4,
        ..config()
    };
    let mut bench = Bench::with(config, Registration::Strict);
    for n in 0..20 {
        json(&bench, &format!("stranger{n}"), r#"{"readings":{"a":1}}"#);
    }
    publish(&bench.log, "application/1/device/x/event/up", "no json");
    bench.fold().unwrap();
    let list = bench.window.reconciliation_by_device(None, 100);
    let names: Vec<&str> = list.iter().map(|(name, _)| &**name).collect();
    assert!(
        names.contains(&"_other") && names.contains(&"_unknown"),
        "{names:?}"
    );
    assert!(names.len() <= 6);
    let received: u64 = list.iter().map(|(_, figures)| figures.received).sum();
    assert_eq!((received, 0, 0, received, 0), bench.figures());
}

#[test]
fn a_reading_of_another_device_is_not_taken_under_this_ones_topic() {
    let mut bench = Bench::new(config());
    let topic = "devices/gateway/readings/senml-json";
    publish(
        &bench.log,
        topic,
        r#"[{"bn":"gateway:","n":"a","v":1},{"bn":"other:","n":"a","v":2}]"#,
    );
    bench.fold().unwrap();
    let (received, stored, _, rejected, _) = bench.figures_of("gateway");
    assert_eq!(received, stored + rejected);
    assert!(bench.window.reconciliation_of("other").is_none());
}
