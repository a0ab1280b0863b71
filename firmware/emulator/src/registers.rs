//! Registers of devices, by address.

/// A 32-bit register of a device.
#[derive(Clone, Copy, Debug)]
pub struct Register(usize);

impl Register {
    /// The register at an address.
    ///
    /// # Safety
    ///
    /// There must be a 32-bit register of a device, and reading or writing it must not touch
    /// memory that the program uses.
    pub const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Reads it.
    pub fn read(self) -> u32 {
        // SAFETY: promised at construction.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    /// Writes it.
    pub fn write(self, value: u32) {
        // SAFETY: promised at construction.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }
}
