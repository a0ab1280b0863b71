//! What an operator may set of the store in QuestDB.

use std::fmt;

/// Where the server is, and the bounds of what is asked of it.
#[derive(Clone)]
pub struct QuestDbConfig {
    /// Where it takes readings: `http://host:port` or `https://host:port`.
    /// Default `http://127.0.0.1:9000`.
    pub http: String,
    /// Where it answers queries over the PostgreSQL wire, `host:port`, without TLS.
    /// Default `127.0.0.1:8812`.
    pub pg: String,
    /// The user of both. Default `admin`.
    pub user: String,
    /// Their password; none for a server that asks for none over HTTP. QuestDB's own default
    /// is asked for over the PostgreSQL wire then.
    pub password: Option<String>,
    /// A token that stands for user and password over HTTP.
    pub token: Option<String>,
    /// Local time as minutes east of UTC, fixed when the tables are made: buckets of days and
    /// hours begin by it. Default 420 (Việt Nam).
    pub utc_offset_min: i32,
    /// How long one request that hands over readings may take. Default 30 s.
    pub request_timeout_s: u32,
    /// How long the server may take for the first or next part of an answer. Default 30 s.
    pub query_timeout_s: u32,
    /// How long a connection may take to come about. Default 5 s.
    pub connect_timeout_s: u32,
    /// Connections for queries at one time. Default 16.
    pub connections_max: u32,
    /// Readings in one request, which is one transaction. Default 60,000.
    pub request_rows_max: u32,
    /// Readings that the server took and does not show yet: they are kept in memory, 72 bytes
    /// each, so that they are seen at once; beyond it ingest waits. Default 1,000,000.
    pub open_observations_max: u64,
    /// Local days that observations are kept at least; 0 keeps them for ever. Default 0.
    pub retention_age_days: u32,
    /// Local days that counted hours are kept; 0 keeps them for ever. Default 0.
    pub rollup_retention_age_days: u32,
    /// How long after its end an hour is counted, so that what comes a little late needs no
    /// second count. Default 300 s.
    pub merge_after_s: u32,
    /// How long a late reading waits for others of its hour before that is counted again.
    /// Default 300 s.
    pub late_merge_after_s: u32,
}

impl Default for QuestDbConfig {
    fn default() -> Self {
        Self {
            http: "http://127.0.0.1:9000".to_owned(),
            pg: "127.0.0.1:8812".to_owned(),
            user: "admin".to_owned(),
            password: None,
            token: None,
            utc_offset_min: 420,
            request_timeout_s: 30,
            query_timeout_s: 30,
            connect_timeout_s: 5,
            connections_max: 16,
            request_rows_max: 60_000,
            open_observations_max: 1_000_000,
            retention_age_days: 0,
            rollup_retention_age_days: 0,
            merge_after_s: 300,
            late_merge_after_s: 300,
        }
    }
}

/// Without its secrets.
impl fmt::Debug for QuestDbConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestDbConfig")
            .field("http", &self.http)
            .field("pg", &self.pg)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
