//! The clock of embassy-time: the FPGA's microsecond counter, and SysTick to look at it.
//!
//! SysTick alone would lose time whenever the emulator stands still for longer than its period:
//! an interrupt that is pending twice is pending once.
//!
//! It counts microseconds of the device's life, which may run faster than the world's
//! ([`start`]): an hour of a device is then tested in a minute.

use core::{
    cell::{Cell, RefCell},
    task::Waker,
};
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use nhip_emulator::registers::Register;

const fn fpga(offset: usize) -> Register {
    // SAFETY: the FPGA's system control registers begin here (AN385, FPGA system control).
    unsafe { Register::at(0x4002_8000 + offset) }
}

/// Counts up, with every underflow of the prescaler.
const COUNTER: Register = fpga(0x18);
/// What the prescaler begins with again, processor cycles less one.
const PRESCALE: Register = fpga(0x1c);

/// The processor's clock, cycles a microsecond.
const CYCLES_PER_US: u32 = 25;
/// Between two looks at the clock, µs of the world.
const LOOK_US: u32 = 1000;

struct Ticks {
    /// The counter, with the bits that it doesn't have: it is looked at often enough.
    world_us: Mutex<Cell<u64>>,
    speed: Mutex<Cell<u32>>,
    alarm_us: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static TICKS: Ticks = Ticks {
    world_us: Mutex::new(Cell::new(0)),
    speed: Mutex::new(Cell::new(1)),
    alarm_us: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts the clock at 0; it counts `speed` microseconds in each of the world's.
pub fn start(mut timer: SYST, speed: u32) {
    critical_section::with(|cs| TICKS.speed.borrow(cs).set(speed.max(1)));
    PRESCALE.write(CYCLES_PER_US - 1);
    COUNTER.write(0);
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(LOOK_US * CYCLES_PER_US - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

impl Ticks {
    fn now_us(&self, cs: CriticalSection<'_>) -> u64 {
        let world_us = self.world_us.borrow(cs);
        let since = COUNTER.read().wrapping_sub(world_us.get() as u32);
        world_us.set(world_us.get() + u64::from(since));
        world_us.get() * u64::from(self.speed.borrow(cs).get())
    }

    fn ring_if_due(&self, cs: CriticalSection<'_>) {
        let now_us = self.now_us(cs);
        if now_us >= self.alarm_us.borrow(cs).get() {
            let next_us = self.queue.borrow_ref_mut(cs).next_expiration(now_us);
            self.alarm_us.borrow(cs).set(next_us);
        }
    }
}

impl Driver for Ticks {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.now_us(cs))
    }

    fn schedule_wake(&self, at_us: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at_us, waker) {
                let next_us = queue.next_expiration(self.now_us(cs));
                self.alarm_us.borrow(cs).set(next_us);
            }
        });
    }
}

#[cortex_m_rt::exception]
fn SysTick() {
    critical_section::with(|cs| TICKS.ring_if_due(cs));
}
