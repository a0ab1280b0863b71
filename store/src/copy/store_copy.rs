//! A copy: begun, carried on turn by turn, ended by a switch.

use super::digest::Digests;
use super::end::{End, SeriesSpan};
use super::groups::{listed, tiled};
use super::marks::{ALL, Hours, Marks, Pair, day_of};
use super::open::{OpenStore, StoreConfigs, open_target};
use super::record::{Record, Records};
use super::step::{Compared, step, told};
use super::{CopyOrder, CopyPhase, CopyProgress, Group};
use crate::period::DAY_US;
use crate::questdb::forget_tables;
use crate::{SeriesId, StoreError, StoreKind};
use nhip_database::Database;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Marked pairs that one turn takes.
const PAIRS_MAX: usize = 10_000;
/// How often what differs is copied again.
const TRIES_MAX: u32 = 10;
/// Background work of the target in one turn.
const TIDY: Duration = Duration::from_millis(200);

/// A copy of the store of a data folder into the other kind; or none, until one is begun.
pub struct StoreCopy {
    database: Database,
    records: Records,
    configs: StoreConfigs,
    kind: StoreKind,
    source: Arc<dyn End>,
    marks: Arc<Marks>,
    /// Held for a whole turn.
    work: Mutex<Work>,
    current: Mutex<Option<Current>>,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do at once, as far as the rate allows.
    Copied {
        /// Readings that were copied or compared.
        readings: u64,
        /// How many a second there may be.
        rate_max: u64,
    },
    /// Nothing to do for some seconds.
    Waiting,
    /// Nothing to do until a copy is begun.
    Idle,
}

/// What lasts as long as the process.
#[derive(Default)]
struct Work {
    target: Option<Arc<dyn End>>,
    spans: Option<Option<Vec<SeriesSpan>>>,
    /// What is left of the day that the record names.
    groups: VecDeque<Group>,
    day: Option<i64>,
    /// Where the round over the marks is.
    after: Option<Pair>,
    tries: u32,
}

struct Current {
    record: Record,
    problem: Option<String>,
    /// When this process began to work on it, and how far it was.
    since: Instant,
    before: Record,
}

impl Current {
    fn new(record: Record, problem: Option<String>) -> Self {
        Self {
            record,
            problem,
            since: Instant::now(),
            before: record,
        }
    }
}

impl StoreCopy {
    /// What is known of a copy of the folder's store, which is marked from now on if there is
    /// one under way.
    pub fn open(
        database: &Database,
        source: &OpenStore,
        configs: StoreConfigs,
    ) -> Result<Self, StoreError> {
        let records = Records::open(database)?;
        let marks = Arc::new(Marks::default());
        let kind = source.kind();
        let found = records.load()?.filter(|(record, _)| record.from == kind);
        if found.is_some() {
            marks.start(records.marks()?);
        }
        Ok(Self {
            database: database.clone(),
            records,
            configs,
            kind,
            source: source.end(),
            marks,
            work: Mutex::default(),
            current: Mutex::new(found.map(|(record, why)| Current::new(record, why))),
        })
    }

    /// Switches to a kind if a copy into it is under way and the readings are in the other one;
    /// gives whether it did. Before the store is opened.
    pub fn finish(
        database: &Database,
        to: StoreKind,
        configs: &StoreConfigs,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let from = to.other();
        let under_way = Records::open(database)?.load()?;
        let is_of_it = under_way.is_some_and(|(record, _)| record.from == from);
        if !is_of_it || StoreKind::of(database)? != Some(from) {
            return Ok(false);
        }
        // Nobody asks for its metrics while it only closes down.
        let source = OpenStore::open(from, database, configs, &prometheus::Registry::new())?;
        Self::open(database, &source, configs.clone())?.switch(now_us)?;
        Ok(true)
    }

    /// Begins a copy, or goes on with the one that there is.
    pub fn begin(&self, order: CopyOrder) -> Result<CopyProgress, StoreError> {
        if order.from != self.kind || order.to != self.kind.other() {
            return Err(refused(format!(
                "the readings are in {}, so copy from {} to {}",
                self.kind.told(),
                self.kind,
                self.kind.other()
            )));
        }
        let mut work = self.work.lock();
        let record = self.record();
        let mut record = match record.filter(|record| record.phase != CopyPhase::Failed) {
            Some(record) => record,
            None if order.check => {
                let reason = "nothing is copied yet that could be compared; copy without --check";
                return Err(refused(reason.to_owned()));
            }
            None => self.begin_anew(&order, &mut work)?,
        };
        record.rate_max = order.rate_max.max(1);
        if order.check && record.phase == CopyPhase::Following {
            self.start_pass(&mut record, CopyPhase::Checking, &mut work)?;
            record.differences = 0;
        }
        self.keep(record)?;
        drop(work);
        self.progress()
            .ok_or_else(|| refused("it was ended".to_owned()))
    }

    /// Forgets the copy; the target stays as it is.
    pub fn cancel(&self) -> Result<(), StoreError> {
        let mut work = self.work.lock();
        self.marks.stop();
        self.records.end(None)?;
        *work = Work::default();
        *self.current.lock() = None;
        Ok(())
    }

    /// How far it is; none if there is no copy.
    pub fn progress(&self) -> Option<CopyProgress> {
        let current = self.current.lock();
        let current = current.as_ref()?;
        Some(CopyProgress::of(
            &current.record,
            &current.before,
            current.since.elapsed(),
            self.marks.len() as u64,
            current.problem.clone(),
        ))
    }

    /// Does a little of it. Whatever fails is told by `progress`.
    pub fn turn(&self, now_us: i64) -> Turn {
        let mut work = self.work.lock();
        let Some(record) = self.record() else {
            return Turn::Idle;
        };
        match self.advance(&mut work, record, now_us) {
            Ok(turn) => turn,
            Err(StoreError::Unavailable { reason }) => {
                self.hold_up(Some(reason));
                Turn::Waiting
            }
            Err(error) => {
                self.fail(record, &error);
                Turn::Idle
            }
        }
    }

    /// Copies what is still marked and lets the target keep the readings from now on. Only
    /// while nothing is appended; the source must be dropped then.
    pub fn switch(&self, now_us: i64) -> Result<(), StoreError> {
        let whole = self.record().map(|record| record.phase);
        if whole != Some(CopyPhase::Following) {
            let told = whole.map_or("none was begun", CopyPhase::name);
            return Err(refused(format!(
                "the copy to {} is not whole ({told}); finish it first with nhip store copy \
                 --from {} --to {}",
                self.kind.other().told(),
                self.kind,
                self.kind.other()
            )));
        }
        if !self.records.is_settled()? {
            return Err(refused(format!(
                "the last run ended without a last checkpoint, so more may be stored than that; \
                 start once more with store.kind = \"{}\", stop with SIGTERM, then switch",
                self.kind
            )));
        }
        let mut work = self.work.lock();
        while self.marks.len() > 0 {
            let record = self
                .record()
                .ok_or_else(|| refused("it was ended".to_owned()))?;
            self.advance(&mut work, record, now_us)?;
        }
        self.records.end(Some(self.kind.other()))?;
        self.marks.stop();
        *self.current.lock() = None;
        Ok(())
    }

    pub(super) fn watch(&self) -> (Arc<Marks>, Records) {
        (self.marks.clone(), self.records.clone())
    }

    fn begin_anew(&self, order: &CopyOrder, work: &mut Work) -> Result<Record, StoreError> {
        self.marks.stop();
        self.records.end(None)?;
        // The target's state must not look as if it had the readings.
        self.records.confirm(self.kind)?;
        *work = Work::default();
        // First the marks, then the history: what is in neither can't be.
        self.marks.start(Vec::new());
        Ok(Record::new(self.kind, order.rate_max))
    }

    fn advance(&self, work: &mut Work, record: Record, now_us: i64) -> Result<Turn, StoreError> {
        match record.phase {
            CopyPhase::Emptying => self.empty(work, record),
            CopyPhase::Copying | CopyPhase::Checking => self.go_on(work, record, now_us),
            CopyPhase::Following => self.follow(work, record, now_us),
            CopyPhase::Failed => Ok(Turn::Idle),
        }
    }

    fn empty(&self, work: &mut Work, mut record: Record) -> Result<Turn, StoreError> {
        work.target = None;
        forget_tables_unless_source(&self.database, self.kind)?;
        self.target(work)?.empty()?;
        // What it had in memory of the older copy goes with it.
        work.target = None;
        self.start_pass(&mut record, CopyPhase::Copying, work)?;
        self.keep(record)?;
        Ok(copied(0, &record))
    }

    /// Begins a pass over all days that the source has.
    fn start_pass(
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
        record.day = record.first_day;
        work.spans = None;
        work.day = None;
        Ok(())
    }

    /// One step of a pass, or the end of a day.
    fn go_on(&self, work: &mut Work, mut record: Record, now_us: i64) -> Result<Turn, StoreError> {
        if record.day > record.last_day {
            record.phase = CopyPhase::Following;
            self.keep(record)?;
            return Ok(copied(0, &record));
        }
        let begins = work.day != Some(record.day);
        if begins {
            work.groups = self.groups_of_day(work, record.day, record.series)?;
            work.day = Some(record.day);
        }
        let Some(group) = work.groups.front().cloned() else {
            record.day += 1;
            if begins {
                // Years may be empty.
                let next_us = self.source.next_us(time_of(record.day).start)?;
                let next = next_us.div_euclid(DAY_US).min(record.last_day + 1);
                record.day = record.day.max(next);
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

    fn groups_of_day(
        &self,
        work: &mut Work,
        day: i64,
        first: u64,
    ) -> Result<VecDeque<Group>, StoreError> {
        let Ok(first) = u32::try_from(first) else {
            return Ok(VecDeque::new());
        };
        let spans = match &work.spans {
            Some(spans) => spans,
            None => work.spans.insert(self.source.spans()?),
        };
        let time_us = time_of(day);
        let within: Option<Vec<SeriesId>> = spans.as_ref().map(|spans| {
            let is_in = |span: &&SeriesSpan| {
                span.series.0 >= first
                    && span.first_us < time_us.end
                    && span.last_us >= time_us.start
            };
            spans.iter().filter(is_in).map(|span| span.series).collect()
        });
        if within.as_ref().is_some_and(Vec::is_empty) {
            return Ok(VecDeque::new());
        }
        let mut counts = self.source.counts(time_us, within.as_deref())?;
        counts.retain(|(series, _)| series.0 >= first);
        Ok(tiled(&counts, SeriesId(first)).into())
    }

    /// Copies and compares some of what is marked.
    fn follow(&self, work: &mut Work, mut record: Record, now_us: i64) -> Result<Turn, StoreError> {
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

    /// Gives the readings that are the same in both, or none if anything differs.
    fn step(
        &self,
        work: &mut Work,
        record: &mut Record,
        time_us: Range<i64>,
        group: &Group,
        is_look: bool,
    ) -> Result<Option<u64>, StoreError> {
        let target = self.target(work)?;
        let again = || step(&*self.source, &*target, time_us.clone(), group, is_look);
        let mut compared = again()?;
        if is_look && self.is_surprising(&mut compared, &time_us) {
            // What was appended a moment ago is marked by now.
            compared = again()?;
            self.is_surprising(&mut compared, &time_us);
        }
        match compared {
            Compared::Same(digests) => {
                work.tries = 0;
                let total = digests.total();
                record.rows += total.count;
                record.pairs += digests.len();
                record.checksum = record.checksum.wrapping_add(total.checksum);
                self.hold_up(None);
                Ok(Some(total.count))
            }
            Compared::Differing(differing) => {
                let told = told(&differing, &time_us, self.kind.other());
                tracing::warn!(told, "what was copied differs; it is copied again");
                if is_look {
                    record.differences += differing.len() as u64;
                    self.keep(*record)?;
                }
                work.tries += 1;
                if work.tries > TRIES_MAX {
                    return Err(StoreError::Damaged {
                        place: "the copy".to_owned(),
                        reason: told,
                    });
                }
                self.hold_up(Some(told));
                Ok(None)
            }
        }
    }

    /// Takes out of what differs what is known to have changed, and waits for its round;
    /// whether anything is left.
    fn is_surprising(&self, compared: &mut Compared, time_us: &Range<i64>) -> bool {
        let Compared::Differing(differing) = compared else {
            return false;
        };
        let day = day_of(time_us.start);
        differing.retain(|difference| {
            let series = difference.series.0;
            !self.marks.has(Pair { day, series })
        });
        if !differing.is_empty() {
            return true;
        }
        *compared = Compared::Same(Digests::default());
        false
    }

    fn target(&self, work: &mut Work) -> Result<Arc<dyn End>, StoreError> {
        if let Some(target) = &work.target {
            return Ok(target.clone());
        }
        let offset_min = self.source.utc_offset_min()?;
        let target = open_target(self.kind.other(), &self.database, &self.configs, offset_min)?;
        Ok(work.target.insert(target).clone())
    }

    fn record(&self) -> Option<Record> {
        self.current.lock().as_ref().map(|current| current.record)
    }

    fn keep(&self, record: Record) -> Result<(), StoreError> {
        self.records.save(&record, None)?;
        let mut current = self.current.lock();
        match current.as_mut() {
            Some(current) if current.before.phase == record.phase => {
                current.record = record;
            }
            _ => *current = Some(Current::new(record, None)),
        }
        Ok(())
    }

    fn hold_up(&self, problem: Option<String>) {
        if let Some(current) = self.current.lock().as_mut() {
            current.problem = problem;
        }
    }

    fn fail(&self, mut record: Record, error: &StoreError) {
        let why = error.to_string();
        tracing::warn!(why, "the copy of the store has failed");
        record.phase = CopyPhase::Failed;
        if let Err(error) = self.records.save(&record, Some(&why)) {
            tracing::warn!(%error, "that a copy has failed could not be written down");
        }
        *self.current.lock() = Some(Current::new(record, Some(why)));
    }
}

/// What an older copy left in the database of QuestDB's tables.
fn forget_tables_unless_source(database: &Database, source: StoreKind) -> Result<(), StoreError> {
    match source {
        StoreKind::Embedded => forget_tables(database),
        StoreKind::QuestDb => Ok(()),
    }
}

fn time_of(day: i64) -> Range<i64> {
    day * DAY_US..(day + 1) * DAY_US
}

fn copied(readings: u64, record: &Record) -> Turn {
    Turn::Copied {
        readings,
        rate_max: record.rate_max,
    }
}

fn refused(reason: String) -> StoreError {
    StoreError::Refused {
        what: "the copy of the store".to_owned(),
        reason,
    }
}
