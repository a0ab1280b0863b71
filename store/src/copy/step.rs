//! One step: some series in some time are read, handed over, read back and compared.

use super::StoreCopy;
use super::digest::{Difference, Digests};
use super::end::{End, Group};
use super::marks::{Pair, day_of};
use super::record::Record;
use super::turn::Work;
use crate::{StoreError, StoreKind};
use std::ops::Range;

/// How often what differs is copied again.
const TRIES_MAX: u32 = 10;

impl StoreCopy {
    /// Gives the readings that are the same in both, or none if anything differs.
    pub(super) fn step(
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
        if compared.differing.is_empty() {
            work.tries = 0;
            record.tally().add(&compared.same);
            self.hold_up(None);
            return Ok(Some(compared.same.total().count));
        }
        self.try_again(work, record, &compared.differing, &time_us, is_look)?;
        Ok(None)
    }

    /// Says what differs, so that it is copied again, unless that was in vain too often.
    fn try_again(
        &self,
        work: &mut Work,
        record: &mut Record,
        differing: &[Difference],
        time_us: &Range<i64>,
        is_look: bool,
    ) -> Result<(), StoreError> {
        let told = told(differing, time_us, self.kind.other());
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
        Ok(())
    }

    /// Takes out of what differs what is known to have changed, and waits for its round;
    /// whether anything is left.
    fn is_surprising(&self, compared: &mut Compared, time_us: &Range<i64>) -> bool {
        let day = day_of(time_us.start);
        compared.differing.retain(|difference| {
            let series = difference.series.0;
            !self.marks.has(Pair { day, series })
        });
        !compared.differing.is_empty()
    }
}

/// What is the same in both stores after a step, and what is not.
pub(crate) struct Compared {
    pub(crate) same: Digests,
    pub(crate) differing: Vec<Difference>,
}

/// Copies unless it is only to look, and compares.
pub(crate) fn step(
    source: &dyn End,
    target: &dyn End,
    time_us: Range<i64>,
    group: &Group,
    is_look: bool,
) -> Result<Compared, StoreError> {
    let rows = source.read(time_us.clone(), group)?;
    if !is_look {
        target.put(time_us.clone(), group, &rows)?;
    }
    let expected = Digests::of(&rows);
    drop(rows);
    let found = Digests::of(&target.read(time_us, group)?);
    let differing = expected.differences(&found);
    Ok(Compared {
        same: expected.without(&differing),
        differing,
    })
}

/// The first difference, for a person.
pub(crate) fn told(differing: &[Difference], time_us: &Range<i64>, to: StoreKind) -> String {
    let Some(first) = differing.first() else {
        return String::new();
    };
    format!(
        "series {} on day {} since 1970 (UTC): the source has {} readings (checksum {:016x}), {} \
         has {} (checksum {:016x}); {} series differ there",
        first.series.0,
        day_of(time_us.start),
        first.source.count,
        first.source.checksum,
        to.told(),
        first.target.count,
        first.target.checksum,
        differing.len()
    )
}
