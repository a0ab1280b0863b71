//! A store that is away, and a state that can't be read.

use crate::{
    Claim, Ingest, StartError, View,
    ingest::assemble,
    kit::{Bench, MemoryDirectory, MemoryLog, MemoryStore, Script, config, json, parts, tuple},
    shard::Halt,
};
use nhip_registry::Registration;
use std::{sync::Arc, thread, time::Duration};

/// Looks until it is so; a minute is for ever.
fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    panic!("it never was so");
}

#[test]
fn readings_are_pending_while_the_store_is_away_and_stored_when_it_is_back() {
    let log = Arc::new(MemoryLog::default());
    let store = Arc::new(MemoryStore::default());
    let directory = Arc::new(MemoryDirectory::new(Registration::Open));
    let ingest = Ingest::start(config(), parts(&log, &store, &directory)).unwrap();
    let view = ingest.view();
    store.fail_after(Some(0));
    Script::new(3).fill(&log, 300);
    until(|| view.lag().store_unavailable && view.reconciliation().pending > 0);
    tuple(view.reconciliation());
    assert!(view.lag().records > 0);
    store.fail_after(None);
    until(|| {
        let figures = view.reconciliation();
        tuple(figures);
        figures.unread == 0 && figures.pending == 0
    });
    assert!(!view.lag().store_unavailable);
    assert_eq!(store.rows().len() as u64, view.reconciliation().stored);
    let before = view.reconciliation();
    ingest.shutdown();
    let again = Ingest::start(config(), parts(&log, &store, &directory)).unwrap();
    assert_eq!(again.view().reconciliation(), before);
}

#[test]
fn a_shutdown_without_a_store_ends_and_loses_nothing() {
    let log = Arc::new(MemoryLog::default());
    let store = Arc::new(MemoryStore::default());
    let directory = Arc::new(MemoryDirectory::new(Registration::Open));
    let ingest = Ingest::start(config(), parts(&log, &store, &directory)).unwrap();
    store.fail_after(Some(0));
    Script::new(4).fill(&log, 50);
    let view = ingest.view();
    until(|| view.reconciliation().pending > 0);
    ingest.shutdown();
    store.crash();
    let again = Ingest::start(config(), parts(&log, &store, &directory)).unwrap();
    until(|| again.view().reconciliation().unread == 0);
    let figures = again.view().reconciliation();
    assert_eq!(store.rows().len() as u64, figures.stored);
}

#[test]
fn a_batch_in_flight_adds_up() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1,"b":"x"}}"#);
    bench.store.fail_after(Some(0));
    let outcomes = [bench.step(0), bench.step(1)];
    assert!(outcomes.contains(&Err(Halt::Stopped)));
    assert_eq!(bench.figures(), (2, 0, 0, 1, 1));
    assert_eq!(bench.figures_of("d"), (2, 0, 0, 1, 1));
    assert_eq!(bench.window.reconciliation().unread, 0);
}

#[test]
fn a_state_that_is_not_readable_is_not_begun_with() {
    let refused = |change: &dyn Fn(&Bench)| {
        let mut bench = Bench::new(config());
        json(&bench, "d", r#"{"readings":{"a":1}}"#);
        bench.fold().unwrap();
        bench.checkpoint().unwrap();
        change(&bench);
        assemble(
            bench.config.clone(),
            parts(&bench.log, &bench.store, &bench.directory),
        )
        .err()
    };
    let torn = refused(&|bench| bench.store.set_state(0, b"h", b"\x01"));
    assert!(matches!(torn, Some(StartError::State { shard: 0, .. })));
    let unknown = refused(&|bench| bench.store.set_state(1, b"zzz", b""));
    assert!(matches!(unknown, Some(StartError::State { shard: 1, .. })));
    assert!(refused(&|_| ()).is_none());
}

#[test]
fn another_number_of_shards_or_another_log_is_refused() {
    let mut bench = Bench::new(config());
    json(&bench, "d", r#"{"readings":{"a":1}}"#);
    bench.fold().unwrap();
    bench.checkpoint().unwrap();
    let three = crate::Config {
        shards: 3,
        ..config()
    };
    let shards = assemble(three, parts(&bench.log, &bench.store, &bench.directory)).err();
    assert!(shards.unwrap().to_string().contains("2 shards, and 3"));
    let empty = Arc::new(MemoryLog::default());
    let mismatch = assemble(config(), parts(&empty, &bench.store, &bench.directory)).err();
    assert!(matches!(mismatch, Some(StartError::LogMismatch { .. })));
}

#[test]
fn the_door_knows_whose_a_topic_is() {
    let log = Arc::new(MemoryLog::default());
    let store = Arc::new(MemoryStore::default());
    let directory = Arc::new(MemoryDirectory::new(Registration::Open));
    let ingest = Ingest::start(config(), parts(&log, &store, &directory)).unwrap();
    for taken in [
        "devices/d/readings/json",
        "devices/d/status",
        "application/1/device/x/event/up",
    ] {
        assert_eq!(ingest.claims(taken), Claim::Taken, "{taken}");
    }
    for ordinary in ["chat", "devices/d/commands/reboot", "đo/1"] {
        assert_eq!(ingest.claims(ordinary), Claim::Ordinary, "{ordinary}");
    }
    for refused in [
        "devices/d/readings/xml",
        "devices/Đ/status",
        "live/a/b/c/d",
        "live/x",
    ] {
        assert!(
            matches!(ingest.claims(refused), Claim::Refused(_)),
            "{refused}"
        );
    }
}
