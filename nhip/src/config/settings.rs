//! Every setting: its key, kind, default and what it is.

use super::kind::{
    Address, Bytes, HostNames, Integer, Kind, LogFilter, OptionalAddress, Path, Switch, words,
};
use super::layers::{ConfigError, Layers};
use super::server::{HostPort, HttpServer, OptionalPath, UserName};
use super::setting::{Described, read_setting, settings};
use nhip_store::StoreKind;

words! {
    /// Who may come in without a credential.
    Anonymous => bool { "loopback" => true, "off" => false }
}

words! {
    /// What happens to devices and datastreams that nobody registered.
    RegistrationMode => nhip_registry::Registration {
        "open" => nhip_registry::Registration::Open,
        "strict" => nhip_registry::Registration::Strict,
    }
}

words! {
    /// Who keeps the readings, as it is written.
    StoreKindWord => StoreKind {
        "embedded" => StoreKind::Embedded,
        "questdb" => StoreKind::QuestDb,
    }
}

words! {
    /// How log lines look.
    LogFormat => bool { "text" => false, "json" => true }
}

settings! {
    /// The folder that everything is kept in.
    data: Path = "./data", "data";

    /// Where MQTT clients connect.
    mqtt_listen: Address = "127.0.0.1:1883", "mqtt.listen";
    /// Where MQTT clients connect over WebSocket, path `/mqtt`.
    mqtt_websocket: OptionalAddress = "127.0.0.1:8083", "mqtt.websocket";

    /// Connections at one time.
    mqtt_connections_max: Integer<1, 1_000_000> = "20000", "mqtt.connections_max";
    /// From accept to the end of CONNECT, s; a slower client is cut.
    mqtt_connect_timeout_s: Integer<1, 3_600> = "10", "mqtt.connect_timeout_s";
    /// Bytes of the first packet, CONNECT: all that an unknown client can make the platform hold.
    mqtt_connect_bytes_max: Bytes<1024, 1_048_576> = "16 KiB", "mqtt.connect_bytes_max";
    /// Bytes held for all clients together that haven't been let in yet; if they need more, those
    /// that hold most are closed.
    mqtt_unauthenticated_bytes_max: Bytes<65_536, 1_073_741_824> = "16 MiB", "mqtt.unauthenticated_bytes_max";
    /// Bytes of the largest packet taken.
    mqtt_packet_bytes_max: Bytes<1024, 16_777_216> = "256 KiB", "mqtt.packet_bytes_max";
    /// Bytes of the longest client id.
    mqtt_client_id_bytes_max: Integer<23, 65_535> = "256", "mqtt.client_id_bytes_max";
    /// Bytes of the longest topic or filter.
    mqtt_topic_bytes_max: Integer<64, 65_535> = "1024", "mqtt.topic_bytes_max";
    /// Levels of a topic or filter.
    mqtt_topic_levels_max: Integer<4, 32_768> = "32", "mqtt.topic_levels_max";
    /// Unacknowledged publishes of one client with QoS 1 or 2.
    mqtt_receive_max: Integer<1, 65_535> = "4096", "mqtt.receive_max";
    /// Bytes of one client's publishes on their way to the disk; with more the client isn't read
    /// until some are there.
    mqtt_receive_bytes_max: Bytes<4096, 1_073_741_824> = "256 KiB", "mqtt.receive_bytes_max";
    /// Publishes a second of one client, 0 for no limit; above it the client isn't read until
    /// the next second.
    mqtt_publishes_per_s_max: Integer<0, 10_000_000> = "0", "mqtt.publishes_per_s_max";
    /// Bytes a second of one client, 0 for no limit; above it as above.
    mqtt_received_bytes_per_s_max: Bytes<0, 1_099_511_627_776> = "0 B", "mqtt.received_bytes_per_s_max";
    /// Connections from one address at one time, 0 for no limit of its own.
    mqtt_connections_per_address_max: Integer<0, 1_000_000> = "0", "mqtt.connections_per_address_max";
    /// Between two publications of `$SYS/…`, s; 0 for none.
    mqtt_sys_interval_s: Integer<0, 86_400> = "10", "mqtt.sys_interval_s";
    /// The longest keep-alive, s.
    mqtt_keep_alive_max_s: Integer<1, 65_535> = "65535", "mqtt.keep_alive_max_s";
    /// Bytes encoded for one client and not yet taken by its socket.
    mqtt_outgoing_bytes_max: Bytes<4096, 1_073_741_824> = "1 MiB", "mqtt.outgoing_bytes_max";
    /// Bytes encoded or waiting in memory for all clients together; many that are slow have equal
    /// parts.
    mqtt_outgoing_total_bytes_max: Bytes<65_536, 1_099_511_627_776> = "256 MiB", "mqtt.outgoing_total_bytes_max";
    /// Messages with QoS 1 or 2 that are sent to one client and not acknowledged.
    mqtt_inflight_max: Integer<1, 65_535> = "256", "mqtt.inflight_max";
    /// Messages with QoS 1 or 2 that wait in memory for one client.
    mqtt_session_queue_max: Integer<1, 10_000_000> = "10000", "mqtt.session_queue_max";
    /// Bytes of these messages.
    mqtt_session_queue_bytes_max: Bytes<65_536, 1_073_741_824> = "8 MiB", "mqtt.session_queue_bytes_max";
    /// How long a session outlives its connection at most, s.
    mqtt_session_expiry_max_s: Integer<0, { u32::MAX as u64 }> = "86400", "mqtt.session_expiry_max_s";
    /// Filters of one session.
    mqtt_subscriptions_max: Integer<1, 100_000> = "256", "mqtt.subscriptions_max";
    /// Sessions, connected or not.
    mqtt_sessions_max: Integer<1, 10_000_000> = "100000", "mqtt.sessions_max";
    /// Retained messages.
    mqtt_retained_max: Integer<0, 10_000_000> = "100000", "mqtt.retained_max";
    /// Bytes of retained messages with their topics.
    mqtt_retained_bytes_max: Bytes<0, { u64::MAX }> = "64 MiB", "mqtt.retained_bytes_max";
    /// Bytes of messages on their way to subscribers; beyond it messages with QoS 0 are dropped
    /// and counted, and others wait in the log.
    mqtt_fanout_bytes_max: Bytes<65_536, 1_073_741_824> = "8 MiB", "mqtt.fanout_bytes_max";
    /// How long the embedded router may answer nothing before it is made anew, ms.
    mqtt_router_stall_ms: Integer<100, 600_000> = "2000", "mqtt.router_stall_ms";

    /// Where the API and the operations page are served.
    http_listen: Address = "127.0.0.1:8080", "http.listen";

    /// Connections to the API and the page.
    http_connections_max: Integer<1, 1_000_000> = "10000", "http.connections_max";
    /// Answers that read the store at one time.
    http_queries_max: Integer<1, 10_000> = "8", "http.queries_max";
    /// Live subscribers over HTTP.
    http_live_subscribers_max: Integer<1, 1_000_000> = "1000", "http.live_subscribers_max";
    /// Bytes that wait for one live subscriber; it is dropped when it leaves them waiting.
    http_live_queue_bytes_max: Bytes<65_536, 1_073_741_824> = "1 MiB", "http.live_queue_bytes_max";
    /// How long a live subscriber may leave its queue full, s.
    http_live_write_timeout_s: Integer<1, 3_600> = "10", "http.live_write_timeout_s";
    /// Host names, with commas between them, that the platform is asked under beside its
    /// addresses, and whose pages may write and open WebSockets, MQTT too; `*` for any
    /// name, whose own pages may. Others are refused (DNS rebinding, pages of other sites).
    http_hosts: HostNames = "localhost", "http.hosts";
    /// Lets pages of any origin read the API.
    http_cors_any_origin: Switch = "false", "http.cors_any_origin";

    /// Who may connect without a credential: clients on the loopback address, or nobody.
    security_anonymous: Anonymous = "loopback", "security.anonymous";
    /// Allows listeners on other addresses without TLS and credentials: whoever reaches
    /// them can read and write everything.
    security_insecure: Switch = "false", "security.insecure";

    /// What happens to a device or datastream that nobody registered: it is registered on
    /// first sight, or its readings become dead letters.
    registry_registration: RegistrationMode = "open", "registry.registration";
    /// Devices there may be.
    registry_devices_max: Integer<1, 10_000_000> = "1000000", "registry.devices_max";
    /// Datastreams that a device may have.
    registry_datastreams_per_device_max: Integer<1, 10_000> = "256", "registry.datastreams_per_device_max";

    /// Bytes of a segment file of the log.
    log_segment_bytes: Bytes<1_048_576, 2_147_483_648> = "64 MiB", "log.segment_bytes";
    /// Spare segment files kept for reuse; none is made ahead of need if this is 0.
    log_spare_segments_max: Integer<0, 16> = "2", "log.spare_segments_max";
    /// Bytes of the largest record that the log takes.
    log_record_bytes_max: Bytes<1024, 67_108_864> = "4 MiB", "log.record_bytes_max";
    /// Bytes queued and not yet durable at which sockets are no longer read.
    log_queue_bytes_max: Bytes<65_536, 1_073_741_824> = "32 MiB", "log.queue_bytes_max";
    /// How long a commit waits for further records, µs. 0 commits at once; records that come
    /// during a commit are the next one in any case.
    log_commit_delay_us: Integer<0, 1_000_000> = "0", "log.commit_delay_us";
    /// Between two tries while writing is held up, ms.
    log_retry_ms: Integer<10, 60_000> = "200", "log.retry_ms";
    /// Free space on the disk below which nothing is acknowledged any more.
    log_free_bytes_min: Bytes<0, { u64::MAX }> = "64 MiB", "log.free_bytes_min";
    /// Records older than this may be trimmed once the fold has them, s.
    log_retention_age_s: Integer<0, { u64::MAX }> = "604800", "log.retention_age_s";
    /// Size of the log from which on its oldest records may be trimmed once the fold has them.
    log_retention_bytes: Bytes<0, { u64::MAX }> = "8 GiB", "log.retention_bytes";
    /// Size that the log never exceeds: nothing is acknowledged while a consumer that is
    /// behind holds this much.
    log_bytes_max: Bytes<1_048_576, { u64::MAX }> = "64 GiB", "log.bytes_max";

    /// Threads that fold, each its own devices; 0 for one a core of the machine that the data
    /// folder was made on. Fixed when it is made.
    ingest_shards: Integer<0, 64> = "0", "ingest.shards";
    /// A reading more than this ahead of its arrival is a dead letter, s.
    ingest_future_max_s: Integer<0, 31_536_000> = "300", "ingest.future_max_s";
    /// Readings in memory, over all shards, after which a shard makes its checkpoint; at most
    /// half of `store.open_observations_max`.
    ingest_checkpoint_rows: Integer<1, { u64::MAX }> = "1500000", "ingest.checkpoint_rows";
    /// Time after which a shard that folded anything makes a checkpoint, s.
    ingest_checkpoint_interval_s: Integer<1, 86_400> = "300", "ingest.checkpoint_interval_s";
    /// Dead letters kept; the oldest go first.
    ingest_dead_letters_max: Integer<1, { u64::MAX }> = "100000", "ingest.dead_letters_max";
    /// Bytes of dead letters kept; the oldest go first.
    ingest_dead_letters_bytes_max: Bytes<1_048_576, { u64::MAX }> = "256 MiB", "ingest.dead_letters_bytes_max";
    /// Devices that nobody registered and that have figures of their own.
    ingest_unregistered_devices_max: Integer<0, 10_000_000> = "10000", "ingest.unregistered_devices_max";
    /// Readings that the feed keeps in memory for its subscribers.
    ingest_feed_events_max: Integer<1024, 100_000_000> = "65536", "ingest.feed_events_max";
    /// Readings in one message; more make it a dead letter.
    ingest_readings_max: Integer<1, 10_000_000> = "10000", "ingest.readings_max";
    /// Takes uplinks of ChirpStack v4 and The Things Stack v3 by ready-made mapping rules.
    ingest_lorawan: Switch = "true", "ingest.lorawan";

    /// Who keeps the readings: the platform's own database, or a QuestDB server. To
    /// change it, move the readings with nhip store copy.
    store_kind: StoreKindWord = "embedded", "store.kind";
    /// Local time as minutes east of UTC, fixed when the data folder is made: days begin by it.
    store_utc_offset_min: Offset = "420", "store.utc_offset_min";
    /// Readings that may wait in memory for a checkpoint.
    store_open_observations_max: Integer<10_000, { u64::MAX }> = "4000000", "store.open_observations_max";
    /// Memory for readings that are not packed yet.
    store_head_bytes_max: Bytes<1_048_576, { u64::MAX }> = "64 MiB", "store.head_bytes_max";
    /// How long after the end of its day a datastream is merged, s.
    store_merge_after_s: Integer<0, 604_800> = "3600", "store.merge_after_s";
    /// How long a late part waits for others of its day before they are merged, s.
    store_late_merge_after_s: Integer<0, 604_800> = "300", "store.late_merge_after_s";
    /// Days that readings are kept; 0 keeps them for ever.
    store_retention_age_days: Integer<0, 36_500> = "0", "store.retention_age_days";
    /// Days that hourly and daily figures are kept; 0 keeps them for ever.
    store_rollup_retention_age_days: Integer<0, 36_500> = "0", "store.rollup_retention_age_days";
    /// Free space that writing to the database leaves on the disk.
    store_free_bytes_min: Bytes<0, { u64::MAX }> = "32 MiB", "store.free_bytes_min";
    /// Cache for what is read from the store.
    store_cache_bytes: Bytes<1_048_576, { u64::MAX }> = "16 MiB", "store.cache_bytes";
    /// Size of a table in memory before it is written; the larger keyspaces have up to two.
    store_memtable_bytes: Bytes<1_048_576, 1_073_741_824> = "8 MiB", "store.memtable_bytes";

    /// Where QuestDB takes readings.
    store_questdb_http: HttpServer = "http://127.0.0.1:9000", "store.questdb.http";
    /// Where QuestDB answers queries, over the PostgreSQL wire without TLS.
    store_questdb_pg: HostPort = "127.0.0.1:8812", "store.questdb.pg";
    /// The user of both.
    store_questdb_user: UserName = "admin", "store.questdb.user";
    /// A file that holds the password; empty for QuestDB's default, which HTTP isn't asked for.
    store_questdb_password_file: OptionalPath = "", "store.questdb.password_file";
    /// A file that holds a token for HTTP, in place of user and password; empty for none.
    store_questdb_token_file: OptionalPath = "", "store.questdb.token_file";
    /// How long a request that hands readings to QuestDB may take, s.
    store_questdb_request_timeout_s: Integer<1, 3_600> = "10", "store.questdb.request_timeout_s";
    /// How long QuestDB may take for the next part of an answer, s.
    store_questdb_query_timeout_s: Integer<1, 3_600> = "30", "store.questdb.query_timeout_s";
    /// How long a connection to QuestDB may take to come about, s.
    store_questdb_connect_timeout_s: Integer<1, 3_600> = "5", "store.questdb.connect_timeout_s";
    /// Connections to QuestDB for queries; the server's own bound is 64 unless it was changed.
    store_questdb_connections_max: Integer<2, 10_000> = "48", "store.questdb.connections_max";
    /// Readings in one request to QuestDB, which is one transaction.
    store_questdb_request_rows_max: Integer<1, 1_000_000> = "60000", "store.questdb.request_rows_max";
    /// Readings that QuestDB took and does not show yet; they are kept in memory, 72 bytes
    /// each, and beyond it ingest waits.
    store_questdb_open_observations_max: Integer<1_000, 100_000_000> = "1000000", "store.questdb.open_observations_max";

    /// What is logged: a `tracing` filter, of levels and of targets with their levels.
    logging_filter: LogFilter = "info,fjall=warn,lsm_tree=warn,rumqttd=warn", "logging.filter";
    /// How log lines look on standard error.
    logging_format: LogFormat = "text", "logging.format";

    /// Devices of the demo city.
    demo_devices: Integer<1, 100_000> = "300", "demo.devices";
    /// How much history the demo city is given at its first start, hours.
    demo_history_h: Integer<0, 720> = "24", "demo.history_h";
    /// The seed of the demo city: the same seed is the same city.
    demo_seed: Integer<0, { u64::MAX }> = "1", "demo.seed";
}

/// Minutes east of UTC.
pub struct Offset;

impl Kind for Offset {
    type Value = i32;

    fn parse(text: &str) -> Option<i32> {
        let minutes = text.parse().ok()?;
        (-720..=840).contains(&minutes).then_some(minutes)
    }

    fn expected() -> String {
        "minutes from -720 to 840".into()
    }
}
