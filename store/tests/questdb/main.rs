//! The store in QuestDB against a real server.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod copy;
mod faults;
mod kit;
mod names;
mod retention;
mod tables;

use kit::{Bench, QuestDb};
use nhip_store::conformance::run_all;

#[test]
fn the_store_in_questdb_conforms() {
    let bench = Bench::start(&[]);
    run_all(|| QuestDb::new(&bench.config));
}

#[test]
fn it_conforms_with_tiny_requests() {
    let mut bench = Bench::start(&[]);
    bench.config.request_rows_max = 7;
    run_all(|| QuestDb::new(&bench.config));
}
