//! The log against a model, over thousands of seeded runs with crashes, faults, full disks
//! and flipped bits. A failing run prints its seed; `NHIP_LOG_SEED=<seed>` runs it alone and
//! `NHIP_LOG_RUNS=<count>` runs more of them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may end at once, and names its seed"
)]

mod flips;
mod heard;
mod tally;
mod world;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{env, ops::Range};
use tally::Tally;
use world::World;

const RUNS: u64 = 4_000;
const ACTIONS: u32 = 120;

/// Names the seed of a run that panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run with NHIP_LOG_SEED={} failed", self.0);
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|value| value.parse().ok())
}

fn seeds() -> Range<u64> {
    match setting("NHIP_LOG_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("NHIP_LOG_RUNS").unwrap_or(RUNS),
    }
}

#[test]
fn no_crash_loses_a_committed_record_or_brings_back_another() {
    let mut tally = Tally::default();
    for seed in seeds() {
        let _seed = Seed(seed);
        let mut world = World::new(seed);
        for _ in 0..ACTIONS {
            world.act();
        }
        world.settle();
        tally.add(&world.tally);
    }
    println!("{tally:?}");
    if setting("NHIP_LOG_SEED").is_none() {
        tally.assert_that_everything_happened();
    }
}

#[test]
fn a_flipped_bit_is_never_read_and_costs_the_last_commit_at_most() {
    for seed in seeds() {
        let _seed = Seed(seed);
        let mut random = SmallRng::seed_from_u64(seed);
        flips::flip_one_bit(random.random());
    }
}
