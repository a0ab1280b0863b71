//! From settings to the bounds of each part.

use crate::config::{Settings, secrets};
use std::path::Path;

/// The log's bounds.
pub fn log(settings: &Settings) -> nhip_log::Config {
    nhip_log::Config {
        segment_bytes: settings.log_segment_bytes,
        spare_segments_max: size(settings.log_spare_segments_max),
        record_bytes_max: size(settings.log_record_bytes_max),
        queue_bytes_max: size(settings.log_queue_bytes_max),
        commit_delay_us: settings.log_commit_delay_us,
        retry_ms: settings.log_retry_ms,
        free_bytes_min: settings.log_free_bytes_min,
        retention_age_s: settings.log_retention_age_s,
        retention_bytes: settings.log_retention_bytes,
        bytes_max: settings.log_bytes_max,
        ..nhip_log::Config::default()
    }
}

/// The database's bounds.
pub fn database(settings: &Settings) -> nhip_database::Config {
    nhip_database::Config {
        free_bytes_min: settings.store_free_bytes_min,
        cache_bytes: settings.store_cache_bytes,
        ..nhip_database::Config::default()
    }
}

/// The store's bounds.
fn store(settings: &Settings) -> nhip_store::Config {
    nhip_store::Config {
        utc_offset_min: settings.store_utc_offset_min,
        open_observations_max: settings.store_open_observations_max,
        head_bytes_max: settings.store_head_bytes_max,
        merge_after_s: number(settings.store_merge_after_s),
        late_merge_after_s: number(settings.store_late_merge_after_s),
        retention_age_days: number(settings.store_retention_age_days),
        rollup_retention_age_days: number(settings.store_rollup_retention_age_days),
        memtable_bytes: settings.store_memtable_bytes,
        ..nhip_store::Config::default()
    }
}

/// The bounds of either kind of store: one may be copied into the other.
pub fn stores(settings: &Settings) -> anyhow::Result<nhip_store::StoreConfigs> {
    Ok(nhip_store::StoreConfigs {
        embedded: store(settings),
        questdb: questdb(settings)?,
    })
}

/// Where the QuestDB server is, and the bounds of what is asked of it.
fn questdb(settings: &Settings) -> anyhow::Result<nhip_store::QuestDbConfig> {
    Ok(nhip_store::QuestDbConfig {
        http: settings.store_questdb_http.clone(),
        pg: settings.store_questdb_pg.clone(),
        user: settings.store_questdb_user.clone(),
        password: secret(settings.store_questdb_password_file.as_deref())?,
        token: secret(settings.store_questdb_token_file.as_deref())?,
        utc_offset_min: settings.store_utc_offset_min,
        request_timeout_s: number(settings.store_questdb_request_timeout_s),
        query_timeout_s: number(settings.store_questdb_query_timeout_s),
        connect_timeout_s: number(settings.store_questdb_connect_timeout_s),
        connections_max: number(settings.store_questdb_connections_max),
        request_rows_max: number(settings.store_questdb_request_rows_max),
        open_observations_max: settings.store_questdb_open_observations_max,
        retention_age_days: number(settings.store_retention_age_days),
        rollup_retention_age_days: number(settings.store_rollup_retention_age_days),
        late_merge_after_s: number(settings.store_late_merge_after_s),
        ..nhip_store::QuestDbConfig::default()
    })
}

/// What the file holds, if one is named. It was there when the configuration was read.
fn secret(path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = path.map(secrets::read).transpose();
    read.map_err(anyhow::Error::msg)
}

/// The registry's bounds.
pub fn registry(settings: &Settings) -> nhip_registry::Config {
    nhip_registry::Config {
        registration: settings.registry_registration,
        devices_max: number(settings.registry_devices_max),
        datastreams_per_device_max: number(settings.registry_datastreams_per_device_max),
        ..nhip_registry::Config::default()
    }
}

/// The front door's bounds.
pub fn broker(settings: &Settings) -> nhip_broker::Config {
    nhip_broker::Config {
        listen: Some(settings.mqtt_listen),
        websocket: settings.mqtt_websocket,
        connections_max: size(settings.mqtt_connections_max),
        connect_timeout_s: settings.mqtt_connect_timeout_s,
        connect_bytes_max: size(settings.mqtt_connect_bytes_max),
        unauthenticated_bytes_max: size(settings.mqtt_unauthenticated_bytes_max),
        packet_bytes_max: size(settings.mqtt_packet_bytes_max),
        client_id_bytes_max: size(settings.mqtt_client_id_bytes_max),
        topic_bytes_max: size(settings.mqtt_topic_bytes_max),
        topic_levels_max: size(settings.mqtt_topic_levels_max),
        receive_max: short(settings.mqtt_receive_max),
        receive_bytes_max: size(settings.mqtt_receive_bytes_max),
        publishes_per_s_max: number(settings.mqtt_publishes_per_s_max),
        received_bytes_per_s_max: size(settings.mqtt_received_bytes_per_s_max),
        connections_per_address_max: size(settings.mqtt_connections_per_address_max),
        sys_interval_s: number(settings.mqtt_sys_interval_s),
        keep_alive_max_s: short(settings.mqtt_keep_alive_max_s),
        outgoing_bytes_max: size(settings.mqtt_outgoing_bytes_max),
        outgoing_total_bytes_max: size(settings.mqtt_outgoing_total_bytes_max),
        inflight_max: short(settings.mqtt_inflight_max),
        session_queue_max: size(settings.mqtt_session_queue_max),
        session_queue_bytes_max: size(settings.mqtt_session_queue_bytes_max),
        session_expiry_max_s: number(settings.mqtt_session_expiry_max_s),
        subscriptions_max: size(settings.mqtt_subscriptions_max),
        sessions_max: size(settings.mqtt_sessions_max),
        retained_max: settings.mqtt_retained_max,
        retained_bytes_max: settings.mqtt_retained_bytes_max,
        fanout_bytes_max: size(settings.mqtt_fanout_bytes_max),
        router_stall_ms: settings.mqtt_router_stall_ms,
        ..nhip_broker::Config::default()
    }
}

/// Who comes in without a credential.
pub fn anonymous(settings: &Settings) -> nhip_broker::Anonymous {
    match settings.security_anonymous {
        true => nhip_broker::Anonymous::Loopback,
        false => nhip_broker::Anonymous::Off,
    }
}

/// The fold's bounds. `recorded_shards` is what the data folder was made with, if it was: it
/// stands against the number of cores, as on the machine that a copy is restored on, and a
/// number that was set stands against it and is refused.
pub fn ingest(settings: &Settings, recorded_shards: Option<u32>) -> nhip_ingest::Config {
    let defaults = nhip_ingest::Config::default();
    nhip_ingest::Config {
        shards: match settings.ingest_shards {
            0 => recorded_shards.unwrap_or(defaults.shards),
            shards => number(shards),
        },
        future_max_s: number(settings.ingest_future_max_s),
        checkpoint_rows: settings.ingest_checkpoint_rows,
        checkpoint_interval_s: number(settings.ingest_checkpoint_interval_s),
        dead_letters_max: settings.ingest_dead_letters_max,
        dead_letters_bytes_max: settings.ingest_dead_letters_bytes_max,
        unregistered_devices_max: number(settings.ingest_unregistered_devices_max),
        datastreams_per_device_max: number(settings.registry_datastreams_per_device_max),
        feed_events_max: number(settings.ingest_feed_events_max),
        limits: nhip_ingest::decode::Limits {
            readings_max: number(settings.ingest_readings_max),
            ..defaults.limits
        },
        ..defaults
    }
}

/// The API's bounds.
pub fn api(settings: &Settings) -> nhip_api::Config {
    nhip_api::Config {
        connections_max: size(settings.http_connections_max),
        queries_max: size(settings.http_queries_max),
        live_subscribers_max: size(settings.http_live_subscribers_max),
        live_queue_bytes_max: size(settings.http_live_queue_bytes_max),
        live_write_timeout_s: settings.http_live_write_timeout_s,
        hosts: settings.http_hosts.clone(),
        cors_any_origin: settings.http_cors_any_origin,
        ..nhip_api::Config::default()
    }
}

/// A setting whose kind keeps it within what a size in memory can be.
fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A setting whose kind keeps it within 32 bits.
fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A setting whose kind keeps it within 16 bits.
fn short(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
