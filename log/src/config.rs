//! The log's bounds.

/// Every bound of the log, each with its unit. The values of `default()` suit one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of a segment file, header included. Default 64 MiB; at most 2 GiB.
    pub segment_bytes: u64,
    /// Spare files kept for reuse; one is made ahead of need, and none if this is 0. Default 2.
    pub spare_segments_max: usize,
    /// Bytes of records after which a block is closed. Default 256 KiB; at most 64 MiB.
    pub block_bytes_max: usize,
    /// Bytes of blocks that one write and one fdatasync cover at most. Default 4 MiB.
    pub commit_bytes_max: usize,
    /// Bytes of the largest record taken. Default 4 MiB; at most 64 MiB.
    pub record_bytes_max: usize,
    /// Bytes queued and not yet durable at which appends are refused as full. A single batch
    /// that is larger is taken when nothing else is queued. Default 32 MiB.
    pub queue_bytes_max: usize,
    /// Microseconds to wait for further records before a commit. Default 0.
    pub commit_delay_us: u64,
    /// Milliseconds between two tries while stalled. Default 200.
    pub retry_ms: u64,
    /// Bytes of free space on the file system below which the log stalls. Default 64 MiB.
    pub free_bytes_min: u64,
    /// Seconds after which records may be trimmed. Default 604,800 (7 days).
    pub retention_age_s: u64,
    /// Bytes of segments from which on the oldest may be trimmed. Default 8 GiB.
    pub retention_bytes: u64,
    /// Bytes of segments that the log never exceeds: it stalls when pins hold more. Default
    /// 64 GiB.
    pub bytes_max: u64,
    /// Milliseconds that closing waits for the queue to drain. Default 5,000.
    pub close_ms_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            spare_segments_max: 2,
            block_bytes_max: 256 << 10,
            commit_bytes_max: 4 << 20,
            record_bytes_max: 4 << 20,
            queue_bytes_max: 32 << 20,
            commit_delay_us: 0,
            retry_ms: 200,
            free_bytes_min: 64 << 20,
            retention_age_s: 7 * 24 * 3600,
            retention_bytes: 8 << 30,
            bytes_max: 64 << 30,
            close_ms_max: 5_000,
        }
    }
}

impl Config {
    /// The same bounds, with those that the format can't hold cut to what it can.
    pub(crate) fn within_format(mut self) -> Self {
        self.segment_bytes = self
            .segment_bytes
            .clamp(2 * crate::segment::HEADER_BYTES, 2 << 30);
        self.block_bytes_max = self.block_bytes_max.clamp(1, 64 << 20);
        self.record_bytes_max = self.record_bytes_max.clamp(1, 64 << 20);
        self.queue_bytes_max = self.queue_bytes_max.min(1 << 30);
        self
    }
}
