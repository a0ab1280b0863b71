//! The binary: configuration, composition, subcommands.
#![forbid(unsafe_code)]

fn main() {}
