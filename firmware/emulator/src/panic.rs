//! The last words of a program, on the emulator's standard error.

use crate::file::{File, Mode};
use core::panic::PanicInfo;

/// Says where the program panicked. (Not why: that would take `core::fmt`, and a tenth of the
/// image with it.)
pub fn report(info: &PanicInfo<'_>) {
    let Some(location) = info.location() else {
        return;
    };
    // The name by which the specification calls the console; appending is standard error.
    if let Ok(mut console) = File::open(":tt", Mode::Append) {
        let mut line = crate::ledger::Line::about("panic");
        line.number(location.line().into()).word(location.file());
        let _ = console.write(line.bytes());
    }
}
