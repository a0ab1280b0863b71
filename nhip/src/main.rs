//! The binary: configuration, composition, subcommands.
#![forbid(unsafe_code)]

mod argument;
mod assets;
mod cli;
mod client;
mod config;
mod device;
mod export;
mod interrupt;
mod refill;
mod simulate;
mod store_copy;
mod up;

use clap::Parser;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Gives back what a burst took: with the system's allocator the memory of a process that runs
/// for months creeps upwards (docs/performance.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
