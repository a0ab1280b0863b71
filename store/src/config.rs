//! What an operator may set.

/// The bounds of the embedded store.
#[derive(Clone, Debug)]
pub struct Config {
    /// Local time as minutes east of UTC, fixed when a database is made: days and hours of
    /// rollups begin by it. Default 420 (Việt Nam).
    pub utc_offset_min: i32,
    /// Observations that may wait for a checkpoint, over all shards; more are `Unavailable`
    /// until one succeeds. Default 4,000,000 (about 40 MB).
    pub open_observations_max: u64,
    /// Memory for heads (rows that are not in a part yet), over all shards. Fuller heads make
    /// fewer and larger parts. Default 64 MiB.
    pub head_bytes_max: u64,
    /// A head becomes a part at this size at the latest. Default 4 KiB (about 700 rows).
    pub part_bytes_max: u32,
    /// A head is not made a part before this size because memory is short. Default 256 B.
    pub part_bytes_min: u32,
    /// Size of a page, in which a checkpoint writes many heads at once. Default 256 KiB.
    pub page_bytes: u32,
    /// Shards there may be. Default 256.
    pub shards_max: u32,
    /// Rows of a chunk. Default 16,384.
    pub chunk_rows_max: u32,
    /// Parts of one day that are merged although the day is not over. Default 16.
    pub parts_max: u32,
    /// How long after the end of its day a series is merged, so that what comes a little late
    /// needs no second merge. Default 3,600 s.
    pub merge_after_s: u32,
    /// How long a late part waits for others of its day before they are merged. Default 300 s.
    pub late_merge_after_s: u32,
    /// Local days that observations are kept at least; 0 keeps them for ever. A pass at the
    /// first `maintain` of each local day drops what is older, so a row that comes late may
    /// stay until the next. Default 0.
    pub retention_age_days: u32,
    /// Local days that rollups are kept; 0 keeps them for ever. Rows that come late for a day
    /// whose rows are dropped are added to its rollup. Not less than `retention_age_days` has
    /// a meaning. Default 0.
    pub rollup_retention_age_days: u32,
    /// Size of a table in memory before it is written; each of the larger keyspaces has up to
    /// two. Default 8 MiB.
    pub memtable_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            utc_offset_min: 420,
            open_observations_max: 4_000_000,
            head_bytes_max: 64 << 20,
            part_bytes_max: 4 << 10,
            part_bytes_min: 256,
            page_bytes: 256 << 10,
            shards_max: 256,
            chunk_rows_max: 16_384,
            parts_max: 16,
            merge_after_s: 3_600,
            late_merge_after_s: 300,
            retention_age_days: 0,
            rollup_retention_age_days: 0,
            memtable_bytes: 8 << 20,
        }
    }
}
