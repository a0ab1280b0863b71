//! Why a board started: a note in memory that a reset doesn't clear.

use crate::registers::Register;
use nhip_node::ResetCause;

/// What makes a note out of a number, and not of what memory holds when power comes.
const MARK: u32 = 0x6e68_7000;

/// Leaves a note for the next start.
pub fn leave(cause: ResetCause, note: Register) {
    note.write(MARK | cause as u32);
}

/// Reads the note, and leaves none.
pub fn take(note: Register) -> ResetCause {
    let found = note.read();
    note.write(0);
    [
        ResetCause::Software,
        ResetCause::Watchdog,
        ResetCause::Panic,
    ]
    .into_iter()
    .find(|cause| found == MARK | *cause as u32)
    .unwrap_or(ResetCause::PowerOn)
}
