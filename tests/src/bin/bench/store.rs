//! The embedded store alone, by its own example `append_rate`.

use crate::figures::{Figure, shown};
use serde_json::Value;
use std::process::Command;

pub fn run() -> Vec<Figure> {
    let report = append_rate();
    let number = |pointer: &str| {
        report
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or_else(|| panic!("{pointer} in {report}"))
    };
    vec![
        Figure::more(
            "embedded store: readings/s appended and checkpointed, 100,000 series",
            number("/append/readings_per_second"),
            "readings/s",
            (1e6, 3e6),
            format!(
                "two shards, longest checkpoint {:.2} s, {} MiB",
                number("/append/checkpoint_seconds_max"),
                number("/append/resident_mib")
            ),
        ),
        Figure::less(
            "bytes a reading on disk after merging, one-minute readings with 2 s jitter, one decimal",
            number("/packed/bytes_per_reading"),
            "B",
            (4.0, 2.0),
            format!(
                "{} readings, merged at {} /s",
                shown(number("/packed/readings")),
                shown(number("/packed/merged_readings_per_second"))
            ),
        ),
        Figure::less(
            "a year of one-minute readings as 1,000 points, in the store alone",
            number("/year/median_ms"),
            "ms",
            (50.0, 10.0),
            format!("the first time {:.2} ms", number("/year/first_ms")),
        ),
    ]
}

/// Runs the example that was built beside the platform, and reads its report.
fn append_rate() -> Value {
    let binary = nhip_tests::city::binary();
    let example = binary.with_file_name("examples").join("append_rate");
    let output = Command::new(&example)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    assert!(
        output.status.success(),
        "{}: {}",
        example.display(),
        output.status
    );
    serde_json::from_slice(&output.stdout).expect("a report in JSON")
}
