//! A pass over all days: the first copy, or a look at everything.

use super::end::End;
use super::groups::tiled;
use super::record::Record;
use super::turn::{TIDY, Turn, Work, copied};
use super::{CopyPhase, Group, SeriesSpan, StoreCopy};
use crate::period::DAY_US;
use crate::questdb::forget_tables;
use crate::{SeriesId, StoreError, StoreKind};
use nhip_database::Database;
use std::collections::VecDeque;
use std::ops::Range;

impl StoreCopy {
    pub(super) fn empty(&self, work: &mut Work, mut record: Record) -> Result<Turn, StoreError> {
        work.target = None;
        forget_tables_unless_source(&self.database, self.kind)?;
        self.target(work)?.empty()?;
        // What it had in memory of the older copy goes with it.
        work.target = None;
        self.start_pass(&mut record, CopyPhase::Copying, work)?;
        self.keep(record)?;
        Ok(copied(0, &record))
    }

    /// Begins a pass over all days that the source has; when it is to check, also over later
    /// ones that only the target has. Earlier ones are those that the source's retention dropped.
    pub(super) fn start_pass(
        &self,
        record: &mut Record,
        phase: CopyPhase,
        work: &mut Work,
    ) -> Result<(), StoreError> {
        let extent = self.source.extent_us()?;
        record.phase = phase;
        record.series = 0;
        (record.first_day, record.last_day) = match extent {
            Some((first, last)) => (first.div_euclid(DAY_US), last.div_euclid(DAY_US)),
            None => (0, -1),
        };
        if phase == CopyPhase::Checking && extent.is_some() {
            let there = self.target(work)?.extent_us()?;
            let last_day = there.map_or(-1, |(_, last)| last.div_euclid(DAY_US));
            record.last_day = record.last_day.max(last_day);
        }
        record.day = record.first_day;
        work.spans = None;
        work.day = None;
        Ok(())
    }

    /// One step of a pass, or the end of a day.
    pub(super) fn go_on(
        &self,
        work: &mut Work,
        mut record: Record,
        now_us: i64,
    ) -> Result<Turn, StoreError> {
        if !record.has_begun() {
            let phase = record.phase;
            self.start_pass(&mut record, phase, work)?;
            self.keep(record)?;
            return Ok(copied(0, &record));
        }
        if record.day > record.last_day {
            record.phase = CopyPhase::Following;
            self.keep(record)?;
            return Ok(copied(0, &record));
        }
        let begins = work.day != Some(record.day);
        if begins {
            work.groups = self.groups_of_day(work, &record)?;
            work.day = Some(record.day);
        }
        let Some(group) = work.groups.front().cloned() else {
            record.day += 1;
            if begins {
                record.day = self.next_day(work, &record)?;
            } else {
                self.target(work)?.tidy(now_us, TIDY)?;
            }
            record.series = 0;
            self.keep(record)?;
            return Ok(copied(0, &record));
        };
        let is_look = record.phase == CopyPhase::Checking && work.tries == 0;
        let time_us = time_of(record.day);
        let Some(rows) = self.step(work, &mut record, time_us, &group, is_look)? else {
            return Ok(Turn::Waiting);
        };
        work.groups.pop_front();
        record.series = group.range.map_or(0, |(_, last)| u64::from(last.0) + 1);
        self.keep(record)?;
        Ok(copied(rows, &record))
    }

    /// The day of the record, or a later one if the days between are empty: years may be.
    fn next_day(&self, work: &mut Work, record: &Record) -> Result<i64, StoreError> {
        let from_us = time_of(record.day).start;
        let mut next_us = self.source.next_us(from_us)?;
        if record.phase == CopyPhase::Checking {
            next_us = next_us.min(self.target(work)?.next_us(from_us)?);
        }
        let next = next_us.div_euclid(DAY_US).min(record.last_day + 1);
        Ok(record.day.max(next))
    }

    /// What is to be done of the day of a record, in steps.
    fn groups_of_day(
        &self,
        work: &mut Work,
        record: &Record,
    ) -> Result<VecDeque<Group>, StoreError> {
        let Ok(first) = u32::try_from(record.series) else {
            return Ok(VecDeque::new());
        };
        let time_us = time_of(record.day);
        let mut counts = self.counts(work, time_us.clone(), first)?;
        if counts.is_empty() && record.phase == CopyPhase::Checking {
            let extent = self.source.extent_us()?;
            // What is before the first day may have been dropped a moment ago.
            if extent.is_some_and(|(first_us, _)| first_us < time_us.end) {
                counts = self.target(work)?.counts(time_us, None)?;
            }
        }
        counts.retain(|(series, _)| series.0 >= first);
        Ok(tiled(&counts, SeriesId(first)).into())
    }

    /// About how many readings the source has of each series from `first` on.
    fn counts(
        &self,
        work: &mut Work,
        time_us: Range<i64>,
        first: u32,
    ) -> Result<Vec<(SeriesId, u64)>, StoreError> {
        let spans = match &work.spans {
            Some(spans) => spans,
            None => work.spans.insert(self.source.spans()?),
        };
        counts_in(&*self.source, spans.as_deref(), time_us, first)
    }
}

/// About how many readings a store has of each series from `first` on, whose spans are these.
pub(super) fn counts_in(
    store: &dyn End,
    spans: Option<&[SeriesSpan]>,
    time_us: Range<i64>,
    first: u32,
) -> Result<Vec<(SeriesId, u64)>, StoreError> {
    let within: Option<Vec<SeriesId>> = spans.map(|spans| {
        let is_in = |span: &&SeriesSpan| {
            span.series.0 >= first && span.first_us < time_us.end && span.last_us >= time_us.start
        };
        spans.iter().filter(is_in).map(|span| span.series).collect()
    });
    match within {
        Some(none) if none.is_empty() => Ok(Vec::new()),
        within => store.counts(time_us, within.as_deref()),
    }
}

/// What an older copy left in the database of QuestDB's tables.
fn forget_tables_unless_source(database: &Database, source: StoreKind) -> Result<(), StoreError> {
    match source {
        StoreKind::Embedded => forget_tables(database),
        StoreKind::QuestDb => Ok(()),
    }
}

/// A UTC day.
pub(super) fn time_of(day: i64) -> Range<i64> {
    day * DAY_US..(day + 1) * DAY_US
}
