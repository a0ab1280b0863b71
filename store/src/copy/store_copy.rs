//! A copy: begun, carried on turn by turn, ended by a switch.

use super::end::End;
use super::held::Held;
use super::marks::Marks;
use super::open::{OpenStore, StoreConfigs, open_target};
use super::record::Record;
use super::records::Records;
use super::turn::{Turn, Work};
use super::{CopyOrder, CopyPhase, CopyProgress};
use crate::{StoreError, StoreKind};
use nhip_database::Database;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;

/// A copy of the store of a data folder into the other kind; or none, until one is begun.
pub struct StoreCopy {
    pub(super) database: Database,
    pub(super) records: Records,
    configs: StoreConfigs,
    /// Of the source.
    pub(super) kind: StoreKind,
    pub(super) source: Arc<dyn End>,
    pub(super) marks: Arc<Marks>,
    /// Held for a whole turn.
    pub(super) work: Mutex<Work>,
    pub(super) current: Mutex<Option<Current>>,
}

pub(super) struct Current {
    record: Record,
    pub(super) held: Held,
    /// When this process began to work on it, and how far it was.
    since: Instant,
    before: Record,
}

impl Current {
    pub(super) fn new(record: Record, problem: Option<String>) -> Self {
        Self {
            record,
            held: Held::by(problem),
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

    /// Begins a copy, or goes on with the one that there is. Fails if that follows and one of
    /// the stores has become unusable.
    pub fn begin(&self, order: CopyOrder) -> Result<CopyProgress, StoreError> {
        if order.from != self.kind || order.to != self.kind.other() {
            return Err(refused(elsewhere(self.kind, order.check)));
        }
        let mut work = self.work.lock();
        let mut record = self.ordered(&order, &mut work)?;
        record.rate_max = order.rate_max.max(1);
        self.keep(record)?;
        // What held it up may be mended by now.
        self.hold_up(None);
        work.unusable = 0;
        work.may_begin_anew = !order.check;
        match self.lost(&mut work, record) {
            Ok(Some(reason)) if !order.check => self.hold_up(Some(reason)),
            _ if record.phase == CopyPhase::Following => {
                let awaited = self.look(&mut work)?;
                if order.check {
                    record.begin_check();
                    self.keep(record)?;
                }
                self.hold_up(awaited);
            }
            _ => {}
        }
        drop(work);
        self.progress()
            .ok_or_else(|| refused("it was ended".to_owned()))
    }

    /// The copy that an order is for: the one under way, or a new one.
    fn ordered(&self, order: &CopyOrder, work: &mut Work) -> Result<Record, StoreError> {
        let record = self.record();
        let found = record.filter(|record| record.phase != CopyPhase::Failed);
        let is_whole =
            |record: &Record| matches!(record.phase, CopyPhase::Following | CopyPhase::Checking);
        match found {
            Some(record) if order.check && !is_whole(&record) => Err(refused(format!(
                "it is not whole yet ({}), so there is nothing to compare; copy without --check",
                record.phase.name()
            ))),
            Some(record) => Ok(record),
            None if order.check => {
                let reason = "nothing is copied yet that could be compared; copy without --check";
                Err(refused(reason.to_owned()))
            }
            None => self.begin_anew(order.rate_max, work),
        }
    }

    /// Forgets the copy; the target stays as it is. Gives whether there was one, from this kind
    /// of store if one is named.
    pub fn cancel(&self, from: Option<StoreKind>) -> Result<bool, StoreError> {
        let mut work = self.work.lock();
        if self.record().is_none() || from.is_some_and(|from| from != self.kind) {
            return Ok(false);
        }
        self.marks.stop();
        self.records.end(None)?;
        *work = Work::default();
        *self.current.lock() = None;
        Ok(true)
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
            current.held.clone(),
        ))
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
        self.require_target(&mut work)?;
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

    /// A copy from the start, whatever there was of an older one.
    pub(super) fn begin_anew(&self, rate_max: u64, work: &mut Work) -> Result<Record, StoreError> {
        self.marks.stop();
        self.records.end(None)?;
        // The target's state must not look as if it had the readings.
        self.records.confirm(self.kind)?;
        *work = Work::default();
        // First the marks, then the history: what is in neither can't be.
        self.marks.start(Vec::new());
        Ok(Record::new(self.kind, rate_max))
    }

    pub(super) fn advance(
        &self,
        work: &mut Work,
        record: Record,
        now_us: i64,
    ) -> Result<Turn, StoreError> {
        match record.phase {
            CopyPhase::Emptying => self.empty(work, record),
            CopyPhase::Copying | CopyPhase::Checking => self.go_on(work, record, now_us),
            CopyPhase::Following => self.follow(work, record, now_us),
            CopyPhase::Failed => Ok(Turn::Idle),
        }
    }

    pub(super) fn target(&self, work: &mut Work) -> Result<Arc<dyn End>, StoreError> {
        if let Some(target) = &work.target {
            return Ok(target.clone());
        }
        let offset_min = self.source.utc_offset_min()?;
        let target = open_target(self.kind.other(), &self.database, &self.configs, offset_min)?;
        Ok(work.target.insert(target).clone())
    }

    pub(super) fn record(&self) -> Option<Record> {
        self.current.lock().as_ref().map(|current| current.record)
    }

    pub(super) fn keep(&self, record: Record) -> Result<(), StoreError> {
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
}

/// Why an order is not for the store that the readings are in.
fn elsewhere(kind: StoreKind, is_check: bool) -> String {
    let compared = match is_check {
        true => "; what was copied the other way is compared while the platform is stopped",
        false => "",
    };
    let (told, to) = (kind.told(), kind.other());
    format!("the readings are in {told}, so copy from {kind} to {to}{compared}")
}

fn refused(reason: String) -> StoreError {
    StoreError::Refused {
        what: "the copy of the store".to_owned(),
        reason,
    }
}
