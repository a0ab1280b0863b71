//! STM32F429ZI (Nucleo-144) with Ethernet: pins, network, flash and `main`.
#![no_std]
#![no_main]

mod clocks;
mod crash;
mod machine;
mod network;
mod settings;
mod supply;

use embassy_executor::Spawner;
use embassy_stm32::{
    bind_interrupts, dma, eth, flash, i2c,
    peripherals::{DMA1_CH0, DMA1_CH6, I2C1, RNG},
    rng::{self, Rng},
};
use machine::{Chip, Lamps};
use nhip_embassy::Apart;
use nhip_node::Stop;
use settings::Settings;

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    FLASH => flash::InterruptHandler;
    HASH_RNG => rng::InterruptHandler<RNG>;
    I2C1_EV => i2c::EventInterruptHandler<I2C1>;
    I2C1_ER => i2c::ErrorInterruptHandler<I2C1>;
    DMA1_STREAM0 => dma::InterruptHandler<DMA1_CH0>;
    DMA1_STREAM6 => dma::InterruptHandler<DMA1_CH6>;
});

/// Sets the board up and runs the node.
#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    // The flags say why it started until they are cleared.
    let cause = machine::take_reset_cause();
    let board = embassy_stm32::init(clocks::config());
    let mut random = Rng::new(board.RNG, Interrupts);
    let ports = network::Ports {
        ethernet: board.ETH,
        management: board.ETH_SMA,
        ref_clk: board.PA1,
        mdio: board.PA2,
        crs: board.PA7,
        tx_d1: board.PB13,
        mdc: board.PC1,
        rx_d0: board.PC4,
        rx_d1: board.PC5,
        tx_en: board.PG11,
        tx_d0: board.PG13,
    };
    let (stack, runner) = network::start(ports, random.next_u64());
    match network::run(runner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => panic!("a task is spawned once"),
    }
    let chip = Chip {
        cause,
        random,
        watchdog: board.IWDG,
        lamps: Lamps {
            green: board.PB0,
            blue: board.PB7,
            red: board.PB14,
        },
        converter: board.ADC1,
        flash: board.FLASH,
        i2c: board.I2C1,
        scl: board.PB8,
        sda: board.PB9,
        dma_out: board.DMA1_CH6,
        dma_in: board.DMA1_CH0,
    };
    let node = machine::start(Settings::built_in(), stack, chip);
    match Apart::new(node.run()).await {
        Stop::Restart => cortex_m::peripheral::SCB::sys_reset(),
    }
}
