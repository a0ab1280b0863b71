//! The binary's other subcommands, run to their end.

use crate::city::{binary, forget_settings};
use std::{path::Path, process::Command};

/// What a command left.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Runs the binary in `folder` with settings as environment variables (`NHIP_…`) until it
/// ends.
pub fn run(arguments: &[&str], folder: &Path, settings: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(binary());
    forget_settings(&mut command);
    let output = command
        .args(arguments)
        .current_dir(folder)
        .envs(settings.iter().copied())
        .output()
        .expect("the binary runs");
    Ended {
        code: output.status.code(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
