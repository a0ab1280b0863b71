//! What the API is bounded by.

use crate::Hosts;

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many connections there may be. Default: 10,000.
    pub connections_max: usize,
    /// How long a request's head may take to arrive, seconds. Default: 10.
    pub header_timeout_s: u64,
    /// How long a request's body may take to arrive, seconds. Default: 30.
    pub body_timeout_s: u64,
    /// How large a request's body may be, bytes. Default: 1 MiB.
    pub body_bytes_max: usize,
    /// How long a connection may take nothing that is sent to it, seconds: then it is closed.
    /// Default: 30.
    pub write_timeout_s: u64,
    /// How many answers that read the store may be in work at once, beside those that
    /// wait for their client to take what was written. Default: 8.
    pub queries_max: usize,
    /// How long a query waits for its turn before it is refused, seconds. Default: 5.
    pub query_wait_s: u64,
    /// How many series a query over readings may merge by time; above, each series follows
    /// the other. Default: 256.
    pub merge_series_max: usize,
    /// How much text of the newest readings is kept for the next who asks for them, bytes;
    /// about 370 a datastream. Default: 48 MiB.
    pub latest_bytes_max: usize,
    /// How many live subscribers there may be. Default: 1,000.
    pub live_subscribers_max: usize,
    /// How much may wait for one live subscriber, bytes. Default: 1 MiB.
    pub live_queue_bytes_max: usize,
    /// How long a live subscriber may leave its queue full, seconds: then it is dropped.
    /// Default: 10.
    pub live_write_timeout_s: u64,
    /// After how long without a reading a live stream says that it is there, seconds.
    /// Default: 15.
    pub live_heartbeat_s: u64,
    /// Host names under which it may be asked, beside IP addresses. Default: `localhost`.
    pub hosts: Hosts,
    /// Whether pages of any origin may read. Default: no.
    pub cors_any_origin: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout_s: 10,
            body_timeout_s: 30,
            body_bytes_max: 1 << 20,
            write_timeout_s: 30,
            queries_max: 8,
            query_wait_s: 5,
            merge_series_max: 256,
            latest_bytes_max: 48 << 20,
            live_subscribers_max: 1_000,
            live_queue_bytes_max: 1 << 20,
            live_write_timeout_s: 10,
            live_heartbeat_s: 15,
            hosts: Hosts::default(),
            cors_any_origin: false,
        }
    }
}
