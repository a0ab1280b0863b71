//! Dead letters: listed, fixed, replayed.

use crate::{
    Cursor, DeadLetter, DeadLetterQuery, View,
    kit::{Bench, DAY_US, config, json, publish},
};
use nhip_registry::{Range, Registration};

fn query() -> DeadLetterQuery {
    DeadLetterQuery {
        limit: 1000,
        ..DeadLetterQuery::default()
    }
}

fn letters(bench: &Bench) -> Vec<DeadLetter> {
    bench.window.dead_letters(&query()).unwrap()
}

#[test]
fn a_dead_letter_keeps_the_payload_through_a_crash() {
    let mut bench = Bench::new(config());
    publish(
        &bench.log,
        "devices/d/readings/json",
        "{\"readings\":{\"a\":nope}}",
    );
    bench.fold().unwrap();
    let before = letters(&bench);
    assert_eq!(before[0].payload, b"{\"readings\":{\"a\":nope}}");
    assert_eq!(before[0].device.as_deref(), Some("d"));
    bench.checkpoint().unwrap();
    let bench = bench.crash();
    assert_eq!(letters(&bench), before);
}

#[test]
fn what_was_fixed_is_stored_by_a_replay_and_adds_up() {
    for crash in [false, true] {
        let mut bench = Bench::with(config(), Registration::Strict);
        bench.directory.add("d", &[("a", "1", None)]);
        json(
            &bench,
            "d",
            r#"{"boot":1,"seq":1,"readings":{"a":1,"b":2}}"#,
        );
        json(&bench, "d", r#"{"readings":{"a":3,"b":4}}"#);
        bench.fold().unwrap();
        assert_eq!(bench.figures(), (4, 2, 0, 2, 0));
        bench.directory.add("d", &[("b", "1", None)]);
        let outcome = bench.window.replay(&query()).unwrap();
        assert_eq!((outcome.replayed, outcome.until_offset), (2, 4));
        assert_eq!(bench.window.replay(&query()).unwrap().replayed, 0);
        if crash {
            bench = bench.crash();
        }
        bench.fold().unwrap();
        assert_eq!(bench.figures(), (4, 4, 0, 0, 0));
        assert_eq!(bench.figures_of("d"), (4, 4, 0, 0, 0));
        assert_eq!(letters(&bench), []);
        bench.checkpoint().unwrap();
        let bench = bench.crash();
        assert_eq!(letters(&bench), []);
        assert_eq!(bench.feed(Cursor::default()).len(), 3);
    }
}

#[test]
fn a_replay_that_is_folded_again_after_a_fix_takes_what_its_dead_letter_still_holds() {
    let mut bench = Bench::with(config(), Registration::Strict);
    bench.directory.add("d", &[]);
    json(
        &bench,
        "d",
        r#"{"boot":1,"seq":1,"readings":{"a":1,"b":2}}"#,
    );
    bench.fold().unwrap();
    assert_eq!(bench.window.replay(&query()).unwrap().replayed, 1);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (2, 0, 0, 2, 0));
    bench.directory.add("d", &[("a", "1", None)]);
    let mut bench = bench.crash();
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (2, 1, 0, 1, 0));
    assert_eq!(bench.figures_of("d"), (2, 1, 0, 1, 0));
    bench.directory.add("d", &[("b", "1", None)]);
    assert_eq!(bench.window.replay(&query()).unwrap().replayed, 1);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (2, 2, 0, 0, 0));
}

#[test]
fn a_range_that_was_wrong_when_it_was_measured_is_mended_by_a_replay() {
    let to = |max| Range { min: 0.0, max };
    for crash in [false, true] {
        let mut bench = Bench::new(config());
        bench.directory.add("d", &[("level", "m", Some(to(5.0)))]);
        json(
            &bench,
            "d",
            r#"{"boot":1,"seq":1,"readings":{"level":{"value":7,"quality":"suspect"}}}"#,
        );
        json(&bench, "d", r#"{"readings":{"level":700}}"#);
        bench.fold().unwrap();
        assert_eq!(bench.figures(), (2, 0, 0, 2, 0));
        bench
            .directory
            .limit("d", "level", to(50.0), DAY_US + 9_000_000);
        assert_eq!(bench.window.replay(&query()).unwrap().replayed, 2);
        if crash {
            bench = bench.crash();
        }
        bench.fold().unwrap();
        assert_eq!(bench.figures(), (2, 1, 0, 1, 0));
        assert!(letters(&bench)[0].detail.contains("0 to 50"));
        // What was stored stays in the feed, whatever is said of the range afterwards.
        bench
            .directory
            .limit("d", "level", to(1.0), DAY_US + 9_500_000);
        let feed = bench.feed(Cursor::default());
        let values: Vec<f64> = feed.iter().map(|event| event.observation.value).collect();
        assert_eq!(values, [7.0]);
    }
}

#[test]
fn a_late_reading_is_judged_by_the_range_of_its_time() {
    let mut bench = Bench::new(config());
    let to = |max| Range { min: 0.0, max };
    bench.directory.add("d", &[("level", "m", Some(to(5.0)))]);
    bench.directory.limit("d", "level", to(1.0), DAY_US);
    let reading = |ms: i64| format!(r#"{{"time":{ms},"readings":{{"level":3}}}}"#);
    json(&bench, "d", &reading(DAY_US / 1000 - 1));
    json(&bench, "d", &reading(DAY_US / 1000));
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (2, 1, 0, 1, 0));
}

#[test]
fn what_fails_again_stays_under_its_number() {
    let mut bench = Bench::with(config(), Registration::Strict);
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    bench.fold().unwrap();
    for _ in 0..2 {
        assert_eq!(bench.window.replay(&query()).unwrap().replayed, 1);
        bench.fold().unwrap();
        let letters = letters(&bench);
        assert_eq!((letters.len(), letters[0].offset), (1, 0));
        assert!(letters[0].replayed_us.is_some());
        assert_eq!(bench.figures(), (1, 0, 0, 1, 0));
    }
}

#[test]
fn nothing_is_replayed_before_the_fold_is_past_its_start() {
    let mut bench = Bench::with(config(), Registration::Strict);
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    bench.fold().unwrap();
    bench.checkpoint().unwrap();
    json(&bench, "d", r#"{"readings":{"a":2}}"#);
    let bench = bench.crash();
    assert!(bench.window.replay(&query()).is_err());
}

#[test]
fn the_oldest_are_dropped_at_the_bound_and_stay_rejected() {
    let mut bench = Bench::new(crate::Config {
        shards: 1,
        dead_letters_max: 3,
        ..config()
    });
    for _ in 0..5 {
        json(&bench, "d", "{");
    }
    bench.fold().unwrap();
    let numbers: Vec<u64> = letters(&bench).iter().map(|letter| letter.offset).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert_eq!(bench.figures(), (5, 0, 0, 5, 0));
}

#[test]
fn they_are_found_by_reason_device_and_number() {
    let mut bench = Bench::new(config());
    json(&bench, "d", "{");
    json(&bench, "e", r#"{"readings":{"a":"x"}}"#);
    json(&bench, "e", "{");
    bench.fold().unwrap();
    let find = |query: DeadLetterQuery| -> Vec<u64> {
        let found = bench.window.dead_letters(&query).unwrap();
        found.iter().map(|letter| letter.offset).collect()
    };
    assert_eq!(find(query()), [0, 1, 2]);
    let reason = Some("undecodable".to_owned());
    assert_eq!(find(DeadLetterQuery { reason, ..query() }), [0, 2]);
    let device = Some("e".to_owned());
    assert_eq!(
        find(DeadLetterQuery {
            device,
            after: Some(1),
            ..query()
        }),
        [2]
    );
    assert_eq!(
        find(DeadLetterQuery {
            offsets: vec![1, 1],
            ..query()
        }),
        [1]
    );
    assert_eq!(
        find(DeadLetterQuery {
            limit: 2,
            ..query()
        }),
        [0, 1]
    );
}

#[test]
fn the_newest_come_first_where_that_is_asked_for() {
    let mut bench = Bench::new(config());
    for device in ["d", "e", "f", "g"] {
        json(&bench, device, "{");
    }
    bench.fold().unwrap();
    let find = |after, offsets| -> Vec<u64> {
        let query = DeadLetterQuery {
            after,
            offsets,
            newest_first: true,
            limit: 2,
            ..query()
        };
        let found = bench.window.dead_letters(&query).unwrap();
        found.iter().map(|letter| letter.offset).collect()
    };
    assert_eq!(find(None, Vec::new()), [3, 2]);
    assert_eq!(find(Some(2), Vec::new()), [1, 0]);
    assert!(find(Some(0), Vec::new()).is_empty());
    assert_eq!(find(Some(3), vec![0, 2, 3]), [2, 0]);
}

#[test]
fn a_letter_is_found_and_replayed_by_each_of_its_reasons() {
    let mut bench = Bench::with(config(), Registration::Strict);
    bench.directory.add("d", &[("a", "1", None)]);
    json(&bench, "d", r#"{"readings":{"a":"12,5","b":2,"c":3}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (3, 0, 0, 3, 0));
    let of = |reason: &str| DeadLetterQuery {
        reason: Some(reason.to_owned()),
        ..query()
    };
    for reason in ["bad_value", "unknown_datastream"] {
        let found = bench.window.dead_letters(&of(reason)).unwrap();
        let reasons: Vec<&str> = found[0].reasons.iter().map(|why| &**why).collect();
        assert_eq!(reasons, ["bad_value", "unknown_datastream"]);
    }
    assert_eq!(bench.window.dead_letters(&of("in_future")).unwrap(), []);
    bench.checkpoint().unwrap();
    let mut bench = bench.crash();
    bench
        .directory
        .add("d", &[("b", "1", None), ("c", "1", None)]);
    let outcome = bench.window.replay(&of("unknown_datastream")).unwrap();
    assert_eq!(outcome.replayed, 1);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (3, 2, 0, 1, 0));
}

#[test]
fn a_status_that_is_none_is_a_dead_letter() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    for status in ["online", "", "foo"] {
        publish(&bench.log, "devices/d/status", status);
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures_of("d"), (2, 1, 0, 1, 0));
    assert_eq!(&*letters(&bench)[0].reasons[0], "bad_status");
}

#[test]
fn what_the_store_refuses_is_a_dead_letter_and_the_rest_is_stored() {
    let mut bench = Bench::new(config());
    json(
        &bench,
        "d",
        r#"{"boot":1,"seq":1,"readings":{"a":66.6,"b":2}}"#,
    );
    json(&bench, "d", r#"{"boot":1,"seq":2,"readings":{"a":1}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (3, 2, 0, 1, 0));
    assert!(
        letters(&bench)[0]
            .reasons
            .iter()
            .any(|reason| &**reason == "refused_by_store")
    );
    assert_eq!(bench.feed(Cursor::default()).len(), 2);
    json(&bench, "d", r#"{"boot":1,"seq":1,"readings":{"a":5}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (4, 3, 0, 1, 0));
}
