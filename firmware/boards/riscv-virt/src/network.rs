//! virtio-net over MMIO as a network device for embassy-net.

use crate::memory::Pages;
use core::{
    cell::{Cell, RefCell},
    ptr::NonNull,
    task::{Context, Waker},
};
use critical_section::Mutex;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use nhip_emulator::registers::Register;
use virtio_drivers::{
    device::net::VirtIONetRaw,
    transport::{
        DeviceType, Transport,
        mmio::{MmioTransport, VirtIOHeader},
    },
};

/// Where the machine has places for devices, and how many (QEMU's `virt` machine).
const SLOTS: usize = 0x1000_1000;
const SLOT_BYTES: usize = 0x1000;
const SLOT_COUNT: usize = 8;

/// Largest Ethernet frame without its check sequence, bytes.
const FRAME_BYTES_MAX: usize = 1514;
/// A frame and the header that the device puts before it.
pub const BUFFER_BYTES: usize = 1536;
const QUEUE: usize = 4;
/// How many buffers wait for frames.
pub const INCOMING: usize = 2;

/// A buffer for a frame of the device's.
pub type Buffer = [u8; BUFFER_BYTES];

type Device = VirtIONetRaw<Pages, MmioTransport<'static>, QUEUE>;

static WAKER: Mutex<RefCell<Option<Waker>>> = Mutex::new(RefCell::new(None));
static SLOT: Mutex<Cell<usize>> = Mutex::new(Cell::new(SLOTS));

/// What the interrupt does: it acknowledges itself and wakes the network task.
pub fn on_interrupt() {
    critical_section::with(|cs| {
        let slot = SLOT.borrow(cs).get();
        // SAFETY: the interrupt registers of the slot that the device was found in.
        let (status, acknowledge) =
            unsafe { (Register::at(slot + 0x60), Register::at(slot + 0x64)) };
        acknowledge.write(status.read());
        if let Some(waker) = WAKER.borrow_ref_mut(cs).take() {
            waker.wake();
        }
    });
}

/// There is no network device.
#[derive(Clone, Copy, Debug)]
pub struct NotFound;

/// The device with its buffers.
pub struct Network {
    device: Device,
    interrupt: u32,
    waiting: [Waiting; INCOMING],
    incoming: [u8; BUFFER_BYTES],
    outgoing: [u8; BUFFER_BYTES],
}

/// A buffer that the device has, to put a frame in.
struct Waiting {
    token: u16,
    buffer: &'static mut Buffer,
}

impl Network {
    /// Finds the device and hands it buffers for what comes in.
    pub fn find(buffers: [&'static mut Buffer; INCOMING]) -> Result<Self, NotFound> {
        let (slot, mut device) = (0..SLOT_COUNT)
            .find_map(|slot| Some((slot, device_in(slot)?)))
            .ok_or(NotFound)?;
        critical_section::with(|cs| SLOT.borrow(cs).set(SLOTS + slot * SLOT_BYTES));
        let [first, second] = buffers;
        let waiting = [hand(&mut device, first)?, hand(&mut device, second)?];
        Ok(Self {
            device,
            interrupt: 1 + slot as u32,
            waiting,
            incoming: [0; BUFFER_BYTES],
            outgoing: [0; BUFFER_BYTES],
        })
    }

    /// The number of its interrupt.
    pub fn interrupt(&self) -> u32 {
        self.interrupt
    }

    /// Takes the next frame, if one has come, and gives its buffer back to the device.
    fn take(&mut self) -> Option<usize> {
        let token = self.device.poll_receive()?;
        let waiting = self.waiting.iter_mut().find(|one| one.token == token)?;
        // SAFETY: the buffer that this token was given for.
        let received = unsafe { self.device.receive_complete(token, waiting.buffer) };
        let mut length = 0;
        if let Ok((header, frame)) = received {
            length = frame.min(FRAME_BYTES_MAX);
            self.incoming[..length].copy_from_slice(&waiting.buffer[header..header + length]);
        }
        // SAFETY: nobody looks at the buffer before the device has given it back.
        waiting.token = unsafe { self.device.receive_begin(waiting.buffer) }.ok()?;
        Some(length)
    }
}

fn hand(device: &mut Device, buffer: &'static mut Buffer) -> Result<Waiting, NotFound> {
    // SAFETY: nobody looks at the buffer before the device has given it back.
    let token = unsafe { device.receive_begin(buffer) }.map_err(|_| NotFound)?;
    Ok(Waiting { token, buffer })
}

fn device_in(slot: usize) -> Option<Device> {
    let header = NonNull::new((SLOTS + slot * SLOT_BYTES) as *mut VirtIOHeader)?;
    // SAFETY: every slot of the machine has the registers of a device, if only of none.
    let transport = unsafe { MmioTransport::new(header, SLOT_BYTES) }.ok()?;
    (transport.device_type() == DeviceType::Network).then_some(())?;
    VirtIONetRaw::new(transport).ok()
}

impl Driver for Network {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        // First the waker, then the look: what comes between the two wakes.
        critical_section::with(|cs| *WAKER.borrow_ref_mut(cs) = Some(cx.waker().clone()));
        let length = self.take()?;
        let outgoing = Outgoing {
            device: &mut self.device,
            buffer: &mut self.outgoing,
        };
        Some((Incoming(&mut self.incoming[..length]), outgoing))
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<Outgoing<'_>> {
        Some(Outgoing {
            device: &mut self.device,
            buffer: &mut self.outgoing,
        })
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
        HardwareAddress::Ethernet(self.device.mac_address())
    }
}

/// A frame that has come.
pub struct Incoming<'a>(&'a mut [u8]);

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

/// Room for a frame to send.
pub struct Outgoing<'a> {
    device: &'a mut Device,
    buffer: &'a mut Buffer,
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let answer = fill(&mut self.buffer[..length]);
        // It waits until the device has the frame, which the emulator does at once. A frame
        // that is refused is lost, as on a cable.
        let _ = self.device.send(&self.buffer[..length]);
        answer
    }
}
