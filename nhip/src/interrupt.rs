//! Work of a subcommand that a signal ends at once.

use crate::{
    cli::{EXIT_FAILED, fail},
    up::signals::{Ending, Signals},
};
use std::{process::ExitCode, thread};
use tokio::sync::oneshot;

/// Does `work` on a thread of its own. A signal doesn't wait for it: `leave` puts away what it
/// has left half done, and the process ends.
pub fn run(
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    leave: impl FnOnce(),
) -> ExitCode {
    match watch(work, leave) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn watch(
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    leave: impl FnOnce(),
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        let (done, ended) = oneshot::channel();
        thread::Builder::new().spawn(move || {
            // Nobody listens any more after a signal.
            drop(done.send(work()));
        })?;
        tokio::select! {
            biased;
            ended = ended => ended?.map(|()| ExitCode::SUCCESS),
            ending = signals.next() => {
                leave();
                Ok(match ending {
                    Ending::Interrupt => ending.exit_code(),
                    Ending::Terminate => ExitCode::from(EXIT_FAILED),
                })
            }
        }
    })
}
