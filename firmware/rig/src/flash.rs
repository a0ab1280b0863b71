//! A flash that outlives the device's boots.

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use nhip_node::flash::{Layout, RamFlash, RamFlashError};
use std::{cell::RefCell, rc::Rc};

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;
/// Bytes of the settings' part.
pub const SETTINGS_BYTES: usize = 2 * PAGE_BYTES;
/// Bytes of all of it: 64 KB.
pub const FLASH_BYTES: usize = 65_536;

/// The flash chip of one device.
#[derive(Clone, Default)]
pub struct Chip(Rc<RefCell<RamFlash<FLASH_BYTES, PAGE_BYTES>>>);

impl Chip {
    /// The parts of it.
    pub fn layout() -> Layout {
        Layout {
            settings: 0..SETTINGS_BYTES as u32,
            queue: SETTINGS_BYTES as u32..FLASH_BYTES as u32,
        }
    }

    /// A layout with a smaller queue, of so many pages.
    pub fn layout_of(pages: u32) -> Layout {
        let start = SETTINGS_BYTES as u32;
        Layout {
            queue: start..start + pages * PAGE_BYTES as u32,
            ..Self::layout()
        }
    }

    /// Lets the power go after so many more bytes.
    pub fn cut_after(&self, bytes: u64) {
        self.0.borrow_mut().cut_after(bytes);
    }

    /// Gives the power back; says whether it was gone.
    pub fn restore(&self) -> bool {
        self.0.borrow_mut().restore()
    }

    /// Bytes written, ever.
    pub fn written(&self) -> u64 {
        self.0.borrow().written()
    }

    /// Pages erased, ever.
    pub fn erased_pages(&self) -> u64 {
        self.0.borrow().erased_pages()
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
        self.0.borrow_mut().read(offset, bytes).await
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
        self.0.borrow_mut().erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        self.0.borrow_mut().write(offset, bytes).await
    }
}
