//! A column of numbers: constant, a sequence, or packed by pco.

use super::decimal;
use super::varint::{Malformed, Reader, put, put_signed};
use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

const CONSTANT: u8 = 0;
const SEQUENCE: u8 = 1;
const NARROW: u8 = 2;
const WIDE: u8 = 3;
const FLOATS: u8 = 255;

/// pco's level: above it the packing takes longer and saves next to nothing.
const LEVEL: usize = 4;

/// How the numbers of a column follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// Each has little to do with the one before.
    Alone,
    /// Each is a small step from the one before.
    Closely,
}

/// Appends integers.
pub(crate) fn put_integers(out: &mut Vec<u8>, values: &[i64]) -> Result<(), Malformed> {
    let Some(&first) = values.first() else {
        return Err(Malformed("a column of nothing"));
    };
    let step = values.get(1).map_or(0, |second| second.wrapping_sub(first));
    if values
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == step)
    {
        out.push(if step == 0 { CONSTANT } else { SEQUENCE });
        put_signed(out, first);
        if step != 0 {
            put_signed(out, step);
        }
        return Ok(());
    }
    let base = values.iter().copied().min().unwrap_or(first);
    let unit = values
        .iter()
        .fold(0, |unit, value| {
            divisor(value.wrapping_sub(base) as u64, unit)
        })
        .max(1);
    let offset = |value: &i64| value.wrapping_sub(base) as u64 / unit;
    let wide = values
        .iter()
        .map(offset)
        .any(|value| value > u64::from(u32::MAX));
    let follow = follow_of(values, base);
    out.push(if wide { WIDE } else { NARROW });
    put_signed(out, base);
    put(out, unit);
    let packed = if wide {
        pack(&values.iter().map(offset).collect::<Vec<u64>>(), follow)
    } else {
        pack(
            &values
                .iter()
                .map(|value| offset(value) as u32)
                .collect::<Vec<u32>>(),
            follow,
        )
    }?;
    put(out, packed.len() as u64);
    out.extend_from_slice(&packed);
    Ok(())
}

fn divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn pack<T: pco::data_types::Number>(values: &[T], follow: Follow) -> Result<Vec<u8>, Malformed> {
    let delta = match follow {
        Follow::Alone => DeltaSpec::NoOp,
        Follow::Closely => DeltaSpec::TryConsecutive(1),
    };
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta);
    simple_compress(values, &config).map_err(|_| Malformed("pco can't pack it"))
}

/// Numbers follow closely if they are nearer to the one before than to their mean.
fn follow_of(values: &[i64], base: i64) -> Follow {
    let offset = |value: i64| value.wrapping_sub(base) as u64;
    let sum: u128 = values.iter().map(|&value| u128::from(offset(value))).sum();
    let mean = (sum / values.len().max(1) as u128) as u64;
    let from_mean: u128 = values
        .iter()
        .map(|&value| u128::from(offset(value).abs_diff(mean)))
        .sum();
    let from_previous: u128 = values
        .windows(2)
        .map(|pair| u128::from(offset(pair[0]).abs_diff(offset(pair[1]))))
        .sum();
    if from_previous < from_mean {
        Follow::Closely
    } else {
        Follow::Alone
    }
}

/// Takes `rows` integers.
pub(crate) fn take_integers(
    reader: &mut Reader<'_>,
    rows: usize,
    values: &mut Vec<i64>,
) -> Result<(), Malformed> {
    values.clear();
    let kind = reader.byte()?;
    let first = reader.signed()?;
    match kind {
        CONSTANT => values.resize(rows, first),
        SEQUENCE => {
            let step = reader.signed()?;
            values.extend((0..rows as i64).map(|row| first.wrapping_add(step.wrapping_mul(row))));
        }
        NARROW => {
            let unit = reader.varint()?;
            let packed: Vec<u32> = unpack(reader, rows)?;
            let value =
                |&offset: &u32| first.wrapping_add(u64::from(offset).wrapping_mul(unit) as i64);
            values.extend(packed.iter().map(value));
        }
        WIDE => {
            let unit = reader.varint()?;
            let packed: Vec<u64> = unpack(reader, rows)?;
            let value = |&offset: &u64| first.wrapping_add(offset.wrapping_mul(unit) as i64);
            values.extend(packed.iter().map(value));
        }
        _ => return Err(Malformed("an unknown kind of column")),
    }
    Ok(())
}

fn unpack<T: pco::data_types::Number + Default>(
    reader: &mut Reader<'_>,
    rows: usize,
) -> Result<Vec<T>, Malformed> {
    let length = reader.count(usize::MAX)?;
    let packed = reader.take(length)?;
    let mut values = vec![T::default(); rows];
    let progress = simple_decompress_into(packed, &mut values)
        .map_err(|_| Malformed("pco can't unpack it"))?;
    if progress.n_processed != rows || !progress.finished {
        return Err(Malformed("another number of values than it says"));
    }
    Ok(values)
}

/// Appends floats: as decimals if all of them are.
pub(crate) fn put_floats(out: &mut Vec<u8>, values: &[f64]) -> Result<(), Malformed> {
    if let Some(scale) = decimal::common_scale(values.iter().copied()) {
        out.push(scale);
        let mantissas: Vec<i64> = values
            .iter()
            .filter_map(|&value| decimal::mantissa(value, scale))
            .collect();
        return put_integers(out, &mantissas);
    }
    out.push(FLOATS);
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    let packed = simple_compress(values, &config).map_err(|_| Malformed("pco can't pack it"))?;
    put(out, packed.len() as u64);
    out.extend_from_slice(&packed);
    Ok(())
}

/// Takes `rows` floats.
pub(crate) fn take_floats(
    reader: &mut Reader<'_>,
    rows: usize,
    integers: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), Malformed> {
    values.clear();
    let scale = reader.byte()?;
    if scale == FLOATS {
        *values = unpack(reader, rows)?;
        return Ok(());
    }
    if scale > decimal::SCALE_MAX {
        return Err(Malformed("a decimal of too many places"));
    }
    take_integers(reader, rows, integers)?;
    values.extend(
        integers
            .iter()
            .map(|&mantissa| decimal::value(mantissa, scale)),
    );
    Ok(())
}
