//! Bounds that must fit one another.

use super::{ConfigError, Settings, kind::size};

/// A setting that must be at least or at most what others make of it.
struct Rule {
    /// The settings that it is about, the one at fault first.
    keys: &'static [&'static str],
    holds: bool,
    given: String,
    expected: String,
}

/// What is wrong with bounds that are each within their own range; `known` is what is wrong
/// with any alone, and has its default instead.
pub fn errors(settings: &Settings, known: &[ConfigError]) -> Vec<ConfigError> {
    let is_read = |key: &&str| !known.iter().any(|error| error.key == **key);
    rules(settings)
        .into_iter()
        .filter(|rule| !rule.holds && rule.keys.iter().all(&is_read))
        .map(|rule| ConfigError {
            key: rule.keys[0].into(),
            given: rule.given,
            expected: rule.expected,
        })
        .collect()
}

fn rules(settings: &Settings) -> [Rule; 3] {
    [checkpoints(settings), records(settings), segments(settings)]
}

/// A shard makes its checkpoint between two batches. If the store could be full of readings
/// before that is due, every shard would wait for room that only a checkpoint makes.
fn checkpoints(settings: &Settings) -> Rule {
    let rows_max = settings.store_open_observations_max / 2;
    Rule {
        keys: &["ingest.checkpoint_rows", "store.open_observations_max"],
        holds: settings.ingest_checkpoint_rows <= rows_max,
        given: settings.ingest_checkpoint_rows.to_string(),
        expected: format!(
            "at most {rows_max}, half of store.open_observations_max ({})",
            settings.store_open_observations_max
        ),
    }
}

/// What the front door takes, the log must take.
fn records(settings: &Settings) -> Rule {
    Rule {
        keys: &["log.record_bytes_max", "mqtt.packet_bytes_max"],
        holds: settings.log_record_bytes_max >= settings.mqtt_packet_bytes_max,
        given: size(settings.log_record_bytes_max),
        expected: format!(
            "at least mqtt.packet_bytes_max ({})",
            size(settings.mqtt_packet_bytes_max)
        ),
    }
}

/// Only a segment behind which there is another can be trimmed.
fn segments(settings: &Settings) -> Rule {
    let bytes = settings.log_segment_bytes * 2;
    Rule {
        keys: &["log.bytes_max", "log.segment_bytes"],
        holds: settings.log_bytes_max >= bytes,
        given: size(settings.log_bytes_max),
        expected: format!(
            "at least {}, two segments (log.segment_bytes is {})",
            size(bytes),
            size(settings.log_segment_bytes)
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    fn errors(file: &str) -> Vec<String> {
        let mut layers = Layers::default();
        layers.add_file("nhip.toml", file);
        let errors = Config::read(layers).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn checkpoints_come_before_the_store_is_full() {
        assert!(errors("").is_empty());
        let store = "[store]\nopen_observations_max = 20000\n";
        let rows = |rows: u32| format!("{store}[ingest]\ncheckpoint_rows = {rows}\n");
        assert!(errors(&rows(10_000)).is_empty());
        assert_eq!(
            errors(&rows(10_001)),
            [
                "ingest.checkpoint_rows: 10001; expected at most 10000, half of \
                 store.open_observations_max (20000)"
            ]
        );
        // Of a pair that can't be compared only what can't be read is told.
        let unread =
            "[store]\nopen_observations_max = \"many\"\n[ingest]\ncheckpoint_rows = 3000000\n";
        assert_eq!(errors(unread).len(), 1);
        // The default of one does not fit a smaller bound of the other.
        assert_eq!(errors(store).len(), 1);
    }

    #[test]
    fn the_log_takes_what_the_front_door_takes() {
        let packet = |bytes: &str| format!("[mqtt]\npacket_bytes_max = {bytes}\n");
        assert!(errors(&packet("\"4 MiB\"")).is_empty());
        assert_eq!(
            errors(&packet("4194305")),
            ["log.record_bytes_max: 4 MiB; expected at least mqtt.packet_bytes_max (4194305 B)"]
        );
    }

    #[test]
    fn the_log_has_room_for_two_segments() {
        let log = |bytes: &str| format!("[log]\nsegment_bytes = \"1 GiB\"\nbytes_max = {bytes}\n");
        assert!(errors(&log("\"2 GiB\"")).is_empty());
        assert_eq!(
            errors(&log("\"2047 MiB\"")),
            [
                "log.bytes_max: 2047 MiB; expected at least 2 GiB, two segments \
                 (log.segment_bytes is 1 GiB)"
            ]
        );
    }
}
