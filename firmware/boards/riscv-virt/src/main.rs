//! RV32IMC with virtio-net, as QEMU emulates it: pins, network, flash and `main`.
#![no_std]
#![no_main]

mod interrupts;
mod machine;
mod memory;
mod network;
mod time;

use embassy_executor::Spawner;
use embassy_net::{Config, Runner, Stack, StackResources};
use machine::Virt;
use network::{BUFFER_BYTES, Buffer, INCOMING, Network};
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
async fn run_network(mut runner: Runner<'static, Network>) -> ! {
    runner.run().await
}

/// Sets the board up and runs the node.
#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    time::start(speed());
    let Ok(seed) = seed() else { exit(EXIT_BOARD) };
    let (stack, runner) = network(seed);
    match run_network(runner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => exit(EXIT_BOARD),
    }
    static NODE: StaticCell<StationNode<Virt>> = StaticCell::new();
    run(&NODE, stack, Virt::start(), seed).await
}

// In a stack frame of its own, which is gone when the node runs.
#[inline(never)]
fn network(seed: u64) -> (Stack<'static>, Runner<'static, Network>) {
    static BUFFERS: ConstStaticCell<[Buffer; INCOMING]> =
        ConstStaticCell::new([[0; BUFFER_BYTES]; INCOMING]);
    static RESOURCES: ConstStaticCell<StackResources<SOCKETS>> =
        ConstStaticCell::new(StackResources::new());
    let Ok(network) = Network::find(BUFFERS.take().each_mut()) else {
        exit(EXIT_BOARD)
    };
    interrupts::enable(network.interrupt());
    let config = Config::dhcpv4(Default::default());
    embassy_net::new(network, config, RESOURCES.take(), seed)
}
