//! What comes while it is copied: marked, and copied in rounds.

use super::StoreCopy;
use super::groups::{listed, tiled};
use super::marks::{ALL, Hours, Pair};
use super::record::Record;
use super::turn::{TIDY, Turn, Work, copied};
use crate::{SeriesId, StoreError};

/// Marked pairs that one turn takes.
const PAIRS_MAX: usize = 10_000;

impl StoreCopy {
    /// Copies and compares some of what is marked.
    pub(super) fn follow(
        &self,
        work: &mut Work,
        mut record: Record,
        now_us: i64,
    ) -> Result<Turn, StoreError> {
        let taken = self.marks.take(work.after, PAIRS_MAX);
        let Some((last, _)) = taken.last() else {
            work.after = None;
            self.target(work)?.tidy(now_us, TIDY)?;
            self.hold_up(None);
            return Ok(Turn::Waiting);
        };
        let outcome = self.copy_marked(work, &mut record, &taken);
        match &outcome {
            Ok(Some(_)) => {
                self.marks.done();
                let unsaved = self.marks.unsaved();
                let written = self.records.write_marks(&unsaved);
                if written.is_err() {
                    self.marks
                        .not_saved(unsaved.into_iter().map(|(pair, _)| pair));
                }
                written?;
                work.after = Some(*last);
                self.keep(record)?;
            }
            _ => self.marks.give_back(),
        }
        Ok(outcome?.map_or(Turn::Waiting, |rows| copied(rows, &record)))
    }

    /// Copies the hours of pairs of one day; gives the readings, or none if anything differs.
    fn copy_marked(
        &self,
        work: &mut Work,
        record: &mut Record,
        taken: &[(Pair, Hours)],
    ) -> Result<Option<u64>, StoreError> {
        let Some((first, _)) = taken.first() else {
            return Ok(Some(0));
        };
        let hours = taken.iter().map(|(_, hours)| *hours);
        let time_us = hours
            .reduce(Hours::with)
            .unwrap_or(Hours::DAY)
            .on(first.day);
        let series: Vec<SeriesId> = taken
            .iter()
            .map(|(pair, _)| SeriesId(pair.series))
            .collect();
        let groups = if first.series == ALL {
            let counts = self.source.counts(time_us.clone(), None)?;
            tiled(&counts, SeriesId(0))
        } else {
            listed(&self.source.counts(time_us.clone(), Some(&series))?)
        };
        let mut rows = 0;
        for group in groups {
            match self.step(work, record, time_us.clone(), &group, false)? {
                Some(some) => rows += some,
                None => return Ok(None),
            }
        }
        Ok(Some(rows))
    }
}
