//! A device's flash: what stays when its power goes.

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use nhip_node::flash::{Layout, RamFlash, RamFlashError};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

const PAGE_BYTES: usize = 4_096;
const SETTINGS_BYTES: u32 = 2 * PAGE_BYTES as u32;
/// A small device's flash: eight pages, six of them for readings (some 1,500).
const FLASH_BYTES: usize = 8 * PAGE_BYTES;

/// The flash of one device.
#[derive(Clone, Default)]
pub(super) struct Chip(Rc<Silicon>);

#[derive(Default)]
struct Silicon {
    flash: RefCell<RamFlash<FLASH_BYTES, PAGE_BYTES>>,
    /// The power goes in the middle of one of the next writes.
    armed: Cell<bool>,
    /// It is gone.
    dead: Cell<bool>,
}

impl Chip {
    /// Which parts of it are for what.
    pub(super) fn layout() -> Layout {
        Layout {
            settings: 0..SETTINGS_BYTES,
            queue: SETTINGS_BYTES..FLASH_BYTES as u32,
        }
    }

    /// Lets the power go after so many more bytes, unless that was asked for before.
    pub(super) fn cut_once_after(&self, bytes: u64) {
        if !self.0.armed.replace(true) {
            self.0.flash.borrow_mut().cut_after(bytes);
        }
    }

    /// Whether the power went in the middle of a write.
    pub(super) fn is_dead(&self) -> bool {
        self.0.dead.get()
    }

    /// Gives the power back.
    pub(super) fn restore(&self) {
        self.0.armed.set(false);
        self.0.dead.set(false);
        self.0.flash.borrow_mut().restore();
    }

    fn note<T>(&self, done: Result<T, RamFlashError>) -> Result<T, RamFlashError> {
        if matches!(done, Err(RamFlashError::Cut)) {
            self.0.dead.set(true);
        }
        done
    }

    /// Bytes written since it was blank.
    pub(super) fn written(&self) -> u64 {
        self.0.flash.borrow().written()
    }
}

impl ErrorType for Chip {
    type Error = RamFlashError;
}

#[allow(
    clippy::await_holding_refcell_ref,
    reason = "a flash in RAM never waits"
)]
impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        let done = self.0.flash.borrow_mut().read(offset, bytes).await;
        self.note(done)
    }

    fn capacity(&self) -> usize {
        FLASH_BYTES
    }
}

#[allow(
    clippy::await_holding_refcell_ref,
    reason = "a flash in RAM never waits"
)]
impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE_BYTES;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        let done = self.0.flash.borrow_mut().erase(from, to).await;
        self.note(done)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        let done = self.0.flash.borrow_mut().write(offset, bytes).await;
        self.note(done)
    }
}
