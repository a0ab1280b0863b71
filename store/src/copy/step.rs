//! One step: some series in some time are read, handed over, read back and compared.

use super::digest::{Difference, Digests};
use super::end::{End, Group};
use super::marks::day_of;
use crate::{StoreError, StoreKind};
use std::ops::Range;

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
