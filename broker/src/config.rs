//! Every bound of the front door, by name and unit.

use std::net::SocketAddr;

/// Settings of the broker; the defaults are those that users meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where MQTT over TCP listens. Default `127.0.0.1:1883`; `None` turns it off.
    pub listen: Option<SocketAddr>,
    /// Where MQTT over WebSocket listens, path `/mqtt`. Default `127.0.0.1:8083`.
    pub websocket: Option<SocketAddr>,
    /// Connections at one time, those in their handshake too. Default 20,000. One more is
    /// closed as soon as it is accepted.
    pub connections_max: usize,
    /// Seconds from accept to the end of CONNECT. Default 10. A client that is slower is cut.
    pub connect_timeout_s: u64,
    /// Bytes of a CONNECT packet. Default 16 KiB. All that an unknown client can make us hold.
    pub connect_bytes_max: usize,
    /// Bytes held for all clients together that haven't been let in yet. Default 16 MiB. If their
    /// first packets need more, those that hold most are closed.
    pub unauthenticated_bytes_max: usize,
    /// Bytes of any other packet from a client. Default 256 KiB. Announced in MQTT 5; one
    /// more ends the connection with 0x95.
    pub packet_bytes_max: usize,
    /// Bytes of a client id. Default 256. A longer one is refused with 0x85.
    pub client_id_bytes_max: usize,
    /// Bytes of a topic or filter. Default 1,024. A longer one is refused with 0x90 or 0x8F.
    pub topic_bytes_max: usize,
    /// Levels of a topic or filter. Default 32. Refused like a long one.
    pub topic_levels_max: usize,
    /// Topic aliases that a client may set, and that are set towards it if it allows as many.
    /// Default 32; announced in MQTT 5.
    pub topic_alias_max: u16,
    /// Unacknowledged publishes of one client with QoS 1 or 2. Default 4,096. Announced in
    /// MQTT 5, where one more ends the connection with 0x93; in 3.1.1 the socket isn't read
    /// further.
    pub receive_max: u16,
    /// Bytes of one client's publishes on their way into the log. Default 256 KiB. With as many
    /// the socket isn't read further until a commit, so that the queue in front of the disk has
    /// room for others; one read or one packet more may be on its way.
    pub receive_bytes_max: usize,
    /// Publishes a second of one client, with no more than those of one second at once. Default
    /// 0: no limit. A client above it is read no further until the next second.
    pub publishes_per_s_max: u32,
    /// Bytes a second of one client. Default 0: no limit. As above.
    pub received_bytes_per_s_max: usize,
    /// Connections from one address at one time. Default 0: as many as `connections_max`. One
    /// more is closed as soon as it is accepted.
    pub connections_per_address_max: usize,
    /// Seconds between two publications of `$SYS/…`. Default 10; 0 for none.
    pub sys_interval_s: u32,
    /// Seconds of the longest keep-alive. Default 65,535. A longer one, or 0 where this is
    /// below 65,535, is replaced by it in MQTT 5 (Server Keep Alive).
    pub keep_alive_max_s: u16,
    /// Bytes encoded for one client and not yet taken by its socket. Default 1 MiB. Beyond
    /// it QoS 0 messages are dropped and counted, others wait in the session's queue, and a
    /// client that doesn't read its acknowledgements is cut with 0x97.
    pub outgoing_bytes_max: usize,
    /// Bytes encoded or waiting in memory for all clients together. Default 256 MiB. No client
    /// may have more than what is left of it, so that many that are slow have equal parts, and
    /// 16 KiB if nothing is left.
    pub outgoing_total_bytes_max: usize,
    /// Messages with QoS 1 or 2 sent to one client and not acknowledged. Default 256; the
    /// client's Receive Maximum lowers it. A session that is behind has as many in memory.
    pub inflight_max: u16,
    /// Messages with QoS 1 or 2 that wait in memory for one client. Default 10,000. With one
    /// more the session falls behind: it reads the log when there is room.
    pub session_queue_max: usize,
    /// Bytes of these messages, or one that is larger. Default 8 MiB. At the bound as above.
    pub session_queue_bytes_max: usize,
    /// Filters of one session. Default 256. One more is refused with 0x97.
    pub subscriptions_max: usize,
    /// Sessions, connected or not. Default 100,000. One more is refused with 0x97.
    pub sessions_max: usize,
    /// Seconds that a session outlives its connection at most. Default 86,400; also what an
    /// MQTT 3.1.1 client with clean session 0 gets.
    pub session_expiry_max_s: u32,
    /// Retained messages. Default 100,000. One more topic is refused with 0x97.
    pub retained_max: u64,
    /// Bytes of retained messages with their topics, as they are in the log. Default 64 MiB.
    /// Refused as above, also where a smaller one would be replaced.
    pub retained_bytes_max: u64,
    /// Threads that read the log for sessions that are behind. Default 1.
    pub catch_up_workers: usize,
    /// Seconds between two moments at which retained messages and sessions are made durable
    /// and the log is let go of. Default 10.
    pub retained_checkpoint_s: u64,
    /// Bytes of messages on their way through the fan-out. Default 8 MiB. Beyond it
    /// messages with QoS 0 are dropped and counted; others wait in the log, and ingestion isn't
    /// touched.
    pub fanout_bytes_max: usize,
    /// Records of the log that fan-out may lag behind before it skips to the newest.
    /// Default 2,000,000.
    pub fanout_lag_records_max: u64,
    /// Milliseconds after which a router that answers nothing is rebuilt. Default 2,000.
    pub router_stall_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 1883))),
            websocket: Some(SocketAddr::from(([127, 0, 0, 1], 8083))),
            connections_max: 20_000,
            connect_timeout_s: 10,
            connect_bytes_max: 16 << 10,
            unauthenticated_bytes_max: 16 << 20,
            packet_bytes_max: 256 << 10,
            client_id_bytes_max: 256,
            topic_bytes_max: 1024,
            topic_levels_max: 32,
            topic_alias_max: 32,
            receive_max: 4096,
            receive_bytes_max: 256 << 10,
            publishes_per_s_max: 0,
            received_bytes_per_s_max: 0,
            connections_per_address_max: 0,
            sys_interval_s: 10,
            keep_alive_max_s: u16::MAX,
            outgoing_bytes_max: 1 << 20,
            outgoing_total_bytes_max: 256 << 20,
            inflight_max: 256,
            session_queue_max: 10_000,
            session_queue_bytes_max: 8 << 20,
            subscriptions_max: 256,
            sessions_max: 100_000,
            session_expiry_max_s: 86_400,
            retained_max: 100_000,
            retained_bytes_max: 64 << 20,
            catch_up_workers: 1,
            retained_checkpoint_s: 10,
            fanout_bytes_max: 8 << 20,
            fanout_lag_records_max: 2_000_000,
            router_stall_ms: 2_000,
        }
    }
}
