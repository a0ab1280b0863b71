//! What holds a copy up, and whether it passes by itself.

use super::end::Remains;
use super::record::Record;
use super::store_copy::Current;
use super::turn::{Turn, Work, copied};
use super::{CopyPhase, StoreCopy};
use crate::StoreError;

/// Turns in a row that have to find a store unusable before it is said to stay so: a server that
/// is just starting may show its tables one after the other.
const UNUSABLE_MAX: u32 = 2;

/// What a copy waits for, or has failed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// In words for a person; none if it goes on.
    pub(super) problem: Option<String>,
    /// Whether a person has to mend it.
    pub(super) is_stuck: bool,
}

impl Held {
    /// By what passes by itself, or has ended it; by nothing, if there is no problem.
    pub(super) fn by(problem: Option<String>) -> Self {
        let is_stuck = false;
        Self { problem, is_stuck }
    }
}

impl StoreCopy {
    /// Does a little of it. Whatever fails is told by `progress`.
    pub fn turn(&self, now_us: i64) -> Turn {
        let mut work = self.work.lock();
        let Some(record) = self.record() else {
            return Turn::Idle;
        };
        let outcome = match self.lost(&mut work, record) {
            Ok(None) => self.advance(&mut work, record, now_us),
            Ok(Some(reason)) => self.replace(&mut work, record, reason),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(turn) => {
                work.unusable = 0;
                work.may_begin_anew = false;
                if matches!(turn, Turn::Copied { .. }) {
                    self.hold_up(None);
                }
                turn
            }
            Err(error) => self.halt(&mut work, record, &error),
        }
    }

    /// What the target has lost of what was copied, in words for a person.
    pub(super) fn lost(
        &self,
        work: &mut Work,
        record: Record,
    ) -> Result<Option<String>, StoreError> {
        if matches!(record.phase, CopyPhase::Emptying | CopyPhase::Failed) {
            return Ok(None);
        }
        let Remains::Lost(what) = self.target(work)?.remains()? else {
            return Ok(None);
        };
        let lost = format!(
            "{} has lost the table {what} of the copy",
            self.kind.other().told()
        );
        Ok(Some(match work.may_begin_anew {
            true => {
                format!("{lost}; if it still has when looked at again, everything is copied anew")
            }
            false => format!(
                "{lost}; rename it back, or order the copy once more (nhip store copy), which \
                 makes it anew and copies everything"
            ),
        }))
    }

    /// Fails unless the target can be used and has everything that was made for the copy.
    pub(super) fn require_target(&self, work: &mut Work) -> Result<(), StoreError> {
        let lost = self.record().map(|record| self.lost(work, record));
        match lost.transpose()?.flatten() {
            Some(reason) => Err(StoreError::Unusable { reason }),
            None => self.target(work)?.look(),
        }
    }

    /// Begins anew if that was ordered; a server that is just starting is looked at again first.
    fn replace(&self, work: &mut Work, record: Record, reason: String) -> Result<Turn, StoreError> {
        if !work.may_begin_anew || work.unusable + 1 < UNUSABLE_MAX {
            return Err(StoreError::Unusable { reason });
        }
        tracing::warn!(reason, "the copy begins anew");
        let record = self.begin_anew(record.rate_max, work)?;
        self.keep(record)?;
        self.hold_up(None);
        Ok(copied(0, &record))
    }

    /// Fails unless both stores can be used; says what is awaited if one is away.
    pub(super) fn look(&self, work: &mut Work) -> Result<Option<String>, StoreError> {
        let target = self.require_target(work);
        match self.source.look().and(target) {
            Err(StoreError::Unavailable { reason }) => Ok(Some(reason)),
            Err(StoreError::Unusable { reason }) => {
                work.unusable = UNUSABLE_MAX;
                self.hold(Held {
                    problem: Some(reason.clone()),
                    is_stuck: true,
                });
                Err(StoreError::Unusable { reason })
            }
            outcome => outcome.map(|()| None),
        }
    }

    /// Says what it waits for, if it does.
    pub(super) fn hold_up(&self, problem: Option<String>) {
        self.hold(Held::by(problem));
    }

    fn halt(&self, work: &mut Work, record: Record, error: &StoreError) -> Turn {
        match error {
            StoreError::Unavailable { reason } => {
                work.unusable = 0;
                self.hold_up(Some(reason.clone()));
                Turn::Waiting
            }
            StoreError::Unusable { reason } => {
                work.unusable = work.unusable.saturating_add(1);
                self.hold(Held {
                    problem: Some(reason.clone()),
                    is_stuck: work.unusable >= UNUSABLE_MAX,
                });
                Turn::Waiting
            }
            StoreError::Damaged { .. } | StoreError::Refused { .. } => {
                self.fail(record, error);
                Turn::Idle
            }
        }
    }

    fn hold(&self, held: Held) {
        if let Some(current) = self.current.lock().as_mut() {
            current.held = held;
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
