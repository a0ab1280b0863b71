//! The bounds and times of ingest.

use crate::decode;
use std::sync::Arc;

/// Settings of ingest; each bound is for the whole platform unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Threads that fold, each its own devices. Fixed when the data folder is created.
    /// Default: the number of cores, at most 64.
    pub shards: u32,
    /// Bytes of the log read and folded at a time, unless few readings are in them. Default 1 MiB.
    pub batch_bytes: usize,
    /// The same at most. Default 16 MiB.
    pub batch_bytes_max: usize,
    /// Readings that are handed to the store together, about, where the log has as many waiting.
    /// Default 49,152: a store that makes each write durable takes three times as many in as long.
    pub batch_rows: usize,
    /// A reading more than this ahead of its arrival is a dead letter, seconds. Default 300.
    pub future_max_s: u32,
    /// A reading measured before this instant is a dead letter, µs since 1970 UTC.
    /// Default 2000-01-01T00:00:00Z.
    pub past_min_us: i64,
    /// Rows after which checkpoints are made, shared out among the shards. Less than half of
    /// what the store holds open, or the store and the fold wait for one another.
    /// Default 1,500,000.
    pub checkpoint_rows: u64,
    /// Seconds after which a shard that folded anything makes a checkpoint. Default 300.
    pub checkpoint_interval_s: u32,
    /// Bytes of new dead letters of a shard after which it makes a checkpoint.
    /// Default 16 MiB.
    pub letters_pending_bytes_max: u64,
    /// Dead letters kept. Default 100,000.
    pub dead_letters_max: u64,
    /// Bytes of dead letters kept. Default 256 MiB.
    pub dead_letters_bytes_max: u64,
    /// Devices that nobody registered and that have figures of their own. Default 10,000.
    pub unregistered_devices_max: u32,
    /// Datastreams of one device that are registered on first sight. Default 256.
    pub datastreams_per_device_max: u32,
    /// Runs of sequence numbers kept for each boot of a series. Default 64.
    pub runs_max: u32,
    /// Boots of a series whose sequence numbers are kept. Default 4.
    pub boots_max: u32,
    /// Stored readings of a series that are looked through for a duplicate without a time of
    /// its own. Default 100,000.
    pub lookup_readings_max: u32,
    /// Readings that the feed keeps in memory for its subscribers. Default 65,536.
    pub feed_events_max: u32,
    /// Readings in one batch that a subscriber gets from the log. Default 4,096.
    pub feed_batch_max: u32,
    /// The longest pause between two tries of a store that is not available, milliseconds.
    /// Default 2,000.
    pub retry_ms_max: u32,
    /// What a message may hold.
    pub limits: decode::Limits,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            shards: u32::try_from(cores).unwrap_or(64).min(64),
            batch_bytes: 1 << 20,
            batch_bytes_max: 16 << 20,
            batch_rows: 49_152,
            future_max_s: 300,
            past_min_us: 946_684_800_000_000,
            checkpoint_rows: 1_500_000,
            checkpoint_interval_s: 300,
            letters_pending_bytes_max: 16 << 20,
            dead_letters_max: 100_000,
            dead_letters_bytes_max: 256 << 20,
            unregistered_devices_max: 10_000,
            datastreams_per_device_max: 256,
            runs_max: 64,
            boots_max: 4,
            lookup_readings_max: 100_000,
            feed_events_max: 65_536,
            feed_batch_max: 4_096,
            retry_ms_max: 2_000,
            limits: decode::Limits::default(),
        }
    }
}

/// Wall time, for intervals and lag only: what becomes of a reading never depends on it.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
