//! ESP32-C3, or one of its relatives, with Wi-Fi: pins, radio, flash and `main`.
#![no_std]
#![no_main]

mod chip;
mod crash;
mod flash;
mod machine;
mod settings;
mod wifi;

use embassy_executor::Spawner;
use embassy_net::{Config, Runner, Stack, StackResources};
use esp_hal::{clock::CpuClock, ram, rng::Rng, timer::timg::TimerGroup};
use esp_radio::wifi::{Interface, WifiController};
use machine::Chip;
use nhip_embassy::Apart;
use nhip_node::Stop;
use settings::Settings;
use static_cell::StaticCell;

esp_bootloader_esp_idf::esp_app_desc!();

/// DHCP, DNS, the broker, the time server.
const SOCKETS: usize = 4;

#[embassy_executor::task]
async fn run_network(mut runner: Runner<'static, Interface>) -> ! {
    runner.run().await
}

/// Sets the chip up and runs the node.
#[esp_rtos::main]
async fn main(spawner: Spawner) -> ! {
    let crashed = crash::take();
    let board = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    // What the radio's own software allocates.
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: 64 * 1024);
    esp_alloc::heap_allocator!(size: 36 * 1024);
    let timers = TimerGroup::new(board.TIMG0);
    esp_rtos::start(timers.timer0, board.FROM_CPU_INTR0);
    let (sda, scl, lamp) = chip::board_pins!(board);
    let chip = Chip {
        crashed,
        lamp,
        watchdog: TimerGroup::new(board.TIMG1).wdt,
        flash: board.FLASH,
        i2c: board.I2C0,
        sda,
        scl,
    };
    let settings = Settings::built_in();
    let Ok(controller) = WifiController::new(board.WIFI, wifi::config(&settings)) else {
        panic!("the radio doesn't start");
    };
    let (stack, runner) = network();
    spawner.spawn(task(wifi::stay_joined(controller)));
    spawner.spawn(task(run_network(runner)));
    let node = machine::start(settings, stack, chip);
    match Apart::new(node.run()).await {
        Stop::Restart => esp_hal::system::software_reset(),
    }
}

fn network() -> (Stack<'static>, Runner<'static, Interface>) {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let random = Rng::new();
    embassy_net::new(
        Interface::station(),
        Config::dhcpv4(Default::default()),
        RESOURCES.init(StackResources::new()),
        u64::from(random.random()) << 32 | u64::from(random.random()),
    )
}

/// Each task is spawned once, so there is a place for it.
fn task<S, E: core::fmt::Debug>(token: Result<S, E>) -> S {
    match token {
        Ok(token) => token,
        Err(error) => panic!("{error:?}"),
    }
}
