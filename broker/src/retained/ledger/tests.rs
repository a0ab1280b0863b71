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
    ledger.fold("t", 0);
    ledger.keep("t", 20, 2);
    assert_eq!((ledger.taken, ledger.topics.len()), (Room::default(), 1));
    ledger.fold("t", 20);
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
