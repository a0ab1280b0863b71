//! Cortex-M3 with LAN9118 Ethernet, as QEMU emulates it: pins, network, flash and `main`.
#![no_std]
#![no_main]

mod lan9118;
mod machine;
mod stack;
mod time;
mod vectors;

use embassy_executor::Spawner;
use embassy_net::{Config, Runner, Stack, StackResources};
use lan9118::Lan9118;
use machine::Mps2;
use nhip_emulator::{
    entropy::seed,
    exit,
    station::{StationNode, run, speed},
};
use static_cell::{ConstStaticCell, StaticCell};

/// The exit code when a part of the board isn't there.
const EXIT_BOARD: u8 = 4;
/// DHCP, the broker, the time server.
const SOCKETS: usize = 3;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    nhip_emulator::panic::report(info);
    machine::restart_after_panic()
}

#[embassy_executor::task]
async fn run_network(mut runner: Runner<'static, &'static mut Lan9118>) -> ! {
    runner.run().await
}

/// Sets the board up and runs the node.
#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    stack::paint();
    let (Some(processor), Ok(seed)) = (cortex_m::Peripherals::take(), seed()) else {
        exit(EXIT_BOARD)
    };
    time::start(processor.SYST, speed());
    let (stack, runner) = network(seed);
    match run_network(runner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => exit(EXIT_BOARD),
    }
    static NODE: StaticCell<StationNode<Mps2>> = StaticCell::new();
    run(&NODE, stack, Mps2::start(), seed).await
}

// In a stack frame of its own, which is gone when the node runs.
#[inline(never)]
fn network(seed: u64) -> (Stack<'static>, Runner<'static, &'static mut Lan9118>) {
    static ETHERNET: ConstStaticCell<Lan9118> = ConstStaticCell::new(Lan9118::new());
    static RESOURCES: ConstStaticCell<StackResources<SOCKETS>> =
        ConstStaticCell::new(StackResources::new());
    let ethernet = ETHERNET.take();
    if ethernet.start().is_err() {
        exit(EXIT_BOARD);
    }
    vectors::enable();
    let config = Config::dhcpv4(Default::default());
    embassy_net::new(ethernet, config, RESOURCES.take(), seed)
}
