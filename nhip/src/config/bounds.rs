//! Bounds that must fit one another.

use super::{ConfigError, Settings};

/// What is wrong with bounds that are each within their own range; `known` is what is wrong
/// with any alone, and has its default instead.
pub fn errors(settings: &Settings, known: &[ConfigError]) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let pair = ["ingest.checkpoint_rows", "store.open_observations_max"];
    if known.iter().any(|error| pair.contains(&error.key.as_str())) {
        return errors;
    }
    // A shard makes its checkpoint between two batches. If the store could be full of readings
    // before that is due, every shard would wait for room that only a checkpoint makes.
    let rows_max = settings.store_open_observations_max / 2;
    if settings.ingest_checkpoint_rows > rows_max {
        errors.push(ConfigError {
            key: "ingest.checkpoint_rows".into(),
            given: settings.ingest_checkpoint_rows.to_string(),
            expected: format!(
                "at most {rows_max}, half of store.open_observations_max ({})",
                settings.store_open_observations_max
            ),
        });
    }
    errors
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    #[test]
    fn checkpoints_come_before_the_store_is_full() {
        let read = |file: &str| {
            let mut layers = Layers::default();
            layers.add_file("nhip.toml", file);
            Config::read(layers).map(|_| ())
        };
        assert!(read("").is_ok());
        let store = "[store]\nopen_observations_max = 20000\n";
        let rows = |rows: u32| format!("{store}[ingest]\ncheckpoint_rows = {rows}\n");
        assert!(read(&rows(10_000)).is_ok());
        let errors = read(&rows(10_001)).unwrap_err();
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "ingest.checkpoint_rows: 10001; expected at most 10000, half of \
                 store.open_observations_max (20000)"
            ]
        );
        // Of a pair that can't be compared only what can't be read is told.
        let unread =
            "[store]\nopen_observations_max = \"many\"\n[ingest]\ncheckpoint_rows = 3000000\n";
        assert_eq!(read(unread).unwrap_err().len(), 1);
        // The default of one does not fit a smaller bound of the other.
        assert_eq!(read(store).unwrap_err().len(), 1);
    }
}
