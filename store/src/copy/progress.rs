//! What is asked of a copy, and how far it says it is.

use super::CopyPhase;
use super::held::Held;
use super::record::Record;
use super::tally::Tally;
use crate::StoreKind;
use std::time::Duration;

/// What to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOrder {
    /// Where the readings are.
    pub from: StoreKind,
    /// Where they are to go.
    pub to: StoreKind,
    /// Compares everything again, if everything is copied.
    pub check: bool,
    /// Readings a second at most, over a longer time.
    pub rate_max: u64,
}

/// What comparing everything again has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCheck {
    /// Readings that are the same in both stores.
    pub readings: u64,
    /// Pairs of series and day that they are of.
    pub pairs: u64,
    /// The sum of their checksums.
    pub checksum: u64,
    /// Pairs that differed.
    pub differences: u64,
}

impl CopyCheck {
    pub(crate) fn new(same: Tally, differences: u64) -> Self {
        Self {
            readings: same.rows,
            pairs: same.pairs,
            checksum: same.checksum,
            differences,
        }
    }
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyProgress {
    /// Where the readings are.
    pub from: StoreKind,
    /// Where they go.
    pub to: StoreKind,
    /// What it is doing.
    pub phase: CopyPhase,
    /// Days of the history, and how many of them are done in this pass.
    pub days: u64,
    /// See `days`.
    pub days_done: u64,
    /// Readings that were copied and compared, in every pass but checks.
    pub readings: u64,
    /// Pairs of series and day that were copied and compared.
    pub pairs: u64,
    /// The sum of the checksums of what was copied and compared.
    pub checksum: u64,
    /// What the last check compares, or has compared; none if there was none.
    pub check: Option<CopyCheck>,
    /// Pairs of series and day that changed and wait for the next round.
    pub waiting: u64,
    /// Readings a second, since this process goes on with it.
    pub readings_per_s: f64,
    /// Until the history is done, if that can be told.
    pub remaining: Option<Duration>,
    /// Why it failed, or what it waits for.
    pub problem: Option<String>,
    /// Whether it waits for what a person has to mend.
    pub is_stuck: bool,
}

impl CopyProgress {
    /// Of a record as it is now, as it was `elapsed` ago, and what holds it up.
    pub(crate) fn of(
        now: &Record,
        before: &Record,
        elapsed: Duration,
        waiting: u64,
        held: Held,
    ) -> Self {
        let days = days(now, now.last_day + 1);
        let days_done = match now.phase {
            CopyPhase::Following => days,
            _ => days_of(now),
        };
        let is_pass = matches!(now.phase, CopyPhase::Copying | CopyPhase::Checking);
        let of_this = before.phase == now.phase && before.first_day == now.first_day;
        let done_before = if of_this { days_of(before) } else { 0 };
        let done = days_done.saturating_sub(done_before);
        let left = days.saturating_sub(days_done) as f64;
        let remaining = elapsed.mul_f64(left / done.max(1) as f64);
        let compared = |record: &Record| record.copied.rows + record.checked.rows;
        let rows = compared(now).saturating_sub(compared(before)) as f64;
        Self {
            from: now.from,
            to: now.from.other(),
            phase: now.phase,
            days,
            days_done,
            readings: now.copied.rows,
            pairs: now.copied.pairs,
            checksum: now.copied.checksum,
            check: (now.checks > 0).then(|| CopyCheck::new(now.checked, now.differences)),
            waiting,
            readings_per_s: rows / elapsed.as_secs_f64().max(0.001),
            remaining: (is_pass && done > 0).then_some(remaining),
            problem: held.problem,
            is_stuck: held.is_stuck,
        }
    }
}

fn days_of(record: &Record) -> u64 {
    days(record, record.day)
}

fn days(record: &Record, before: i64) -> u64 {
    before
        .saturating_sub(record.first_day)
        .max(0)
        .unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_judged_by_what_this_process_has_done() {
        let mut before = Record::new(StoreKind::Embedded, 1);
        before.phase = CopyPhase::Copying;
        (before.first_day, before.day, before.last_day) = (100, 110, 149);
        before.copied.rows = 1_000;
        let mut now = Record { day: 120, ..before };
        now.copied.rows = 5_000;
        let told = CopyProgress::of(&now, &before, Duration::from_secs(20), 3, Held::default());
        assert_eq!((told.days, told.days_done, told.waiting), (50, 20, 3));
        assert_eq!(told.remaining, Some(Duration::from_secs(60)));
        assert!((told.readings_per_s - 200.0).abs() < 1e-9);
        let fresh = CopyProgress::of(&before, &before, Duration::from_secs(1), 0, Held::default());
        assert_eq!(fresh.remaining, None);
    }
}
