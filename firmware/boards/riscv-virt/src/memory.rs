//! Memory that the network device reads and writes by itself.

use core::{cell::Cell, ptr::NonNull};
use critical_section::Mutex;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Behind the program's RAM: the machine has more than a part that one would buy, and what only
/// the emulator's network device needs shall not count.
const PAGES: usize = 0x8050_0000;
const PAGE_COUNT: usize = 16;

static TAKEN: Mutex<Cell<usize>> = Mutex::new(Cell::new(0));

/// Pages for the device's queues.
pub struct Pages;

// SAFETY: each page is handed out once, aligned, and lies in RAM that the linker doesn't know;
// addresses are the same for the processor and for devices.
unsafe impl Hal for Pages {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = critical_section::with(|cs| {
            let taken = TAKEN.borrow(cs);
            taken.replace(taken.get() + pages)
        });
        assert!(first + pages <= PAGE_COUNT, "too many pages for a device");
        let address = PAGES + first * PAGE_SIZE;
        // SAFETY: RAM of this machine that nobody else uses.
        unsafe { core::ptr::write_bytes(address as *mut u8, 0, pages * PAGE_SIZE) };
        let pointer = NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling());
        (address as PhysAddr, pointer)
    }

    unsafe fn dma_dealloc(_address: PhysAddr, _pointer: NonNull<u8>, _pages: usize) -> i32 {
        // Queues live as long as the program.
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _size: usize) -> NonNull<u8> {
        NonNull::new(address as usize as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr() as usize as PhysAddr
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
