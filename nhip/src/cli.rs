//! The command line: what can be asked of the binary.

use crate::{
    config::{self, Config, ConfigError},
    device::Device,
    export::{Export, Unfinished},
    interrupt, refill,
    store_copy::StoreCopy,
    up::logging,
};
use clap::{Args, Parser, Subcommand};
use nhip_simulators::{fleet::SimulateArgs, replay::ReplayArgs};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Something failed.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage or configuration.
pub const EXIT_USAGE: u8 = 2;

/// A city's telemetry platform in one binary.
#[derive(Debug, Parser)]
#[command(name = "nhip", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: MQTT, ingest, store, API and page.
    Up(Up),
    /// Read the configuration, print every error at once, bind nothing.
    Check(ConfigArgs),
    /// Run a simulated fleet over MQTT, then compare what was acknowledged with what is stored.
    Simulate(SimulateArgs),
    /// Send recorded readings over MQTT, at their own pace or faster, then compare.
    Replay(ReplayArgs),
    /// Write stored readings into a file, with a row count and a checksum.
    Export(Export),
    /// Add, list or show devices of a running platform.
    Device(Device),
    /// Move the readings to another kind of store, or mend where they are kept.
    #[command(subcommand)]
    Store(Store),
    /// Print the configuration reference.
    Reference,
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// The configuration file [default: nhip.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that everything is kept in [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Up {
    /// Run a simulated demo city against it
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Store {
    /// Move the readings into the other kind of store, while the platform runs or is stopped.
    Copy(StoreCopy),
    /// Make a new table in QuestDB in place of one that is lost, and fill it from the log.
    Refill(ConfigArgs),
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Up(up) => match up.config.read() {
                Ok(config) => crate::up::run(config, up.demo),
                Err(errors) => refuse(&errors),
            },
            Command::Check(arguments) => match arguments.read() {
                Ok(_) => say("the configuration is valid"),
                Err(errors) => refuse(&errors),
            },
            Command::Simulate(arguments) => crate::simulate::simulate(&arguments),
            Command::Replay(arguments) => crate::simulate::replay(&arguments),
            Command::Export(export) => match export.contradiction() {
                Some(reason) => refuse_usage(&reason),
                None => {
                    let unfinished = Unfinished::default();
                    let under_way = unfinished.clone();
                    ask(move || export.run(&under_way), move || unfinished.leave())
                }
            },
            Command::Device(device) => match device.unsupported() {
                Some(reason) => refuse_usage(&reason),
                None => ask(move || device.run(), || {}),
            },
            Command::Store(Store::Copy(copy)) => match (copy.contradiction(), copy.config()) {
                (Some(reason), _) => refuse_usage(&reason),
                (None, Err(errors)) => refuse(&errors),
                (None, Ok(config)) => {
                    let told = copy.clone();
                    ask(move || copy.run(&config), move || told.interrupted())
                }
            },
            Command::Store(Store::Refill(arguments)) => match arguments.read() {
                Ok(config) => ask(move || refill::run(&config), || {}),
                Err(errors) => refuse(&errors),
            },
            Command::Reference => say(config::reference::markdown().trim_end()),
        }
    }
}

impl ConfigArgs {
    /// The configuration from all its sources.
    pub fn read(&self) -> Result<Config, Vec<ConfigError>> {
        let mut layers = config::sources(self.config.as_deref());
        if let Some(data) = &self.data {
            layers.add_flag("--data", "data", data.display().to_string());
        }
        Config::read(layers)
    }
}

/// Prints a line to standard output; a reader that has gone is not an error.
pub fn say(line: &str) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{line}");
    ExitCode::SUCCESS
}

/// Prints a line to standard error.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says why a subcommand failed.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    note(&format!("error: {}", told(error)));
    ExitCode::from(EXIT_FAILED)
}

/// Refuses what can't be meant.
pub fn refuse_usage(reason: &str) -> ExitCode {
    note(&format!(
        "error: {reason}\n\nFor more information, try '--help'."
    ));
    ExitCode::from(EXIT_USAGE)
}

/// An error and what led to it, each said once: some errors have their cause in their own text.
pub fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.ends_with(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

/// Runs a subcommand that asks a running platform; a signal ends it, and `leave` tidies up.
fn ask(
    run: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    leave: impl FnOnce(),
) -> ExitCode {
    logging::start(logging::OF_SUBCOMMANDS, false);
    interrupt::run(run, leave)
}

fn refuse(errors: &[ConfigError]) -> ExitCode {
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "the configuration has {} error(s):", errors.len());
    for error in errors {
        let _ = writeln!(stderr, "  {error}");
    }
    ExitCode::from(EXIT_USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cause_that_an_error_tells_itself_is_told_once() {
        let told_of = |top: &'static str| {
            let error = Err::<(), _>(std::io::Error::other("in use")).context(top);
            told(&error.context("starting").unwrap_err())
        };
        assert_eq!(told_of("listening"), "starting: listening: in use");
        assert_eq!(told_of("listening: in use"), "starting: listening: in use");
    }
}
