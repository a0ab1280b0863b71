//! The signals that end the platform.

use std::process::ExitCode;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Interrupted from the terminal.
const EXIT_INTERRUPTED: u8 = 130;

/// A signal that ends the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM: asked to stop.
    Terminate,
    /// SIGINT: interrupted at the terminal.
    Interrupt,
}

impl Ending {
    /// What the process ends with after draining.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Terminate => ExitCode::SUCCESS,
            Self::Interrupt => ExitCode::from(EXIT_INTERRUPTED),
        }
    }
}

/// Waits for ending signals.
#[derive(Debug)]
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
}

impl Signals {
    /// Takes the signals over from the system's defaults.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.terminate.recv() => Ending::Terminate,
            _ = self.interrupt.recv() => Ending::Interrupt,
        }
    }
}
