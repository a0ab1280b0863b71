//! Keys that sort as what they mean does.

use crate::{SeriesId, StoreError};

const SIGN: u64 = 1 << 63;

/// The key of the format in `store.meta`.
pub(crate) const FORMAT: &[u8] = b"format";

/// The key of the number of a shard's last checkpoint.
pub(crate) fn sequence(shard: u32) -> [u8; 7] {
    let mut key = *b"seq\0\0\0\0";
    key[3..].copy_from_slice(&shard.to_be_bytes());
    key
}

/// The key of a pair of a shard's state.
pub(crate) fn state(shard: u32, key: &[u8]) -> Vec<u8> {
    [&shard.to_be_bytes(), key].concat()
}

/// The key of a page.
pub(crate) fn page(shard: u32, checkpoint: u64, index: u32) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&shard.to_be_bytes());
    key[4..12].copy_from_slice(&checkpoint.to_be_bytes());
    key[12..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The checkpoint of a page.
pub(crate) fn page_checkpoint(key: &[u8]) -> Result<u64, StoreError> {
    let bytes = key.get(4..12).and_then(|bytes| bytes.first_chunk());
    bytes
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or_else(|| wrong_key("store.pages", key))
}

/// The first key of a series at or after an instant.
pub(crate) fn bound(series: SeriesId, time_us: i64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&series.0.to_be_bytes());
    key[4..].copy_from_slice(&(time_us as u64 ^ SIGN).to_be_bytes());
    key
}

/// The key of a part: its first time, and which checkpoint of which shard wrote it.
pub(crate) fn part(series: SeriesId, first_us: i64, checkpoint: u64, shard: u32) -> [u8; 24] {
    let mut key = [0; 24];
    key[..12].copy_from_slice(&bound(series, first_us));
    key[12..20].copy_from_slice(&checkpoint.to_be_bytes());
    key[20..].copy_from_slice(&shard.to_be_bytes());
    key
}

/// The key of a chunk: its first time, which merge of its day wrote it, and its place therein.
pub(crate) fn chunk(series: SeriesId, first_us: i64, generation: u32, index: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..12].copy_from_slice(&bound(series, first_us));
    key[12..16].copy_from_slice(&generation.to_be_bytes());
    key[16..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The merge that wrote a chunk.
pub(crate) fn chunk_generation(key: &[u8]) -> Result<u32, StoreError> {
    let bytes = key.get(12..16).and_then(|bytes| bytes.first_chunk());
    bytes
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or_else(|| wrong_key("store.chunks", key))
}

/// The series and the first time that a key of a part, chunk or rollup begins with.
pub(crate) fn series_and_time(place: &str, key: &[u8]) -> Result<(SeriesId, i64), StoreError> {
    let split = key
        .split_first_chunk::<4>()
        .and_then(|(series, rest)| Some((series, rest.first_chunk::<8>()?)));
    let (series, time) = split.ok_or_else(|| wrong_key(place, key))?;
    Ok((
        SeriesId(u32::from_be_bytes(*series)),
        (u64::from_be_bytes(*time) ^ SIGN) as i64,
    ))
}

/// What a damaged value is called in an error.
pub(crate) fn place(keyspace: &str, key: &[u8]) -> String {
    use std::fmt::Write;
    let mut place = format!("{keyspace} ");
    for byte in key {
        // Writing to a string can't fail.
        let _ = write!(place, "{byte:02x}");
    }
    place
}

fn wrong_key(keyspace: &str, key: &[u8]) -> StoreError {
    StoreError::Damaged {
        place: place(keyspace, key),
        reason: "a key of another form".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_by_series_then_time(a: (u32, i64), b: (u32, i64)) {
            let key = |(series, time)| part(SeriesId(series), time, 1, 2);
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
            let back = series_and_time("store.parts", &key(a)).unwrap();
            prop_assert_eq!((back.0.0, back.1), a);
        }
    }
}
