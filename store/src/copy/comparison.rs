//! Comparing the store that was copied with the one that has kept the readings since.

use super::digest::{Difference, Digests, fields};
use super::end::{End, Group, Remains, SeriesSpan};
use super::groups::tiled;
use super::held::Held;
use super::history::{counts_in, time_of};
use super::open::{OpenStore, StoreConfigs, open_target};
use super::record::Record;
use super::records::Records;
use super::step::{Compared, told};
use super::{CopyProgress, Fields};
use crate::period::DAY_US;
use crate::{Observation, SeriesId, StoreError, StoreKind};
use nhip_database::Database;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// A look at every reading of the store that was copied, after the switch: whether the other one
/// has it. What that one has beyond, as it does of what came since, is not compared; nothing is
/// changed in either.
pub struct Comparison {
    database: Database,
    configs: StoreConfigs,
    /// Which keeps the readings now.
    target: Arc<dyn End>,
    source: Option<Arc<dyn End>>,
    spans: Option<Vec<SeriesSpan>>,
    /// What is left of the day that the record names.
    groups: VecDeque<Group>,
    record: Record,
    since: Instant,
}

impl Comparison {
    /// Prepares it for a data folder whose readings are in `to`. A server may be away.
    pub fn open(
        database: &Database,
        to: StoreKind,
        configs: StoreConfigs,
    ) -> Result<Self, StoreError> {
        // Nobody asks for its metrics while it only compares.
        let target = OpenStore::open(to, database, &configs, &prometheus::Registry::new())?.end();
        let mut record = Record::new(to.other(), u64::MAX);
        record.begin_check();
        Ok(Self {
            database: database.clone(),
            configs,
            target,
            source: None,
            spans: None,
            groups: VecDeque::new(),
            record,
            since: Instant::now(),
        })
    }

    /// Compares a little; whether there is more. What is `Unavailable` may be tried again.
    pub fn turn(&mut self) -> Result<bool, StoreError> {
        let source = self.source()?;
        if !self.record.has_begun() {
            self.begin(&*source)?;
        }
        let Some(group) = self.groups.front() else {
            return self.next_day(&*source);
        };
        let time_us = time_of(self.record.day);
        let compared = compare(&*source, &*self.target, time_us.clone(), group)?;
        if !compared.differing.is_empty() {
            let told = told(&compared.differing, &time_us, self.record.from.other());
            tracing::warn!(told, "readings are missing or not the same");
        }
        self.record.differences += compared.differing.len() as u64;
        self.record.checked.add(&compared.same);
        self.groups.pop_front();
        Ok(true)
    }

    /// How far it is.
    pub fn progress(&self) -> CopyProgress {
        let mut before = self.record;
        before.begin_check();
        before.first_day = self.record.first_day;
        before.day = self.record.first_day;
        let held = Held::default();
        CopyProgress::of(&self.record, &before, self.since.elapsed(), 0, held)
    }

    fn source(&mut self) -> Result<Arc<dyn End>, StoreError> {
        if let Some(source) = &self.source {
            return Ok(source.clone());
        }
        let offset_min = self.target.utc_offset_min()?;
        let from = self.record.from;
        // What opening the other writes must not look as if it had the readings.
        Records::open(&self.database)?.confirm(from.other())?;
        let source = open_target(from, &self.database, &self.configs, offset_min)?;
        Ok(self.source.insert(source).clone())
    }

    fn begin(&mut self, source: &dyn End) -> Result<(), StoreError> {
        let from = self.record.from.told();
        let nothing = || refused(format!("{from} has no readings of this data folder"));
        match source.remains()? {
            Remains::Whole => {}
            Remains::Nothing => return Err(nothing()),
            Remains::Lost(table) => {
                return Err(refused(format!("{from} has lost its table {table}")));
            }
        }
        let (first_us, last_us) = source.extent_us()?.ok_or_else(nothing)?;
        self.spans = source.spans()?;
        self.record.first_day = first_us.div_euclid(DAY_US);
        self.record.last_day = last_us.div_euclid(DAY_US);
        self.record.day = self.record.first_day - 1;
        self.record.series = 0;
        Ok(())
    }

    fn next_day(&mut self, source: &dyn End) -> Result<bool, StoreError> {
        let record = &mut self.record;
        let next = record.day + 1;
        let there = source.next_us(time_of(next).start)?.div_euclid(DAY_US);
        let day = there.max(next).min(record.last_day + 1);
        if day > record.last_day {
            record.day = day;
            return Ok(false);
        }
        let counts = counts_in(source, self.spans.as_deref(), time_of(day), 0)?;
        self.groups = tiled(&counts, SeriesId(0)).into();
        record.day = day;
        Ok(true)
    }
}

/// What of the source's readings the target has.
fn compare(
    source: &dyn End,
    target: &dyn End,
    time_us: Range<i64>,
    group: &Group,
) -> Result<Compared, StoreError> {
    let rows = source.read(time_us.clone(), group)?;
    let others = target.read(time_us, group)?;
    let expected = Digests::of(&rows);
    let mut differing = expected.differences(&Digests::of(&others));
    if !differing.is_empty() {
        let lacking = lacking(&rows, &others);
        differing.retain(|difference: &Difference| lacking.contains(&difference.series));
    }
    Ok(Compared {
        same: expected.without(&differing),
        differing,
    })
}

/// The series of rows that are not, or not as often, among others.
fn lacking(rows: &[Observation], others: &[Observation]) -> BTreeSet<SeriesId> {
    let mut there: HashMap<Fields, u32> = HashMap::new();
    for row in others {
        *there.entry(fields(row)).or_default() += 1;
    }
    let mut is_lacking = |row: &&Observation| match there.get_mut(&fields(row)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let lacking = rows.iter().filter(|row| is_lacking(row));
    lacking.map(|row| row.series).collect()
}

fn refused(reason: String) -> StoreError {
    StoreError::Refused {
        what: "to compare".to_owned(),
        reason,
    }
}
