//! The benchmarks: each figure of the platform beside what it must reach, and beside a peer
//! in the same run where there is one. `make bench` runs it; `make bench ONLY=publish` a part.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "a measurement that can not be taken ends the program"
)]

mod beside;
mod bridge;
mod crowd;
mod exactly_once;
mod fanout;
mod figures;
mod firmware;
mod large;
mod live;
mod memory;
mod mosquitto;
mod nodes;
mod pipeline;
mod publish;
mod queries;
mod questdb;
mod recovery;
mod sessions;
mod soak;
mod sources;
mod store;
mod tls;

use figures::Figure;

type Part = (&'static str, fn() -> Vec<Figure>);

/// What takes a quarter of an hour and 10 GB, or two hours, or is a part of another: only if it
/// is named.
const NAMED: [&str; 3] = ["large", "soak", "drain"];

const PARTS: [Part; 18] = [
    ("publish", publish::run),
    ("exactly_once", exactly_once::run),
    ("fanout", fanout::run),
    ("crowd", crowd::run),
    ("tls", tls::run),
    ("sessions", sessions::run),
    ("soak", soak::run),
    ("pipeline", pipeline::run),
    ("store", store::run),
    ("queries", queries::run),
    ("questdb", questdb::run),
    ("drain", questdb::drain),
    ("large", large::run),
    ("live", live::run),
    ("memory", memory::run),
    ("recovery", recovery::run),
    ("nodes", nodes::run),
    ("firmware", firmware::run),
];

fn main() -> std::process::ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let mut all = Vec::new();
    let mut failed = Vec::new();
    for (name, run) in PARTS {
        if (only.is_empty() && !NAMED.contains(&name)) || only.iter().any(|part| part == name) {
            eprintln!("measuring: {name}");
            // A part that fails must not cost the others what they have measured.
            match std::panic::catch_unwind(run) {
                Ok(figures) => all.extend(figures),
                Err(_) => failed.push(name),
            }
        }
    }
    println!("{}", figures::table(&all));
    if let Err(error) = figures::write_json(&all) {
        eprintln!("target/bench: {error}");
        return std::process::ExitCode::FAILURE;
    }
    if failed.is_empty() {
        return std::process::ExitCode::SUCCESS;
    }
    eprintln!("could not be measured: {}", failed.join(", "));
    std::process::ExitCode::FAILURE
}
