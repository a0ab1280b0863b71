//! `nhip simulate` and `nhip replay` as an operator runs them.

use crate::{
    city::{Addresses, binary},
    wait,
};
use serde_json::Value;
use std::{
    io::Read,
    process::{Child, Command, Stdio},
};

/// A run under way.
#[derive(Debug)]
pub struct Simulator {
    process: Child,
}

/// What a run ended with.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// The report that it printed.
    pub report: Value,
}

impl Simulator {
    /// Starts `nhip <words>` against a platform, with the report as JSON.
    pub fn start(addresses: Addresses, words: &[&str]) -> Self {
        let process = Command::new(binary())
            .args(words)
            .args(["--json", "--mqtt", &addresses.mqtt.to_string()])
            .args(["--http", &addresses.http.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        Self { process }
    }

    /// Whether it is still at work.
    pub fn is_running(&mut self) -> bool {
        let ended = self.process.try_wait().expect("the process is ours");
        ended.is_none()
    }

    /// Waits for its end.
    pub fn outcome(mut self) -> Outcome {
        let status = wait::until("the simulator's report", || {
            self.process.try_wait().expect("the process is ours")
        });
        let mut text = String::new();
        let mut output = self.process.stdout.take().expect("piped above");
        output.read_to_string(&mut text).expect("a report in UTF-8");
        Outcome {
            code: status.code().expect("it ended by itself"),
            report: serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{error} in {text:?}")),
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Ended already, if its outcome was awaited.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Outcome {
    /// A figure of the report.
    pub fn count(&self, name: &str) -> u64 {
        self.report[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {}", self.report))
    }
}
