//! What is known is not stored again.

use crate::kit::{Bench, DAY_US, config, json, message};

#[test]
fn a_message_that_comes_again_is_a_duplicate_in_all_its_readings() {
    let mut bench = Bench::new(config());
    for _ in 0..3 {
        json(
            &bench,
            "d",
            r#"{"boot":1,"seq":5,"readings":{"a":1,"b":2}}"#,
        );
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (6, 2, 4, 0, 0));
}

#[test]
fn one_sample_in_two_messages_is_stored_whole() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"boot":1,"seq":5,"readings":{"a":1}}"#);
    json(&bench, "d", r#"{"boot":1,"seq":5,"readings":{"b":2}}"#);
    json(&bench, "d", r#"{"boot":2,"seq":5,"readings":{"b":2}}"#);
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (3, 3, 0, 0, 0));
}

#[test]
fn a_rejected_reading_is_taken_when_it_comes_again_and_is_right() {
    let mut bench = Bench::new(config());
    json(
        &bench,
        "d",
        r#"{"boot":1,"seq":5,"readings":{"a":1,"b":"x"}}"#,
    );
    json(
        &bench,
        "d",
        r#"{"boot":1,"seq":5,"readings":{"a":1,"b":2}}"#,
    );
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (4, 2, 1, 1, 0));
}

#[test]
fn without_a_sequence_time_and_value_are_the_key() {
    let mut bench = Bench::new(config());
    let at = |seconds: i64, value: u8| {
        let time_ms = DAY_US / 1000 + seconds * 1000;
        format!(r#"{{"time":{time_ms},"readings":{{"a":{value}}}}}"#)
    };
    for (seconds, value) in [(0, 1), (1, 2), (0, 1), (0, 2), (1, 2), (-60, 1), (-60, 1)] {
        json(&bench, "d", &at(seconds, value));
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (7, 4, 3, 0, 0));
    bench.checkpoint().unwrap();
    let mut bench = bench.crash();
    json(&bench, "d", &at(0, 1));
    json(&bench, "d", &at(0, 3));
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (9, 5, 4, 0, 0));
}

#[test]
fn a_backlog_that_comes_again_is_looked_up_by_the_day() {
    let mut bench = Bench::new(crate::Config {
        batch_bytes: 1 << 20,
        ..config()
    });
    let send = |bench: &Bench, seconds: i64, value: i64| {
        let time_ms = DAY_US / 1000 + seconds * 1000;
        let payload = format!(r#"{{"time":{time_ms},"readings":{{"a":{value},"b":1}}}}"#);
        json(bench, "d", &payload);
    };
    for minute in -3000..0 {
        send(&bench, minute * 60, minute);
    }
    bench.fold().unwrap();
    assert_eq!(bench.store.look_ups(), 0);
    send(&bench, -60, -1);
    bench.fold().unwrap();
    assert_eq!(bench.store.look_ups(), 0);
    for minute in -3000..0 {
        send(&bench, minute * 60, minute);
        // Another value, and a time between two.
        send(&bench, minute * 60, 9);
        send(&bench, minute * 60 + 30, minute);
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures_of("d"), (24_002, 15_000, 9_002, 0, 0));
    assert!(bench.store.look_ups() < 20, "{}", bench.store.look_ups());
}

#[test]
fn readings_that_name_no_time_are_never_taken_for_one_another() {
    let mut bench = Bench::new(config());
    for _ in 0..3 {
        json(&bench, "d", r#"{"readings":{"a":1}}"#);
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (3, 3, 0, 0, 0));
}

#[test]
fn a_sequence_without_a_boot_may_begin_anew() {
    let mut bench = Bench::new(config());
    for minute in 0..2 {
        let time_ms = DAY_US / 1000 + minute * 60_000;
        let payload = format!(r#"{{"seq":0,"time":{time_ms},"readings":{{"a":1}}}}"#);
        json(&bench, "d", &payload);
        json(&bench, "d", &payload);
    }
    bench.fold().unwrap();
    assert_eq!(bench.figures(), (4, 2, 2, 0, 0));
}

#[test]
fn what_memory_gave_up_is_asked_of_the_batch_and_of_the_store() {
    let mut bench = Bench::new(crate::Config {
        runs_max: 2,
        boots_max: 1,
        batch_bytes: 100_000,
        ..config()
    });
    let send = |bench: &Bench, timed: bool, boot: u32, seq: u64| {
        let time = match timed {
            true => format!(r#""time":{},"#, DAY_US / 1000 + seq as i64 / 1000),
            false => String::new(),
        };
        let payload = format!(r#"{{"boot":{boot},"seq":{seq},{time}"readings":{{"a":1}}}}"#);
        let received_us = DAY_US + 1_000_000 + seq as i64;
        let topic = "devices/d/readings/json";
        bench
            .log
            .push(message(topic, payload.as_bytes(), received_us));
    };
    for timed in [true, false] {
        for round in 0..2 {
            for seq in (0..20).map(|n| n * 1000) {
                send(&bench, timed, u32::from(timed), seq);
                send(&bench, timed, u32::from(timed), seq);
            }
            bench.fold().unwrap();
            if round == 0 {
                bench.checkpoint().unwrap();
            }
        }
    }
    assert_eq!(bench.figures(), (160, 40, 120, 0, 0));
}
