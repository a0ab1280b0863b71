use super::*;
use nhip_node::{Reading, Stamp, Value};

const BOOT: u32 = 7;

fn ledger(readings: u64) -> QueueLedger {
    let channel = Channel {
        name: "level",
        unit: Some("m"),
        decimals: 1,
    };
    let mut ledger = QueueLedger::new("d".into(), Arc::new([channel]));
    for seq in 0..readings {
        ledger.queued(&queued(seq), false);
    }
    ledger
}

fn queued(seq: u64) -> Queued {
    Queued {
        boot: BOOT,
        seq,
        reading: Reading {
            channel: 0,
            value: Value::good(seq as i32),
            stamp: Stamp {
                ms: 1_000 + seq as i64,
                basis: Basis::Exact,
            },
        },
    }
}

fn sample(seq: u64) -> Sample {
    Sample {
        channel: 0,
        time_ms: 1_000 + seq as i64,
        value: seq as f64 / 10.0,
        quality: Some(Quality::Good),
        seq: Some(seq),
    }
}

fn stored(seq: u64) -> StoredReading {
    StoredReading {
        device: "d".to_owned(),
        datastream: "level".to_owned(),
        time: jiff::Timestamp::from_millisecond(1_000 + seq as i64).unwrap(),
        value: Some(seq as f64 / 10.0),
        boot: Some(BOOT.into()),
        seq: Some(seq),
    }
}

fn audit(ledger: &QueueLedger, answer: &[StoredReading]) -> Findings {
    let mut audit = Box::new(QueueAudit::new(ledger));
    answer.iter().for_each(|reading| audit.see(reading));
    audit.finish()
}

/// Sends the first so many readings and acknowledges them.
fn delivered(ledger: &mut QueueLedger, readings: u64) {
    for seq in 0..readings {
        ledger.sent(BOOT, seq, &sample(seq), true);
        ledger.acknowledged(&[seq]);
    }
}

#[test]
fn all_is_well_when_the_api_returns_what_was_acknowledged() {
    let mut ledger = ledger(3);
    assert!(!ledger.is_delivered(3));
    delivered(&mut ledger, 3);
    assert!(ledger.is_delivered(3));
    let findings = audit(&ledger, &[stored(2), stored(0), stored(1)]);
    let expected = Findings {
        stored: 3,
        ..Findings::default()
    };
    assert_eq!(findings, expected);
    assert_eq!(ledger.problems(), [""; 0]);
}

#[test]
fn finds_what_is_missing_doubled_or_changed() {
    let mut ledger = ledger(4);
    delivered(&mut ledger, 4);
    let changed = StoredReading {
        value: Some(9.0),
        ..stored(2)
    };
    let findings = audit(&ledger, &[stored(0), stored(0), changed, stored(3)]);
    assert_eq!(
        (findings.missing, findings.extra, findings.different),
        (1, 1, 1)
    );
    assert_eq!(findings.stored, 2);
}

#[test]
fn what_left_the_queue_without_an_acknowledgement_is_missing_unless_it_was_evicted() {
    let mut ledger = ledger(5);
    delivered(&mut ledger, 2);
    ledger.left(4);
    let answer = [stored(0), stored(1)];
    assert_eq!(audit(&ledger, &answer).missing, 2);
    ledger.evicted = 2;
    assert_eq!(audit(&ledger, &answer).missing, 0);
}

#[test]
fn what_was_sent_without_an_acknowledgement_may_be_stored_or_left() {
    let mut ledger = ledger(2);
    ledger.sent(BOOT, 0, &sample(0), true);
    ledger.sent(BOOT, 1, &sample(1), true);
    ledger.left(0);
    ledger.left(1);
    let findings = audit(&ledger, &[stored(0)]);
    assert_eq!((findings.unconfirmed, findings.missing), (1, 0));
}

#[test]
fn a_reading_of_a_write_that_the_power_cut_is_taken_from_the_wire() {
    let mut ledger = ledger(1);
    delivered(&mut ledger, 2);
    let findings = audit(&ledger, &[stored(0), stored(1)]);
    assert_eq!((findings.stored, findings.different), (2, 0));
}

#[test]
fn a_device_that_sends_another_value_than_it_queued_is_found_out() {
    let mut ledger = ledger(1);
    ledger.sent(BOOT, 0, &sample(3), true);
    assert!(!ledger.problems().is_empty());
}

#[test]
fn another_boot_is_foreign_and_a_number_that_was_never_sent_is_not() {
    let mut ledger = ledger(1);
    delivered(&mut ledger, 0);
    let other = StoredReading {
        boot: Some(8),
        ..stored(0)
    };
    let findings = audit(&ledger, &[other, stored(0)]);
    assert_eq!((findings.foreign, findings.different), (1, 1));
}

#[test]
fn what_goes_out_again_is_counted_as_repeated() {
    let mut ledger = ledger(1);
    assert!(!ledger.sent(BOOT, 0, &sample(0), true));
    assert!(ledger.sent(BOOT, 0, &sample(0), true));
    assert_eq!((ledger.repeated, ledger.totals().sent), (1, 1));
}
