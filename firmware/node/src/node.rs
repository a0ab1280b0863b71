//! The node: everything put together.

use crate::{
    FEED_EVERY_US, SYNC_CONFIRM_US, SYNC_DOUBT_US, SYNC_EVERY_US, SYNC_PACE_MAX_US,
    SYNC_PACE_MIN_US, SYNC_RETRY_US, SYNC_TIMEOUT_US,
    command::{self, Commands},
    config::{Config, ConfigError},
    flash::{Key, Layout, MountError, Places, Store},
    health::HEALTH_CHANNELS,
    link::{Link, PAYLOAD_BYTES_MAX},
    platform::{Clock, Entropy, Platform, System, TimeSource, UnixTime, Unwelcome},
    reading::{CHANNELS_MAX, UNIT_BYTES_MAX},
    sampler::Sampler,
    schedule::Schedule,
    sensor::{SENSOR_CHANNELS_MAX, SENSORS_MAX, Sensors},
    shared::{Channels, Shared},
    threshold::Thresholds,
    time::{Setting, Timekeeper},
    topics::Topics,
};
use core::{
    cell::{Cell, RefCell},
    fmt,
    mem::MaybeUninit,
    pin::pin,
};
use embassy_futures::select::{Either3, select3};
use embassy_sync::signal::Signal;
use embedded_storage_async::nor_flash::ErrorType;
use heapless::{Deque, Vec};
use nhip_wire::name;

/// Most bytes of a packet from the broker: a command, its topic and its properties.
pub const RECEIVE_BYTES: usize = 384;
/// Room for the packets that wait for their PUBACK, and for the next CONNECT.
pub const TRANSMIT_BYTES: usize = 1536;
/// For how long the broker keeps the session of a device that is away, s.
pub const SESSION_EXPIRY_S: u32 = 86_400;

/// What a board gives to a node.
pub struct Parts<P: Platform> {
    /// The flash.
    pub flash: P::Flash,
    /// Which parts of it are the node's.
    pub layout: Layout,
    /// The clock.
    pub clock: P::Clock,
    /// The way to the broker.
    pub connector: P::Connector,
    /// Where the time of day comes from.
    pub time: P::Time,
    /// Randomness.
    pub entropy: P::Entropy,
    /// The board itself.
    pub system: P::System,
    /// The instruments.
    pub sensors: P::Sensors,
    /// Who is told what became of each reading.
    pub journal: P::Journal,
}

/// Why a node can't start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError<E> {
    /// The configuration or the instruments are refused.
    Config(ConfigError),
    /// The flash can't be used.
    Flash(MountError<E>),
}

impl<E: fmt::Debug> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Flash(error) => write!(f, "{error}"),
        }
    }
}

/// Why [`Node::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A command asks for a restart: the board resets.
    Restart,
}

/// A device's whole behaviour.
pub struct Node<'c, P: Platform> {
    config: Config<'c>,
    store: RefCell<Store<P::Flash>>,
    clock: P::Clock,
    connector: P::Connector,
    source: P::Time,
    entropy: P::Entropy,
    system: RefCell<P::System>,
    sensors: P::Sensors,
    journal: RefCell<P::Journal>,
    channels: Channels,
    sensor_of: Vec<u8, CHANNELS_MAX>,
    schedule: RefCell<Schedule>,
    thresholds: RefCell<Thresholds>,
    time: RefCell<Timekeeper>,
    topics: Topics,
    receive: [u8; RECEIVE_BYTES],
    transmit: [u8; TRANSMIT_BYTES],
    payload: [u8; PAYLOAD_BYTES_MAX],
}

type Flaw<P> = StartError<<<P as Platform>::Flash as ErrorType>::Error>;

impl<'c, P: Platform> Node<'c, P> {
    /// Counts the boot and finds what the queue holds.
    pub fn start(config: Config<'c>, parts: Parts<P>) -> Result<Self, Flaw<P>> {
        let places = places::<P>(&parts.layout)?;
        let mut node = Self::new(config, parts, places);
        node.begin()?;
        Ok(node)
    }

    /// As [`Self::start`], in memory of the caller's: a stack needs no room for a node.
    pub fn start_in<'m>(
        memory: &'m mut MaybeUninit<Self>,
        config: Config<'c>,
        parts: Parts<P>,
    ) -> Result<&'m mut Self, Flaw<P>> {
        let places = places::<P>(&parts.layout)?;
        let node = memory.write(Self::new(config, parts, places));
        node.begin()?;
        Ok(node)
    }

    #[inline(always)]
    fn new(config: Config<'c>, parts: Parts<P>, places: Places) -> Self {
        Self {
            config,
            store: RefCell::new(Store::new(parts.flash, places)),
            clock: parts.clock,
            connector: parts.connector,
            source: parts.time,
            entropy: parts.entropy,
            system: RefCell::new(parts.system),
            sensors: parts.sensors,
            journal: RefCell::new(parts.journal),
            channels: Vec::new(),
            sensor_of: Vec::new(),
            schedule: RefCell::new(Schedule::new()),
            thresholds: RefCell::new(Thresholds::new()),
            time: RefCell::new(Timekeeper::new()),
            topics: Topics::new(),
            receive: [0; RECEIVE_BYTES],
            transmit: [0; TRANSMIT_BYTES],
            payload: [0; PAYLOAD_BYTES_MAX],
        }
    }

    fn begin(&mut self) -> Result<(), Flaw<P>> {
        self.config.check().map_err(StartError::Config)?;
        self.fill_table().map_err(StartError::Config)?;
        self.topics
            .fill(self.config.device)
            .ok_or(StartError::Config(ConfigError::Device(
                name::NameError::TooLong,
            )))?;
        let jitter_us = u64::from(self.config.sample_jitter_ms) * 1000;
        let jitter_us = u64::from(self.entropy.next_u32()) % (jitter_us + 1);
        let schedule = self.schedule.get_mut();
        schedule.delay(jitter_us);
        for sensor in 0..self.sensors.count() {
            schedule.push(self.sensors.period_s(sensor));
        }
        schedule.push(self.config.health_period_s);
        let entropy = self.entropy.next_u32();
        let store = self.store.get_mut();
        store
            .begin(&self.channels, entropy)
            .map_err(StartError::Flash)
    }

    /// The device's channels, and which instrument each belongs to.
    fn fill_table(&mut self) -> Result<(), ConfigError> {
        let count = self.sensors.count();
        if count > SENSORS_MAX {
            return Err(ConfigError::Sensors);
        }
        for sensor in 0..=count {
            let of = match sensor == count {
                true => &HEALTH_CHANNELS,
                false => self.sensors.channels(sensor),
            };
            if of.len() > SENSOR_CHANNELS_MAX {
                return Err(ConfigError::Sensors);
            }
            for channel in of {
                // What commands set is kept under a channel's hash: of two one would be mistaken.
                let of = command::hash(channel.name);
                let mut known = self.channels.iter();
                let twice = known.any(|known| command::hash(known.name) == of);
                let long = channel.unit.is_some_and(|unit| unit.len() > UNIT_BYTES_MAX);
                if twice || long || !name::is_name(channel.name) || channel.decimals > 9 {
                    return Err(ConfigError::Channel(channel.name));
                }
                let placed = self.channels.push(*channel).is_ok();
                if !placed || self.sensor_of.push(sensor as u8).is_err() {
                    return Err(ConfigError::Sensors);
                }
            }
        }
        Ok(())
    }

    /// The present boot's number.
    pub fn boot(&mut self) -> u32 {
        self.store.get_mut().boot()
    }

    /// The queue and the settings, while the node doesn't run.
    pub fn store(&mut self) -> &mut Store<P::Flash> {
        self.store.get_mut()
    }

    /// Measures, keeps and publishes until a command asks for a restart.
    pub async fn run(&mut self) -> Stop {
        let mut commands = Commands::load(self.store.get_mut());
        let unsent = self.store.get_mut().unsent() > 0;
        let proven_s = self.store.get_mut().load(Key::Clock);
        let proven_s = proven_s.and_then(|mut from| from.varint());
        let proven_s = proven_s.and_then(|s| u32::try_from(s).ok()).unwrap_or(0);
        self.time
            .get_mut()
            .expect(self.config.not_before_s, proven_s);
        let half_age_ms = self.config.batch_age_s * 500;
        let spread_ms = self.entropy.next_u32() % (self.config.send_jitter_ms.min(half_age_ms) + 1);
        let spread_us = u64::from(spread_ms) * 1000;
        let shared = Shared::<P> {
            config: &self.config,
            channels: &self.channels,
            clock: &self.clock,
            store: &self.store,
            time: &self.time,
            journal: &self.journal,
            system: &self.system,
            schedule: &self.schedule,
            thresholds: &self.thresholds,
            wake_link: Signal::new(),
            wake_sampler: Signal::new(),
            unsent_since: Cell::new(unsent.then_some(0)),
            urgent: Cell::new(false),
            resettle: Cell::new(false),
            anew: Cell::new(false),
            undated_at_us: Cell::new(u64::MAX),
            settled_at_us: Cell::new(None),
            restart_asked_us: Cell::new(None),
            spread_us,
            identify_until: Cell::new(None),
            sampler_by: Cell::new(u64::MAX),
            link_by: Cell::new(u64::MAX),
        };
        let now = shared.now();
        shared
            .schedule
            .borrow_mut()
            .begin(now, &shared.time.borrow());
        commands.apply(&shared, &self.sensor_of);
        let mut sampler = Sampler {
            shared: &shared,
            sensors: &mut self.sensors,
            ring: Deque::new(),
            write_at_us: None,
        };
        let mut link = Link {
            shared: &shared,
            connector: &mut self.connector,
            entropy: &mut self.entropy,
            topics: &self.topics,
            commands: &mut commands,
            sensor_of: &self.sensor_of,
            payload: &mut self.payload,
        };
        {
            // Pinned here, so that they are not built on the stack and moved.
            let sampling = pin!(sampler.run());
            let linking = pin!(link.run(&mut self.receive, &mut self.transmit));
            let tending = pin!(tend(&shared, &mut self.source));
            match select3(sampling, linking, tending).await {
                Either3::First(never) => match never {},
                Either3::Second(()) | Either3::Third(()) => {}
            }
        }
        sampler.write();
        // Where the flash fails, some readings come again, or are counted again.
        let mut store = self.store.borrow_mut();
        let _ = store.keep_lost();
        let _ = store.mark();
        Stop::Restart
    }
}

/// Sets the clock now and then, feeds the watchdog, ends what was to last for a while; until a restart
/// that was asked for has to come.
async fn tend<P: Platform>(shared: &Shared<'_, P>, source: &mut P::Time) {
    let (mut sync_at_us, mut pace_us) = (0, 0);
    while shared.now() < shared.restart_by_us() {
        let now = shared.now();
        feed(shared);
        if shared
            .identify_until
            .get()
            .is_some_and(|until| now >= until)
        {
            shared.identify_until.set(None);
            shared.system.borrow_mut().identify(false);
        }
        if now >= sync_at_us && shared.leave_by_us().is_none() {
            let wait_us = sync(shared, source, &mut pace_us).await;
            sync_at_us = shared.now() + wait_us;
        }
        let next_us = (shared.now() + FEED_EVERY_US).min(shared.restart_by_us());
        shared.clock.sleep_until(next_us).await;
    }
}

/// Feeds the watchdog unless a loop hangs.
fn feed<P: Platform>(shared: &Shared<'_, P>) {
    if !shared.hangs() {
        shared.system.borrow_mut().feed_watchdog();
    }
}

/// What the time source says, if it does so in time; the watchdog doesn't wait for it.
async fn ask<P: Platform>(
    shared: &Shared<'_, P>,
    source: &mut P::Time,
) -> Option<Result<UnixTime, <P::Time as TimeSource>::Error>> {
    let until_us = shared.now() + SYNC_TIMEOUT_US;
    let mut asking = pin!(source.now());
    while shared.now() < until_us {
        let wait_us = FEED_EVERY_US.min(until_us - shared.now());
        let answer = shared.within(wait_us, asking.as_mut()).await;
        if answer.is_some() {
            return answer;
        }
        feed(shared);
    }
    None
}

/// Asks for the time once; after how long to ask again, µs, and at least after the pace that the time
/// source wants.
async fn sync<P: Platform>(shared: &Shared<'_, P>, source: &mut P::Time, pace_us: &mut u64) -> u64 {
    let wait_us = match ask(shared, source).await {
        Some(Ok(unix)) => {
            *pace_us /= 2;
            take_time(shared, unix)
        }
        Some(Err(error)) => match P::Time::unwelcome(&error) {
            Some(Unwelcome::SoOften) => {
                *pace_us = (*pace_us * 2).clamp(SYNC_PACE_MIN_US, SYNC_PACE_MAX_US);
                *pace_us
            }
            Some(Unwelcome::AtAll) => SYNC_PACE_MAX_US,
            None => SYNC_RETRY_US,
        },
        None => SYNC_RETRY_US,
    };
    wait_us.max(*pace_us)
}

/// Takes an answer of the time source; after how long to ask again, µs.
fn take_time<P: Platform>(shared: &Shared<'_, P>, unix: UnixTime) -> u64 {
    let now = shared.now();
    let mut time = shared.time.borrow_mut();
    let setting = time.set(now, unix);
    match setting {
        Setting::Refused => return SYNC_RETRY_US,
        Setting::Doubted if time.is_set() => return SYNC_DOUBT_US,
        Setting::Doubted => return SYNC_CONFIRM_US,
        Setting::First | Setting::Stepped(_) => {
            let mut store = shared.store.borrow_mut();
            if setting != Setting::First {
                // What was dated by the clock as it was may be wrong.
                store.doubt_queued();
            }
            let offset_ms = (unix.us - now as i64) / 1000;
            // An error leaves it in RAM only: undated readings of this boot would be estimated
            // after a power cut.
            store.reach((now / 1000) as i64);
            let _ = store.set_clock(offset_ms);
            shared.wake_link.signal(());
        }
        Setting::Corrected(_) | Setting::Kept => {
            let proven_s = (unix.us / 1_000_000) as u32;
            if time.is_proven() && time.prove(proven_s) {
                // An error leaves the one before.
                let mut store = shared.store.borrow_mut();
                let _ = store.save(Key::Clock, &|to| to.varint(proven_s.into()));
            }
        }
    }
    shared.wake_sampler.signal(());
    SYNC_EVERY_US
}

fn places<P: Platform>(layout: &Layout) -> Result<Places, Flaw<P>> {
    Places::of::<P::Flash>(layout).ok_or(StartError::Flash(MountError::Layout))
}
