//! The SMSC LAN9118 Ethernet controller as a network device for embassy-net.
//!
//! Frames go through its FIFOs by the processor (no DMA). One interrupt says that a frame has
//! come; it is masked until the network task has emptied the FIFO. Register and bit names are
//! those of the data sheet (SMSC LAN9118, revision 1.5).

use core::{
    cell::RefCell,
    task::{Context, Waker},
};
use critical_section::Mutex;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use nhip_emulator::registers::Register;

/// Its interrupt.
pub const INTERRUPT: u16 = 13;
/// Largest Ethernet frame without its check sequence, bytes: what every host of the internet must
/// take (RFC 791) and DHCP needs, 576 bytes, behind the Ethernet header. TCP makes its segments so
/// that they fit, and longer frames are none of the device's.
pub const FRAME_BYTES_MAX: usize = 576 + 14;

const CHECK_SEQUENCE_BYTES: usize = 4;
const BUFFER_BYTES: usize = (FRAME_BYTES_MAX + CHECK_SEQUENCE_BYTES).next_multiple_of(4);

const fn register(offset: usize) -> Register {
    // SAFETY: the controller's registers begin here (AN385, memory map) and reach to 0xff.
    unsafe { Register::at(0x4020_0000 + offset) }
}

const RX_DATA_FIFO: Register = register(0x00);
const TX_DATA_FIFO: Register = register(0x20);
const RX_STATUS_FIFO: Register = register(0x40);
const TX_STATUS_FIFO: Register = register(0x48);
const IRQ_CFG: Register = register(0x54);
const INT_STS: Register = register(0x58);
const INT_EN: Register = register(0x5c);
const BYTE_TEST: Register = register(0x64);
const FIFO_INT: Register = register(0x68);
const TX_CFG: Register = register(0x70);
const HW_CFG: Register = register(0x74);
const RX_FIFO_INF: Register = register(0x7c);
const TX_FIFO_INF: Register = register(0x80);
const MAC_CSR_CMD: Register = register(0xa4);
const MAC_CSR_DATA: Register = register(0xa8);

const BYTE_ORDER: u32 = 0x8765_4321;
const INT_RSFL: u32 = 1 << 3;
const IRQ_ENABLED: u32 = 1 << 8;
const IRQ_ACTIVE_HIGH: u32 = 1 << 4;
const IRQ_PUSH_PULL: u32 = 1;
const HW_SOFT_RESET: u32 = 1;
const HW_MUST_BE_ONE: u32 = 1 << 20;
const HW_TX_FIFO_5_KB: u32 = 5 << 16;
const TX_ON: u32 = 1 << 1;
const TX_FIRST_SEGMENT: u32 = 1 << 13;
const TX_LAST_SEGMENT: u32 = 1 << 12;
const RX_ERROR: u32 = 1 << 15;
const CSR_BUSY: u32 = 1 << 31;
const CSR_READ: u32 = 1 << 30;

const MAC_CR: u32 = 1;
const MAC_CR_FULL_DUPLEX: u32 = 1 << 20;
const MAC_CR_TRANSMIT: u32 = 1 << 3;
const MAC_CR_RECEIVE: u32 = 1 << 2;
const ADDRESS_HIGH: u32 = 2;
const ADDRESS_LOW: u32 = 3;

static WAKER: Mutex<RefCell<Option<Waker>>> = Mutex::new(RefCell::new(None));

/// What the interrupt does: it masks itself and wakes the network task, which unmasks it again.
pub fn on_interrupt() {
    INT_EN.write(0);
    INT_STS.write(INT_RSFL);
    if let Some(waker) = critical_section::with(|cs| WAKER.borrow_ref_mut(cs).take()) {
        waker.wake();
    }
}

/// There is no such controller.
#[derive(Clone, Copy, Debug)]
pub struct NotFound;

/// The controller and a buffer for a frame of each direction.
pub struct Lan9118 {
    address: [u8; 6],
    incoming: [u8; BUFFER_BYTES],
    outgoing: [u8; BUFFER_BYTES],
}

impl Lan9118 {
    /// The controller before [`Self::start`].
    pub const fn new() -> Self {
        Self {
            address: [0; 6],
            incoming: [0; BUFFER_BYTES],
            outgoing: [0; BUFFER_BYTES],
        }
    }

    /// Resets it and makes it receive and send.
    pub fn start(&mut self) -> Result<(), NotFound> {
        if BYTE_TEST.read() != BYTE_ORDER {
            return Err(NotFound);
        }
        HW_CFG.write(HW_SOFT_RESET);
        while HW_CFG.read() & HW_SOFT_RESET != 0 {}
        HW_CFG.write(HW_MUST_BE_ONE | HW_TX_FIFO_5_KB);
        self.address[..4].copy_from_slice(&mac_read(ADDRESS_LOW).to_le_bytes());
        self.address[4..].copy_from_slice(&mac_read(ADDRESS_HIGH).to_le_bytes()[..2]);
        // Level 0: a single frame is enough for the interrupt.
        FIFO_INT.write(0);
        IRQ_CFG.write(IRQ_ENABLED | IRQ_ACTIVE_HIGH | IRQ_PUSH_PULL);
        INT_STS.write(u32::MAX);
        TX_CFG.write(TX_ON);
        mac_write(
            MAC_CR,
            MAC_CR_FULL_DUPLEX | MAC_CR_TRANSMIT | MAC_CR_RECEIVE,
        );
        INT_EN.write(INT_RSFL);
        Ok(())
    }

    fn frame_waits() -> bool {
        RX_FIFO_INF.read() >> 16 & 0xff != 0
    }

    fn has_room() -> bool {
        // The status of what was sent must be taken out, or sending stops when it is full.
        while TX_FIFO_INF.read() >> 16 & 0xff != 0 {
            TX_STATUS_FIFO.read();
        }
        (TX_FIFO_INF.read() & 0xffff) as usize >= BUFFER_BYTES + 8
    }

    fn wake_at_next_frame(cx: &mut Context<'_>) {
        critical_section::with(|cs| *WAKER.borrow_ref_mut(cs) = Some(cx.waker().clone()));
        INT_EN.write(INT_RSFL);
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        if !Self::frame_waits() {
            Self::wake_at_next_frame(cx);
            // It may have come between the two.
            if !Self::frame_waits() {
                return None;
            }
        }
        let outgoing = Outgoing::given(Self::has_room(), cx, &mut self.outgoing)?;
        Some((Incoming(&mut self.incoming), outgoing))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Outgoing<'_>> {
        Outgoing::given(Self::has_room(), cx, &mut self.outgoing)
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that waits in the receive FIFO.
pub struct Incoming<'a>(&'a mut [u8; BUFFER_BYTES]);

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, take: F) -> R {
        let status = RX_STATUS_FIFO.read();
        let length = (status >> 16 & 0x3fff) as usize;
        // Every word must leave the FIFO, also those that there is no place for.
        for at in 0..length.div_ceil(4) {
            let word = RX_DATA_FIFO.read().to_le_bytes();
            if let Some(place) = self.0.get_mut(at * 4..at * 4 + 4) {
                place.copy_from_slice(&word);
            }
        }
        let whole = status & RX_ERROR == 0 && length <= BUFFER_BYTES;
        let frame = length.saturating_sub(CHECK_SEQUENCE_BYTES);
        // An empty frame is one that the network stack passes over.
        take(&mut self.0[..if whole { frame } else { 0 }])
    }
}

/// Room for a frame in the transmit FIFO.
pub struct Outgoing<'a>(&'a mut [u8; BUFFER_BYTES]);

impl<'a> Outgoing<'a> {
    fn given(room: bool, cx: &mut Context<'_>, buffer: &'a mut [u8; BUFFER_BYTES]) -> Option<Self> {
        if !room {
            // There is no interrupt for room: ask again. It is there within a frame's time.
            cx.waker().wake_by_ref();
        }
        room.then_some(Self(buffer))
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let answer = fill(&mut self.0[..length]);
        TX_DATA_FIFO.write(TX_FIRST_SEGMENT | TX_LAST_SEGMENT | length as u32);
        TX_DATA_FIFO.write(length as u32);
        let (words, _) = self.0[..length.next_multiple_of(4)].as_chunks::<4>();
        for word in words {
            TX_DATA_FIFO.write(u32::from_le_bytes(*word));
        }
        answer
    }
}

fn mac_wait() {
    while MAC_CSR_CMD.read() & CSR_BUSY != 0 {}
}

fn mac_read(index: u32) -> u32 {
    mac_wait();
    MAC_CSR_CMD.write(CSR_BUSY | CSR_READ | index);
    mac_wait();
    MAC_CSR_DATA.read()
}

fn mac_write(index: u32, value: u32) {
    mac_wait();
    MAC_CSR_DATA.write(value);
    MAC_CSR_CMD.write(CSR_BUSY | index);
    mac_wait();
}
