//! Ethernet by RMII, as the Nucleo-144 is wired (UM1974, Ethernet).

use crate::Interrupts;
use embassy_net::{Config, Runner, Stack, StackResources};
use embassy_stm32::{
    Peri,
    eth::{Ethernet, GenericPhy, PacketQueue, Sma},
    peripherals::{ETH, ETH_SMA, PA1, PA2, PA7, PB13, PC1, PC4, PC5, PG11, PG13},
    uid,
};
use static_cell::StaticCell;

/// DHCP, DNS, the broker, the time server.
const SOCKETS: usize = 4;
/// Frames that wait in each direction.
const FRAMES: usize = 4;

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

/// The controller and its pins.
pub struct Ports {
    pub ethernet: Peri<'static, ETH>,
    pub management: Peri<'static, ETH_SMA>,
    pub ref_clk: Peri<'static, PA1>,
    pub mdio: Peri<'static, PA2>,
    pub crs: Peri<'static, PA7>,
    pub tx_d1: Peri<'static, PB13>,
    pub mdc: Peri<'static, PC1>,
    pub rx_d0: Peri<'static, PC4>,
    pub rx_d1: Peri<'static, PC5>,
    pub tx_en: Peri<'static, PG11>,
    pub tx_d0: Peri<'static, PG13>,
}

/// Starts the controller and a network stack on it.
pub fn start(ports: Ports, seed: u64) -> (Stack<'static>, Runner<'static, Device>) {
    static PACKETS: StaticCell<PacketQueue<FRAMES, FRAMES>> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let device = Ethernet::new(
        PACKETS.init_with(PacketQueue::new),
        ports.ethernet,
        Interrupts,
        ports.ref_clk,
        ports.crs,
        ports.rx_d0,
        ports.rx_d1,
        ports.tx_d0,
        ports.tx_d1,
        ports.tx_en,
        address(uid::uid()),
        ports.management,
        ports.mdio,
        ports.mdc,
    );
    embassy_net::new(
        device,
        Config::dhcpv4(Default::default()),
        RESOURCES.init(StackResources::new()),
        seed,
    )
}

/// An address of its own, for the board has none: locally administered, from the chip's number
/// by FNV-1a.
fn address(chip: [u8; 12]) -> [u8; 6] {
    let hash = chip.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let [a, b, c, d, e, ..] = hash.to_le_bytes();
    [0x02, a, b, c, d, e]
}

/// Carries packets for ever.
#[embassy_executor::task]
pub async fn run(mut runner: Runner<'static, Device>) -> ! {
    runner.run().await
}
