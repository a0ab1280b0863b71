//! What becomes of a reading depends on the log, and on no batch that it happens to be in.

use super::crashes::{bench_with, seen};
use crate::{
    Config,
    kit::{Bench, config, json},
};

/// A configuration that folds so many bytes of the log at a time.
fn of_bytes(bytes: usize) -> Config {
    Config {
        batch_bytes: bytes,
        batch_bytes_max: bytes,
        ..config()
    }
}

#[test]
fn the_size_of_a_batch_changes_nothing() {
    for seed in 0..8 {
        // From one record at a time to the whole log at once.
        let [one, some, all] = [1, 2_000, 1 << 20].map(|bytes| {
            let mut bench = bench_with(seed, of_bytes(bytes));
            bench.fold().unwrap();
            bench.checkpoint().unwrap();
            seen(&bench)
        });
        assert!(one.total.2 > 10 && one.total.3 > 10, "{:?}", one.total);
        assert_eq!(one, some, "seed {seed}");
        assert_eq!(one, all, "seed {seed}");
    }
}

#[test]
fn a_refused_reading_that_comes_again_with_another_value_is_stored() {
    for bytes in [1, 1 << 20] {
        let mut bench = Bench::new(of_bytes(bytes));
        for value in ["66.6", "66.6", "5", "5"] {
            let payload = format!(r#"{{"boot":1,"seq":1,"readings":{{"a":{value}}}}}"#);
            json(&bench, "d", &payload);
        }
        bench.fold().unwrap();
        assert_eq!(bench.figures(), (4, 1, 1, 2, 0), "batches of {bytes} B");
    }
}
