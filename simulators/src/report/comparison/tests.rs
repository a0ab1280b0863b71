use super::*;
use crate::report::Numbering;
use std::sync::Arc;

fn ledger(boot: Option<u64>) -> Ledger {
    let numbering = boot.map_or(Numbering::Absent, |boot| Numbering::Message { boot });
    let mut ledger = Ledger::new("d".into(), numbering, 1, Arc::new(["a".into(), "b".into()]));
    for time_ms in [1_000, 2_000, 3_000] {
        let message = ledger.enter(time_ms, &[time_ms as f64, 0.5], false);
        ledger.settle(message, Fate::Acknowledged);
    }
    ledger
}

fn answer(boot: Option<u64>) -> Vec<StoredReading> {
    let rows = [(1, 1_000), (2, 2_000), (3, 3_000)];
    let reading = |name: &str, seq, time_ms: i64, value| StoredReading {
        device: "d".to_owned(),
        datastream: name.to_owned(),
        time: jiff::Timestamp::from_millisecond(time_ms).unwrap(),
        value: Some(value),
        boot,
        seq: boot.map(|_| seq),
    };
    rows.into_iter()
        .flat_map(|(seq, time_ms)| {
            [
                reading("a", seq, time_ms, time_ms as f64),
                reading("b", seq, time_ms, 0.5),
            ]
        })
        .collect()
}

fn compare(ledger: &Ledger, answer: &[StoredReading]) -> Findings {
    let mut comparison = Comparison::new(ledger, 0.0);
    for reading in answer {
        comparison.see(reading);
    }
    comparison.finish()
}

#[test]
fn all_is_well_when_the_api_returns_the_book() {
    for boot in [Some(7), None] {
        let findings = compare(&ledger(boot), &answer(boot));
        let expected = Findings {
            stored: 6,
            ..Findings::default()
        };
        assert_eq!(findings, expected);
    }
}

#[test]
fn finds_what_is_missing_doubled_or_changed() {
    for boot in [Some(7), None] {
        let mut answer = answer(boot);
        answer.remove(0);
        answer.push(answer[0].clone());
        answer[2].value = Some(-1.0);
        let findings = compare(&ledger(boot), &answer);
        assert_eq!(
            (findings.missing, findings.extra, findings.different),
            (1, 1, 1)
        );
        assert_eq!(findings.stored, 4);
        assert_eq!(findings.examples.len(), 3);
    }
}

#[test]
fn another_boot_or_device_is_foreign() {
    let mut answer = answer(Some(7));
    answer[0].boot = Some(6);
    answer[1].device = "e".to_owned();
    let findings = compare(&ledger(Some(7)), &answer);
    assert_eq!((findings.foreign, findings.missing), (2, 2));
}

#[test]
fn a_shifted_time_is_different() {
    let mut answer = answer(Some(7));
    answer[0].time = jiff::Timestamp::from_microsecond(1_000_001).unwrap();
    assert_eq!(compare(&ledger(Some(7)), &answer).different, 1);
}

#[test]
fn unacknowledged_readings_may_be_there_or_not() {
    let mut ledger = ledger(Some(7));
    ledger.enter(4_000, &[1.0, 2.0], false);
    let doubtful = ledger.enter(5_000, &[1.0, 2.0], true);
    ledger.settle(doubtful, Fate::Acknowledged);
    let mut answer = answer(Some(7));
    let mut more = answer[0].clone();
    more.seq = Some(4);
    more.time = jiff::Timestamp::from_millisecond(4_000).unwrap();
    more.value = Some(1.0);
    answer.push(more);
    let findings = compare(&ledger, &answer);
    assert_eq!((findings.unconfirmed, findings.missing), (1, 0));
    assert_eq!((findings.rejected, findings.stored), (2, 6));
}

#[test]
fn a_converted_value_may_differ_by_a_rounding_error() {
    let ledger = ledger(Some(7));
    let mut answer = answer(Some(7));
    answer[0].value = Some(1_000.0 * (1.0 + 1e-12));
    let mut comparison = Comparison::new(&ledger, 1e-9);
    answer.iter().for_each(|reading| comparison.see(reading));
    assert_eq!(comparison.finish().stored, 6);
    assert_eq!(compare(&ledger, &answer).different, 1);
}

#[test]
fn a_reading_under_its_neighbours_number_is_missing() {
    let numbering = Numbering::Reading { boot: 7 };
    let mut ledger = Ledger::new("d".into(), numbering, 1, Arc::new(["a".into(), "b".into()]));
    let message = ledger.enter(1_000, &[1_000.0, 0.5], false);
    ledger.settle(message, Fate::Acknowledged);
    let mut answer = answer(Some(7));
    answer.truncate(2);
    assert_eq!(compare(&ledger, &answer).missing, 1);
    answer[1].seq = Some(2);
    assert_eq!(compare(&ledger, &answer).stored, 2);
}
