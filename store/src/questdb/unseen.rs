//! What the server took and does not show yet.
//!
//! Its reply means that a transaction is in the table's log; readers see it when it is applied
//! to the table, a moment later. Until then its readings are shown from here.

use super::row::Kept;
use crate::{Observation, SeriesId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Transactions of the table `readings`, as `wal_tables()` has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transactions {
    /// The newest one that the server has.
    pub(crate) taken: i64,
    /// The newest one that queries see.
    pub(crate) applied: i64,
}

/// Readings between the server's reply and its readers.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    /// Sent since the last look.
    newest: Vec<Arc<Vec<Kept>>>,
    /// Sent before the last look, which found no proof of them.
    sealed: Vec<Arc<Vec<Kept>>>,
    /// Known to be taken, with the transaction behind which all of them are applied.
    taken: VecDeque<(i64, Vec<Arc<Vec<Kept>>>)>,
    rows: u64,
    /// Requests that were answered since `base`.
    answered: u64,
    /// Requests that are under way.
    under_way: u64,
    /// The server's newest transaction when `answered` was 0.
    base: Option<i64>,
}

/// What a look at the server's transactions shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everything that was answered before the look is there.
    Taken,
    /// The server has fewer transactions than were answered: someone else answered.
    Missing,
}

/// What was known when a look began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    answered: u64,
    quiet: bool,
}

impl Unseen {
    /// How many readings are held.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// A request begins.
    pub(crate) fn begin(&mut self) {
        self.under_way += 1;
    }

    /// A request that had begun was answered, or not.
    pub(crate) fn end(&mut self, answered: bool) {
        self.under_way -= 1;
        self.answered += u64::from(answered);
    }

    /// Shows readings, all requests for which were answered.
    pub(crate) fn show(&mut self, rows: Vec<Kept>) {
        self.rows += rows.len() as u64;
        self.newest.push(Arc::new(rows));
    }

    /// Begins a look: what was shown before it is what it can prove.
    pub(crate) fn seal(&mut self) -> Look {
        let newest = std::mem::take(&mut self.newest);
        self.sealed.extend(newest);
        Look {
            answered: self.answered,
            quiet: self.under_way == 0,
        }
    }

    /// Ends a look with what it found.
    pub(crate) fn settle(&mut self, look: Look, found: Transactions) -> Proof {
        let answered = i64::try_from(look.answered).unwrap_or(i64::MAX);
        let base = *self.base.get_or_insert(found.taken - answered);
        let proof = if found.taken >= base.saturating_add(answered) {
            let sealed = std::mem::take(&mut self.sealed);
            if !sealed.is_empty() {
                self.taken.push_back((found.taken, sealed));
            }
            Proof::Taken
        } else {
            // Those answers were none: they are not asked for twice.
            self.base = Some(found.taken.saturating_sub(answered));
            Proof::Missing
        };
        let still = self.under_way == 0 && self.answered == look.answered;
        if look.quiet && still {
            self.base = Some(found.taken);
            self.answered = 0;
        }
        while let Some((_, batches)) = self
            .taken
            .pop_front_if(|(transaction, _)| *transaction <= found.applied)
        {
            self.rows -= batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
        }
        proof
    }

    /// What no look has proved yet.
    pub(crate) fn unproved(&self) -> Vec<Arc<Vec<Kept>>> {
        self.sealed.clone()
    }

    /// The transaction behind which everything that was proved is applied, if it isn't yet.
    pub(crate) fn awaited(&self) -> Option<i64> {
        self.taken.back().map(|(transaction, _)| *transaction)
    }

    /// Everything held, to be searched without the lock.
    pub(crate) fn batches(&self) -> Vec<Arc<Vec<Kept>>> {
        let taken = self.taken.iter().flat_map(|(_, batches)| batches);
        taken
            .chain(&self.sealed)
            .chain(&self.newest)
            .cloned()
            .collect()
    }
}

/// The readings of a series in a range of time, in order of time, each once.
pub(crate) fn of_series(
    batches: &[Arc<Vec<Kept>>],
    series: SeriesId,
    from_us: i64,
    to_us: i64,
) -> Vec<Kept> {
    let within =
        |row: &Observation| row.series == series && row.time_us >= from_us && row.time_us < to_us;
    let mut found: Vec<Kept> = batches
        .iter()
        .flat_map(|batch| batch.iter())
        .filter(|kept| within(&kept.row))
        .copied()
        .collect();
    found.sort_by(Kept::compare);
    // A batch that was sent again.
    found.dedup_by_key(|kept| kept.identity());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use nhip_wire::Quality;

    fn row(time_us: i64) -> Kept {
        let row = Observation {
            series: SeriesId(1),
            boot: 1,
            time_us,
            received_us: time_us,
            value: 1.0,
            seq: Some(time_us as u64),
            quality: Quality::Good,
            source: Source::Device,
        };
        Kept { row, copy: 0 }
    }

    fn send(unseen: &mut Unseen, time_us: i64) {
        unseen.begin();
        unseen.end(true);
        unseen.show(vec![row(time_us)]);
    }

    fn times(unseen: &Unseen) -> Vec<i64> {
        let rows = of_series(&unseen.batches(), SeriesId(1), 0, 1000);
        rows.iter().map(|kept| kept.row.time_us).collect()
    }

    fn found(taken: i64, applied: i64) -> Transactions {
        Transactions { taken, applied }
    }

    #[test]
    fn a_reading_is_held_until_its_transaction_is_applied() {
        let mut unseen = Unseen::default();
        send(&mut unseen, 1);
        let look = unseen.seal();
        send(&mut unseen, 2);
        assert_eq!(unseen.settle(look, found(5, 4)), Proof::Taken);
        assert_eq!(times(&unseen), [1, 2]);
        assert_eq!(unseen.awaited(), Some(5));
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(6, 5)), Proof::Taken);
        assert_eq!(times(&unseen), [2]);
        let look = unseen.seal();
        unseen.settle(look, found(6, 6));
        assert_eq!(unseen.rows(), 0);
    }

    #[test]
    fn an_answer_without_a_transaction_is_no_proof() {
        let mut unseen = Unseen::default();
        let look = unseen.seal();
        unseen.settle(look, found(5, 5));
        send(&mut unseen, 1);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(5, 5)), Proof::Missing);
        assert_eq!(times(&unseen), [1]);
        assert_eq!(unseen.unproved().len(), 1);
        // It is sent again.
        unseen.begin();
        unseen.end(true);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(6, 6)), Proof::Taken);
        assert_eq!(unseen.rows(), 0);
    }

    #[test]
    fn a_lie_while_others_send_is_made_good_by_one_repetition() {
        let mut unseen = Unseen::default();
        let look = unseen.seal();
        unseen.settle(look, found(5, 5));
        unseen.begin();
        send(&mut unseen, 1);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(5, 5)), Proof::Missing);
        unseen.begin();
        unseen.end(true);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(6, 6)), Proof::Taken);
    }

    #[test]
    fn what_is_under_way_during_a_look_proves_nothing_later() {
        let mut unseen = Unseen::default();
        let look = unseen.seal();
        unseen.settle(look, found(0, 0));
        unseen.begin();
        let look = unseen.seal();
        // The server has it before the reply is here.
        assert_eq!(unseen.settle(look, found(1, 1)), Proof::Taken);
        unseen.end(true);
        unseen.show(vec![row(1)]);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(1, 1)), Proof::Taken);
        send(&mut unseen, 2);
        let look = unseen.seal();
        assert_eq!(unseen.settle(look, found(1, 1)), Proof::Missing);
    }
}
