//! The ledger step by step.

use super::*;
use std::convert::Infallible;

fn ledger(count: u64, bytes: u64) -> Ledger {
    Ledger::new(Room { count, bytes }, Room::default())
}

fn has_room(ledger: &mut Ledger, topic: &str, bytes: u32) -> bool {
    let Ok(promised) = ledger.promise(topic, bytes, |_| Ok::<u32, Infallible>(0));
    promised.is_ok()
}

#[test]
fn the_last_in_the_log_counts_however_they_were_promised() {
    let mut ledger = ledger(9, 100);
    assert!(has_room(&mut ledger, "t", 60));
    // One of them replaces the other.
    assert!(has_room(&mut ledger, "t", 100));
    assert!(!has_room(&mut ledger, "u", 1));
    for (bytes, end) in [(100, 1), (60, 2)] {
        ledger.log("t", bytes, end);
        ledger.release("t");
    }
    assert_eq!(ledger.taken, Room::of(60));
    assert!(has_room(&mut ledger, "u", 40));
}

#[test]
fn nothing_is_remembered_of_what_is_kept() {
    let mut ledger = ledger(9, 100);
    for (bytes, end) in [(10, 1), (20, 2), (0, 3)] {
        ledger.log("t", bytes, end);
    }
    ledger.fold("t", 0, None);
    ledger.keep("t", 20, 2);
    assert_eq!((ledger.taken, ledger.topics.len()), (Room::default(), 1));
    ledger.fold("t", 20, None);
    ledger.keep("t", 0, 3);
    assert_eq!((ledger.taken, ledger.topics.len()), (Room::default(), 0));
}

#[test]
fn topics_that_come_and_go_before_the_fold_take_so_much_memory() {
    let mut ledger = ledger(1, 100);
    for (number, end) in (0..3 * TOPICS_MAX).zip((2..).step_by(2)) {
        let topic = number.to_string();
        assert!(has_room(&mut ledger, &topic, 1));
        ledger.log(&topic, 1, end - 1);
        ledger.release(&topic);
        assert!(has_room(&mut ledger, &topic, 0));
        ledger.log(&topic, 0, end);
        ledger.release(&topic);
    }
    assert_eq!(ledger.taken, Room::default());
    assert_eq!(ledger.topics.len(), TOPICS_MAX.max(UNASKED_MAX));
}

#[test]
fn what_is_replaced_is_asked_for_only_when_there_is_no_room_otherwise() {
    let (most, taken) = (
        Room {
            count: 3,
            bytes: 90,
        },
        Room {
            count: 2,
            bytes: 60,
        },
    );
    let mut ledger = Ledger::new(most, taken);
    let promised = ledger.promise("a", 30, |_| Err::<u32, _>("asked"));
    assert!(matches!(promised, Ok(Ok(_))));
    ledger.log("a", 30, 1);
    ledger.release("a");
    assert!(ledger.promise("b", 30, |_| Err::<u32, _>("asked")).is_err());
    // Both replace.
    let promised = ledger.promise("b", 30, |_| Ok::<u32, Infallible>(30));
    assert!(matches!(promised, Ok(Ok(_))));
    let promised = ledger.promise("c", 30, |topic| {
        Ok::<u32, Infallible>(if topic == "a" { 30 } else { 0 })
    });
    assert!(matches!(promised, Ok(Ok(_))));
    assert_eq!((ledger.taken, ledger.unasked.len()), (most, 0));
}

#[test]
fn beyond_a_bound_what_does_not_add_to_it_passes() {
    let (most, taken) = (
        Room {
            count: 2,
            bytes: 50,
        },
        Room {
            count: 3,
            bytes: 90,
        },
    );
    let mut ledger = Ledger::new(most, taken);
    let mut promise = |topic: &str, bytes, kept| {
        let Ok(promised) = ledger.promise(topic, bytes, |_| Ok::<u32, Infallible>(kept));
        promised.is_ok()
    };
    assert!(promise("same", 30, 30));
    assert!(promise("cleared", 0, 30));
    assert!(!promise("longer", 31, 30));
    assert!(!promise("new", 1, 0));
}

/// Holds room for one message without a topic, if that is possible, and logs it.
fn log_unsorted(ledger: &mut Ledger, topic: &str, bytes: u32, end: u64) -> bool {
    let Ok(is_held) = ledger.hold(Room::of(bytes), |_| Ok::<u32, Infallible>(0));
    if is_held {
        let mut chunk = Chunk::default();
        chunk.add(0, topic, bytes);
        ledger.push(chunk.at(end - 1));
        ledger.let_go(Room::of(bytes));
    }
    is_held
}

#[test]
fn far_from_the_bounds_no_topic_is_looked_at() {
    let mut ledger = ledger(NEAR.count + 3, NEAR.bytes + 100);
    for (bytes, end) in [(10, 1), (20, 2), (30, 3)] {
        assert!(log_unsorted(&mut ledger, "t", bytes, end));
    }
    assert!(ledger.topics.is_empty());
    assert!(!log_unsorted(&mut ledger, "t", 1, 4), "the bounds are near");
    let newest = Logged { bytes: 20, end: 2 };
    ledger.fold("t", 0, Some(newest));
    ledger.pass(2);
    ledger.keep("t", 20, 2);
    assert_eq!(ledger.counted().count, 2);
    assert!(ledger.topics.is_empty());
    // The first and the second have become one.
    assert!(log_unsorted(&mut ledger, "t", 1, 4));
}

#[test]
fn close_to_the_bounds_what_replaces_takes_no_room() {
    let mut ledger = ledger(NEAR.count, NEAR.bytes);
    ledger.most_unsorted = ledger.most;
    for end in 1..=NEAR.count {
        assert!(log_unsorted(&mut ledger, "t", 1, end));
    }
    assert!(!log_unsorted(&mut ledger, "u", 1, NEAR.count + 1));
    assert!(has_room(&mut ledger, "u", 1));
    assert_eq!((ledger.taken.count, ledger.topics.len()), (2, 2));
}

#[test]
fn what_the_fold_lags_behind_takes_so_much_memory() {
    let mut ledger = ledger(u64::MAX, u64::MAX);
    for end in 1..=100_000 {
        assert!(log_unsorted(&mut ledger, &end.to_string(), 0, end));
        assert!(ledger.unsorted.bytes() <= UNSORTED_BYTES_MAX + 200);
    }
    assert_eq!(ledger.topics.len(), UNASKED_MAX, "the others clear nothing");
}

#[test]
fn a_topic_that_was_asked_for_grows_as_others_are_asked_for() {
    let (most, taken) = (
        Room {
            count: 2,
            bytes: 60,
        },
        Room::of(20),
    );
    let mut ledger = Ledger::new(most, taken);
    let kept = |topic: &str| Ok::<u32, Infallible>(if topic == "b" { 20 } else { 0 });
    ledger.log("a", 10, 1);
    ledger.fold("a", 0, None);
    ledger.log("b", 20, 2);
    // `b` counts twice until it is asked for.
    let Ok(promised) = ledger.promise("a", 40, kept);
    assert!(promised.is_ok());
}
