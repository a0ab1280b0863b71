//! Whether a reading is known.

use super::{Batch, Halt, Stored};
use crate::{
    config::Config,
    dedupe::{Bounds, Seen},
    latest::is_newer,
    state::Series,
};
use nhip_store::{Observation, Order, RangeQuery, Source};

/// Whether an observation is a duplicate; if not, it is accepted.
pub(crate) fn is_known(
    row: &Observation,
    has_boot: bool,
    series: &mut Series,
    batch: &mut Batch,
    stored: &Stored,
    config: &Config,
) -> Result<bool, Halt> {
    let known = match row.seq {
        Some(seq) if has_boot => by_sequence(row, seq, series, batch, stored, config)?,
        None if row.source == Source::Arrival => false,
        _ => by_value(row, series, batch, stored)?,
    };
    if !known {
        note_newest(row, series);
    }
    Ok(known)
}

fn by_sequence(
    row: &Observation,
    seq: u64,
    series: &mut Series,
    batch: &mut Batch,
    stored: &Stored,
    config: &Config,
) -> Result<bool, Halt> {
    let bounds = Bounds {
        runs_max: config.runs_max,
        boots_max: config.boots_max,
    };
    match series.boots.accept_if_new(row.boot, seq, bounds) {
        Seen::New => return Ok(false),
        Seen::Known => return Ok(true),
        Seen::Ask => {}
    }
    let same = |other: &Observation| other.boot == row.boot && other.seq == row.seq;
    let known = if row.source == Source::Device {
        batch.at(row.series.0, row.time_us).any(same) || at_its_time(row, stored, same)?
    } else {
        batch
            .rows
            .iter()
            .any(|other| other.series == row.series && same(other))
            || among_the_newest(row, stored, config.lookup_readings_max, same)?
    };
    if !known {
        series.boots.accept(row.boot, seq, bounds);
    }
    Ok(known)
}

fn by_value(
    row: &Observation,
    series: &Series,
    batch: &mut Batch,
    stored: &Stored,
) -> Result<bool, Halt> {
    let Some(newest) = &series.newest else {
        return Ok(false);
    };
    if row.time_us > newest.time_us {
        return Ok(false);
    }
    let bits = row.value.to_bits();
    let same = |other: &Observation| other.value.to_bits() == bits && other.seq == row.seq;
    // Most repetitions are of what was sent last.
    if row.time_us == newest.time_us && same(newest) {
        return Ok(true);
    }
    if batch.at(row.series.0, row.time_us).any(same) {
        return Ok(true);
    }
    match row.seq {
        None => batch.recall.has(row, stored),
        Some(_) => at_its_time(row, stored, same),
    }
}

/// Whether the store has such a reading at the time of `row`, beside `row` itself.
pub(super) fn at_its_time(
    row: &Observation,
    stored: &Stored,
    same: impl Fn(&Observation) -> bool,
) -> Result<bool, Halt> {
    let query = RangeQuery {
        series: row.series,
        from_us: row.time_us,
        to_us: row.time_us.saturating_add(1),
        order: Order::Ascending,
    };
    stored.ask(|store| {
        for block in store.range(query)? {
            if block?
                .iter()
                .any(|found| same(found) && !stored.is_itself(found, row))
            {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

fn among_the_newest(
    row: &Observation,
    stored: &Stored,
    readings_max: u32,
    same: impl Fn(&Observation) -> bool,
) -> Result<bool, Halt> {
    let query = RangeQuery {
        series: row.series,
        from_us: i64::MIN,
        to_us: row.time_us.saturating_add(1),
        order: Order::Descending,
    };
    stored.ask(|store| {
        let mut left = readings_max as usize;
        for block in store.range(query)? {
            let block = block?;
            if block
                .iter()
                .any(|found| same(found) && !stored.is_itself(found, row))
            {
                return Ok(true);
            }
            left = left.saturating_sub(block.len());
            if left == 0 {
                break;
            }
        }
        Ok(false)
    })
}

fn note_newest(row: &Observation, series: &mut Series) {
    if series
        .newest
        .as_ref()
        .is_none_or(|newest| is_newer(row, newest))
    {
        series.newest = Some(*row);
    }
}
