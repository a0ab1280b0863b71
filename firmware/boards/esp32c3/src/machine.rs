//! The chip's parts, as the node knows them.

use crate::{chip, flash, settings::Settings, wifi};
use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_net::Stack;
use embassy_time::Delay;
use esp_hal::{
    Async,
    gpio::{Level, Output, OutputConfig},
    i2c::master::{Config as I2cConfig, I2c},
    peripherals::{FLASH, I2C0, TIMG1},
    rng::Rng,
    time::Duration,
    timer::timg::{MwdtStage, Wdt},
};
use esp_storage::FlashStorage;
use nhip_embassy::{Sntp, Tcp, Uptime};
use nhip_node::{
    Config, Entropy, Node, Parts, Platform, ResetCause, System, flash::Layout,
    sensors::sht4x::Sht4x,
};
use static_cell::{ConstStaticCell, StaticCell};

/// The watchdog bites after so long; erasing flash and joining Wi-Fi stay below it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Buffers of the connection to the broker, bytes.
const SOCKET_BYTES: usize = 2048;
/// Sectors at the partition's beginning that keep the settings; the queue has the others.
const SETTINGS_BYTES: u32 = 2 * 4096;

/// This board, as the node knows it.
pub struct Esp;

impl Platform for Esp {
    type Flash = BlockingAsync<FlashStorage<'static>>;
    type Clock = Uptime;
    type Connector = Tcp<'static>;
    type Time = Sntp<'static>;
    type Entropy = Random;
    type System = Board;
    type Sensors = (Sht4x<I2c<'static, Async>, Delay>,);
    type Journal = ();
}

/// The parts of the chip that the node uses, not set up.
pub struct Chip {
    /// Whether the firmware crashed before this start.
    pub crashed: bool,
    pub lamp: chip::Lamp,
    pub watchdog: Wdt<TIMG1<'static>>,
    pub flash: FLASH<'static>,
    pub i2c: I2C0<'static>,
    pub sda: chip::Sda,
    pub scl: chip::Scl,
}

/// Sets them up and makes the node of them. Without its partition of the flash, or with settings
/// that the node refuses, the board can't do anything, and panics.
// In a stack frame of its own, which is gone when the node runs.
#[inline(never)]
pub fn start(
    settings: Settings,
    stack: Stack<'static>,
    chip: Chip,
) -> &'static mut Node<'static, Esp> {
    static NODE: StaticCell<Node<'static, Esp>> = StaticCell::new();
    static RECEIVE: ConstStaticCell<[u8; SOCKET_BYTES]> = ConstStaticCell::new([0; SOCKET_BYTES]);
    static SEND: ConstStaticCell<[u8; SOCKET_BYTES]> = ConstStaticCell::new([0; SOCKET_BYTES]);
    let Some(partition) = flash::partition(FlashStorage::new(chip.flash)) else {
        panic!("partitions.csv was not flashed");
    };
    let Ok(bus) = I2c::new(chip.i2c, I2cConfig::default()) else {
        panic!("the default is a valid configuration");
    };
    let bus = bus.with_sda(chip.sda).with_scl(chip.scl).into_async();
    let queue_at = partition.start + SETTINGS_BYTES;
    let mut random = Random(Rng::new());
    let seed = u64::from(random.next_u32()) << 32 | u64::from(random.next_u32());
    let parts = Parts {
        flash: partition.flash,
        layout: Layout {
            settings: partition.start..queue_at,
            queue: queue_at..partition.end,
        },
        clock: Uptime,
        connector: Tcp::new(stack, settings.broker, RECEIVE.take(), SEND.take()),
        time: Sntp::new(stack, settings.time, seed),
        entropy: random,
        system: Board::start(chip.watchdog, chip.lamp, chip.crashed),
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

/// The chip's random numbers, fed by the radio's noise.
pub struct Random(Rng);

impl Entropy for Random {
    fn next_u32(&mut self) -> u32 {
        self.0.random()
    }
}

/// The watchdog, the lamp, the radio's signal. These chips can't measure their own supply: there is
/// no `supply_mv`.
pub struct Board {
    watchdog: Wdt<TIMG1<'static>>,
    lamp: Output<'static>,
    crashed: bool,
}

impl Board {
    fn start(mut watchdog: Wdt<TIMG1<'static>>, lamp: chip::Lamp, crashed: bool) -> Self {
        watchdog.set_timeout(MwdtStage::Stage0, PATIENCE);
        watchdog.enable();
        let lamp = Output::new(lamp, Level::Low, OutputConfig::default());
        Self {
            watchdog,
            lamp,
            crashed,
        }
    }
}

impl System for Board {
    fn feed_watchdog(&mut self) {
        self.watchdog.feed();
    }

    fn identify(&mut self, on: bool) {
        self.lamp.set_level(on.into());
    }

    fn reset_cause(&mut self) -> ResetCause {
        chip::reset_cause(self.crashed)
    }

    fn signal_dbm(&mut self) -> Option<i32> {
        wifi::signal_dbm()
    }
}
