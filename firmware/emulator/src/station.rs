//! The node of an emulated board: the host's files around it, the board's own parts below it.

use crate::{
    arguments::{Arguments, LINE_BYTES_MAX},
    entropy::HostEntropy,
    exit,
    file::Refused,
    flash::{FileFlash, SECTOR_BYTES},
    instruments::{Counter, World},
    ledger::{Ledger, Line},
    settings::{NAME_BYTES_MAX, Settings},
    world::WorldClock,
};
use core::{cell::RefCell, marker::PhantomData, pin::pin};
use embassy_net::Stack;
use heapless::String;
use nhip_embassy::{Apart, Sntp, Tcp, Uptime};
use nhip_node::{
    Channel, Config, Entropy, Journal, LinkEvent, Node, Parts, Platform, Queued, ResetCause, Stop,
    System, flash::Layout,
};
use static_cell::{ConstStaticCell, StaticCell};

/// Sectors at the flash's beginning that keep the settings; the queue has the others.
const SETTINGS_SECTORS: usize = 2;
/// What came from the broker and wasn't read yet, bytes: a command and some answers.
const RECEIVE_BYTES: usize = 512;
/// What the broker's host has not acknowledged yet, bytes: a segment.
const SEND_BYTES: usize = 536;
/// The exit code when the emulator's command line isn't understood.
const EXIT_SETTINGS: u8 = 2;
/// The exit code when the node refuses to start.
const EXIT_START: u8 = 3;

/// What the emulated boards differ in.
pub trait Machine {
    /// Begins the watchdog's count anew.
    fn feed_watchdog(&mut self);

    /// Why it started.
    fn reset_cause(&mut self) -> ResetCause;

    /// The deepest that its stack has been, bytes, where it looks.
    fn peak_stack_bytes(&self) -> Option<usize>;

    /// Resets it.
    fn restart() -> !;
}

/// How much faster than the world's the device's clock runs: the argument `speed`.
pub fn speed() -> u32 {
    let mut line = [0; LINE_BYTES_MAX];
    let speed = Arguments::read(&mut line).and_then(|arguments| arguments.parse("speed"));
    speed.unwrap_or(1)
}

/// Runs the board's node, in memory of the caller's, until the emulator ends or the board is
/// reset; ends the emulator if the node can't start.
pub async fn run<M: Machine>(
    memory: &'static StaticCell<StationNode<M>>,
    stack: Stack<'static>,
    machine: M,
    seed: u64,
) -> ! {
    let node = start(memory, stack, machine, seed);
    match Apart::new(pin!(node.run())).await {
        Stop::Restart => M::restart(),
    }
}

// In a stack frame of its own, which is gone when the node runs.
#[inline(never)]
fn start<M: Machine>(
    memory: &'static StaticCell<StationNode<M>>,
    stack: Stack<'static>,
    machine: M,
    seed: u64,
) -> &'static mut StationNode<M> {
    static DEVICE: StaticCell<String<NAME_BYTES_MAX>> = StaticCell::new();
    let mut line = [0; LINE_BYTES_MAX];
    let Some(settings) = Arguments::read(&mut line).and_then(Settings::from) else {
        exit(EXIT_SETTINGS)
    };
    let mut config = Config::new(DEVICE.init(settings.device.clone()));
    config.batch_readings = settings.batch_readings.unwrap_or(config.batch_readings);
    config.batch_age_s = settings.batch_age_s.unwrap_or(config.batch_age_s);
    config.keep_alive_s = settings.keep_alive_s.unwrap_or(config.keep_alive_s);
    let Ok(parts) = parts(&settings, stack, machine, seed) else {
        exit(EXIT_SETTINGS)
    };
    match Node::start_in(memory.uninit(), config, parts) {
        Ok(node) => node,
        Err(_) => exit(EXIT_START),
    }
}

/// The node of an emulated board.
pub type StationNode<M> = Node<'static, Station<M>>;

/// The parts of an emulated board, as the node knows them.
pub struct Station<M>(PhantomData<M>);

impl<M: Machine> Platform for Station<M> {
    type Flash = FileFlash;
    type Clock = Uptime;
    type Connector = Tcp<'static>;
    type Time = Sntp<'static>;
    type Entropy = HostEntropy;
    type System = Observed<M>;
    type Sensors = (Counter<'static>, Counter<'static>);
    type Journal = Diary;
}

fn parts<M: Machine>(
    settings: &Settings<'_>,
    stack: Stack<'static>,
    machine: M,
    seed: u64,
) -> Result<Parts<Station<M>>, Refused> {
    static WORLD: StaticCell<RefCell<World>> = StaticCell::new();
    static RECEIVE: ConstStaticCell<[u8; RECEIVE_BYTES]> = ConstStaticCell::new([0; RECEIVE_BYTES]);
    static SEND: ConstStaticCell<[u8; SEND_BYTES]> = ConstStaticCell::new([0; SEND_BYTES]);
    let world = &*WORLD.init(RefCell::new(World {
        ledger: Ledger::open(settings.ledger)?,
        clock: WorldClock::open()?,
    }));
    let flash = FileFlash::open(
        settings.flash,
        settings.flash_bytes,
        settings.cut_after,
        settings.noise,
    )?;
    let queue_at = (SETTINGS_SECTORS * SECTOR_BYTES) as u32;
    Ok(Parts {
        flash,
        layout: Layout {
            settings: 0..queue_at,
            queue: queue_at..settings.flash_bytes as u32,
        },
        clock: Uptime,
        connector: Tcp::new(stack, settings.broker.clone(), RECEIVE.take(), SEND.take()),
        time: Sntp::new(stack, settings.time.clone(), seed),
        entropy: HostEntropy::open()?,
        system: Observed {
            machine,
            world,
            peak_bytes: 0,
        },
        sensors: (
            Counter::count(world, settings.count_period_s),
            Counter::level(world),
        ),
        journal: Diary { world },
    })
}

impl Entropy for HostEntropy {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        // The host's kernel always has more.
        let _ = self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }
}

/// The machine, and a look at its stack now and then.
pub struct Observed<M> {
    machine: M,
    world: &'static RefCell<World>,
    peak_bytes: usize,
}

impl<M: Machine> Observed<M> {
    fn tell(&self, line: &Line) {
        // A ledger that is full fails the test that looks for the line.
        let _ = self.world.borrow_mut().ledger.add(line);
    }
}

impl<M: Machine> System for Observed<M> {
    fn feed_watchdog(&mut self) {
        self.machine.feed_watchdog();
        let peak_bytes = self.machine.peak_stack_bytes().unwrap_or(0);
        if peak_bytes > self.peak_bytes {
            self.peak_bytes = peak_bytes;
            self.tell(Line::about("stack").number(peak_bytes as i64));
        }
    }

    fn identify(&mut self, on: bool) {
        self.tell(Line::about("identify").number(on.into()));
    }

    fn reset_cause(&mut self) -> ResetCause {
        self.machine.reset_cause()
    }
}

/// Writes into the ledger what becomes of readings.
pub struct Diary {
    world: &'static RefCell<World>,
}

impl Journal for Diary {
    fn queued(&mut self, queued: &Queued, channel: &Channel) {
        let mut line = Line::about("queued");
        line.number(queued.boot.into())
            .number(queued.seq as i64)
            .word(channel.name)
            .number(queued.reading.value.scaled.into())
            .number(channel.decimals.into())
            .number(queued.reading.value.quality.code().into());
        let _ = self.world.borrow_mut().ledger.add(&line);
    }

    fn link(&mut self, event: LinkEvent) {
        if event == LinkEvent::Connected {
            let _ = self
                .world
                .borrow_mut()
                .ledger
                .add(&Line::about("connected"));
        }
    }
}
