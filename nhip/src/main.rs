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

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
