//! The store in QuestDB against a real server.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod columns;
mod copy;
mod faults;
mod kit;
mod lent;
mod lost;
mod names;
mod nosync;
mod retention;
mod strangers;
mod tables;

use kit::{Bench, QuestDb};
use nhip_store::conformance::{agrees_with_a_model, run_all};

/// Random histories that are compared with the model: each takes seconds with a server.
const SEEDS: u64 = 2;

#[test]
fn the_store_in_questdb_conforms() {
    let bench = Bench::start(&[]);
    run_all(|| QuestDb::new(&bench.config), SEEDS);
}

#[test]
fn it_agrees_with_a_model_in_small_requests() {
    let mut bench = Bench::start(&[]);
    bench.config.request_rows_max = 50;
    agrees_with_a_model(QuestDb::new(&bench.config), SEEDS);
}
