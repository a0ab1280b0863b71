//! The feed: in the order of the log, resumable, bounded.

use crate::{
    Cursor, FeedError, View,
    kit::{Bench, Script, config, drain, json},
};

#[test]
fn the_ring_and_the_log_give_the_same_readings() {
    let mut bench = Bench::new(config());
    Script::new(7).fill(&bench.log, 200);
    let mut live = bench.window.subscribe(Some(Cursor::default())).unwrap();
    let mut events = Vec::new();
    while bench.shards.iter().any(|shard| shard.position < 201) {
        for shard in 0..2 {
            bench.step(shard).unwrap();
        }
        events.extend(drain(&mut *live));
    }
    assert!(events.is_sorted_by_key(|event| event.cursor));
    assert_eq!(events.len() as u64, bench.figures().1);
    assert_eq!(bench.feed(Cursor::default()), events);
}

#[test]
fn a_new_subscriber_begins_with_the_next_reading() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    bench.fold().unwrap();
    let mut reader = bench.window.subscribe(None).unwrap();
    json(&bench, "d", r#"{"readings":{"a":2,"b":3}}"#);
    bench.fold().unwrap();
    let values: Vec<f64> = drain(&mut *reader)
        .iter()
        .map(|event| event.observation.value)
        .collect();
    assert_eq!(values, [2.0, 3.0]);
    let middle = Cursor {
        offset: 1,
        index: 0,
    };
    assert_eq!(bench.feed(middle)[0].observation.value, 3.0);
}

#[test]
fn a_shard_that_stands_still_holds_the_order_and_no_memory() {
    let mut bench = Bench::new(config());
    Script::new(8).fill(&bench.log, 300);
    let mut reader = bench.window.subscribe(Some(Cursor::default())).unwrap();
    while bench.shards[0].position < 301 {
        bench.step(0).unwrap();
    }
    assert_eq!(drain(&mut *reader), []);
    bench.fold().unwrap();
    let events = drain(&mut *reader);
    assert_eq!(events.len() as u64, bench.figures().1);
    assert!(events.is_sorted_by_key(|event| event.cursor));
}

#[test]
fn a_cursor_beyond_the_end_is_refused() {
    let bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    let beyond = Cursor {
        offset: 1,
        index: 0,
    };
    let refused = bench.window.subscribe(Some(beyond)).err().unwrap();
    assert!(matches!(refused, FeedError::Beyond { .. }));
}
