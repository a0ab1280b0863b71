//! The benchmarks: each figure of the platform beside what it must reach, and beside a peer
//! in the same run where there is one. `make bench` runs it; `make bench ONLY=publish` a part.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "a measurement that can not be taken ends the program"
)]

mod figures;
mod live;
mod memory;
mod nodes;
mod pipeline;
mod publish;
mod queries;
mod questdb;
mod recovery;
mod sources;
mod store;

use figures::Figure;

type Part = (&'static str, fn() -> Vec<Figure>);

const PARTS: [Part; 9] = [
    ("publish", publish::run),
    ("pipeline", pipeline::run),
    ("store", store::run),
    ("queries", queries::run),
    ("questdb", questdb::run),
    ("live", live::run),
    ("memory", memory::run),
    ("recovery", recovery::run),
    ("nodes", nodes::run),
];

fn main() -> std::io::Result<()> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let mut all = Vec::new();
    for (name, run) in PARTS {
        if only.is_empty() || only.iter().any(|part| part == name) {
            eprintln!("measuring: {name}");
            all.extend(run());
        }
    }
    println!("{}", figures::table(&all));
    figures::write_json(&all)
}
