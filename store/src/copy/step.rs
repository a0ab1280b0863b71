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
}

/// What is in both stores after a step, or what is not.
pub(crate) enum Compared {
    Same(Digests),
    Differing(Vec<Difference>),
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
    Ok(match differing.is_empty() {
        true => Compared::Same(expected),
        false => Compared::Differing(differing),
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
