//! The board's parts, as the node knows them.

use crate::{Interrupts, crash, settings::Settings, supply::Supply};
use embassy_net::Stack;
use embassy_stm32::{
    Peri,
    flash::{Async as AsyncFlash, Bank2Region3, Flash},
    gpio::{Level, Output, Speed},
    i2c::{Config as I2cConfig, I2c, Master},
    mode::Async,
    pac,
    peripherals::{ADC1, DMA1_CH0, DMA1_CH6, FLASH, I2C1, IWDG, PB0, PB7, PB8, PB9, PB14, RNG},
    rng::Rng,
    wdg::IndependentWatchdog,
};
use embassy_time::Delay;
use nhip_embassy::{Sntp, Tcp, Uptime};
use nhip_node::{
    Config, Entropy, Node, Parts, Platform, ResetCause, System, flash::Layout,
    sensors::sht4x::Sht4x,
};
use static_cell::{ConstStaticCell, StaticCell};

/// The watchdog bites after so long, µs (32.7 s at most). Erasing a sector of 128 KiB takes up
/// to 4 s.
const PATIENCE_US: u32 = 30_000_000;
/// Buffers of the connection to the broker, bytes.
const SOCKET_BYTES: usize = 2048;
/// A sector of the region that the node has: seven of them, from 0x0812_0000 on.
const SECTOR_BYTES: u32 = 128 * 1024;
const SECTORS: u32 = 7;
/// Sectors at its beginning that keep the settings; the queue has the others.
const SETTINGS_SECTORS: u32 = 2;

/// This board, as the node knows it.
pub struct F429;

impl Platform for F429 {
    type Flash = Bank2Region3<'static, AsyncFlash>;
    type Clock = Uptime;
    type Connector = Tcp<'static>;
    type Time = Sntp<'static>;
    type Entropy = Random;
    type System = Board;
    type Sensors = (Sht4x<I2c<'static, Async, Master>, Delay>,);
    type Journal = ();
}

/// The parts of the chip that the node uses, not set up.
pub struct Chip {
    pub cause: ResetCause,
    pub random: Rng<'static, RNG>,
    pub watchdog: Peri<'static, IWDG>,
    pub lamps: Lamps,
    pub converter: Peri<'static, ADC1>,
    pub flash: Peri<'static, FLASH>,
    pub i2c: Peri<'static, I2C1>,
    pub scl: Peri<'static, PB8>,
    pub sda: Peri<'static, PB9>,
    pub dma_out: Peri<'static, DMA1_CH6>,
    pub dma_in: Peri<'static, DMA1_CH0>,
}

/// The pins of the lamps LD1 to LD3 (UM1974, LEDs).
pub struct Lamps {
    pub green: Peri<'static, PB0>,
    pub blue: Peri<'static, PB7>,
    pub red: Peri<'static, PB14>,
}

/// Sets them up and makes the node of them. With settings that the node refuses the board can't
/// do anything, and panics.
// In a stack frame of its own, which is gone when the node runs.
#[inline(never)]
pub fn start(
    settings: Settings,
    stack: Stack<'static>,
    chip: Chip,
) -> &'static mut Node<'static, F429> {
    static NODE: StaticCell<Node<'static, F429>> = StaticCell::new();
    static RECEIVE: ConstStaticCell<[u8; SOCKET_BYTES]> = ConstStaticCell::new([0; SOCKET_BYTES]);
    static SEND: ConstStaticCell<[u8; SOCKET_BYTES]> = ConstStaticCell::new([0; SOCKET_BYTES]);
    let flash = Flash::new(chip.flash, Interrupts).into_regions();
    let bus = I2c::new(
        chip.i2c,
        chip.scl,
        chip.sda,
        chip.dma_out,
        chip.dma_in,
        Interrupts,
        I2cConfig::default(),
    );
    let mut random = Random(chip.random);
    let seed = u64::from(random.next_u32()) << 32 | u64::from(random.next_u32());
    let queue_at = SETTINGS_SECTORS * SECTOR_BYTES;
    let parts = Parts {
        flash: flash.bank2_region3,
        layout: Layout {
            settings: 0..queue_at,
            queue: queue_at..SECTORS * SECTOR_BYTES,
        },
        clock: Uptime,
        connector: Tcp::new(stack, settings.broker, RECEIVE.take(), SEND.take()),
        time: Sntp::new(stack, settings.time, seed),
        entropy: random,
        system: Board::start(chip.watchdog, chip.cause, chip.lamps, chip.converter),
        sensors: (Sht4x::new(bus, Delay),),
        journal: (),
    };
    let mut config = Config::new(settings.device);
    config.credentials = settings.credentials;
    match Node::start_in(NODE.uninit(), config, parts) {
        Ok(node) => node,
        Err(_) => panic!("the settings or the flash are refused"),
    }
}

/// The chip's random numbers.
pub struct Random(Rng<'static, RNG>);

impl Entropy for Random {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }
}

/// The watchdog, which nothing but a reset stops; the lamps; the supply.
pub struct Board {
    watchdog: IndependentWatchdog<'static, IWDG>,
    cause: ResetCause,
    lamps: [Output<'static>; 3],
    supply: Supply,
}

impl Board {
    fn start(
        watchdog: Peri<'static, IWDG>,
        cause: ResetCause,
        lamps: Lamps,
        converter: Peri<'static, ADC1>,
    ) -> Self {
        let mut watchdog = IndependentWatchdog::new(watchdog, PATIENCE_US);
        watchdog.unleash();
        let lamps = [
            Output::new(lamps.green, Level::Low, Speed::Low),
            Output::new(lamps.blue, Level::Low, Speed::Low),
            Output::new(lamps.red, Level::Low, Speed::Low),
        ];
        let supply = Supply::new(converter);
        Self {
            watchdog,
            cause,
            lamps,
            supply,
        }
    }
}

impl System for Board {
    fn feed_watchdog(&mut self) {
        self.watchdog.pet();
    }

    fn identify(&mut self, on: bool) {
        for lamp in &mut self.lamps {
            lamp.set_level(on.into());
        }
    }

    fn reset_cause(&mut self) -> ResetCause {
        self.cause
    }

    fn supply_mv(&mut self) -> Option<u32> {
        self.supply.millivolts()
    }
}

/// Reads why the board started and forgets it (RM0090, RCC_CSR). Several flags are set at once:
/// every reset also pulls the reset pin, and a brown-out looks like power that comes. A crash is a
/// software reset with a note.
pub fn take_reset_cause() -> ResetCause {
    let crashed = crash::take();
    let flags = pac::RCC.csr().read();
    pac::RCC.csr().modify(|register| register.set_rmvf(true));
    if flags.wdgrstf() || flags.wwdgrstf() {
        ResetCause::Watchdog
    } else if flags.sftrstf() && crashed {
        ResetCause::Panic
    } else if flags.sftrstf() {
        ResetCause::Software
    } else if flags.porrstf() {
        ResetCause::PowerOn
    } else if flags.borrstf() {
        ResetCause::BrownOut
    } else if flags.padrstf() {
        ResetCause::Pin
    } else {
        ResetCause::Unknown
    }
}
