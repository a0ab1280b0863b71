//! The clock of embassy-time, from the machine timer, and a watchdog on the same interrupt.
//!
//! It counts microseconds of the device's life, which may run faster than the world's
//! ([`start`]): an hour of a device is then tested in a minute.

use core::{
    cell::{Cell, RefCell},
    task::Waker,
};
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use nhip_emulator::registers::Register;
use riscv::interrupt::Interrupt;

// SAFETY: the timer of the core-local interruptor (QEMU's `virt` machine, memory map).
const TIME_LOW: Register = unsafe { Register::at(0x0200_bff8) };
// SAFETY: the same.
const TIME_HIGH: Register = unsafe { Register::at(0x0200_bffc) };
// SAFETY: the same, the first hart's.
const ALARM_LOW: Register = unsafe { Register::at(0x0200_4000) };
// SAFETY: the same.
const ALARM_HIGH: Register = unsafe { Register::at(0x0200_4004) };

/// The timer's pace, counts a microsecond.
const COUNTS_PER_US: u64 = 10;

struct Timer {
    began: Mutex<Cell<u64>>,
    speed: Mutex<Cell<u64>>,
    /// When the watchdog bites, counts; never unless it is fed once.
    patience_ends: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static TIMER: Timer = Timer {
    began: Mutex::new(Cell::new(0)),
    speed: Mutex::new(Cell::new(1)),
    patience_ends: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts the clock at 0; it counts `speed` microseconds in each of the world's.
pub fn start(speed: u32) {
    critical_section::with(|cs| {
        TIMER.began.borrow(cs).set(count());
        TIMER.speed.borrow(cs).set(u64::from(speed.max(1)));
    });
    ring_at(u64::MAX);
    // SAFETY: the handler below is in place.
    unsafe { riscv::register::mie::set_mtimer() };
}

/// Lets the watchdog wait for so many seconds of the world from now on. It is software: it
/// bites as long as interrupts are served.
pub fn feed_watchdog(patience_s: u32) {
    critical_section::with(|cs| {
        let patience = u64::from(patience_s) * 1_000_000 * COUNTS_PER_US;
        TIMER.patience_ends.borrow(cs).set(count() + patience);
        TIMER.plan(cs);
    });
}

impl Timer {
    fn now_us(&self, cs: CriticalSection<'_>) -> u64 {
        let counts = count() - self.began.borrow(cs).get();
        counts * self.speed.borrow(cs).get() / COUNTS_PER_US
    }

    /// Wakes whose time has come and rings again at the next one's.
    fn plan(&self, cs: CriticalSection<'_>) {
        let next_us = self
            .queue
            .borrow_ref_mut(cs)
            .next_expiration(self.now_us(cs));
        let speed = self.speed.borrow(cs).get();
        let counts = next_us.saturating_mul(COUNTS_PER_US).div_ceil(speed);
        let next = counts.saturating_add(self.began.borrow(cs).get());
        ring_at(next.min(self.patience_ends.borrow(cs).get()));
    }
}

impl Driver for Timer {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.now_us(cs))
    }

    fn schedule_wake(&self, at_us: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow_ref_mut(cs).schedule_wake(at_us, waker) {
                self.plan(cs);
            }
        });
    }
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn on_timer() {
    critical_section::with(|cs| {
        if count() >= TIMER.patience_ends.borrow(cs).get() {
            crate::machine::restart_by_watchdog();
        }
        TIMER.plan(cs);
    });
}

fn count() -> u64 {
    loop {
        let high = TIME_HIGH.read();
        let low = TIME_LOW.read();
        if high == TIME_HIGH.read() {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

fn ring_at(count: u64) {
    // In this order it never stands for a moment at a time that is past.
    ALARM_HIGH.write(u32::MAX);
    ALARM_LOW.write(count as u32);
    ALARM_HIGH.write((count >> 32) as u32);
}
