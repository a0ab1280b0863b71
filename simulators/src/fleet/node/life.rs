//! One device's life: it boots, measures and sends until its power goes, and boots again.

use super::{
    clock::DriftingClock,
    drive::DeviceTime,
    flash::Chip,
    network::{Network, State},
    station::{Station, of_instruments},
    time,
};
use crate::{
    city::{City, Site, noise},
    faults::{DeviceFaults, Faults, Spell, Spells},
    fleet::Kind,
    mqtt::Traffic,
    report::QueueLedger,
};
use nhip_node::{
    Basis, Channel, Config, Entropy, Journal, Node, Parts, Platform, Queued, ResetCause, System,
    flash::Store,
};
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::time::Instant;

/// How far ahead a time may be before the platform may well refuse the reading, µs.
const AHEAD_US_MAX: i64 = 30_000_000;
/// How long a device goes on behind its last measurement for what it has queued, µs of its time:
/// two of the longest waits between attempts to connect.
pub(in super::super) const DRAIN_US_MAX: i64 = 600_000_000;
/// A power cut that is to hit a write waits for one so long, µs.
const WRITE_WAIT_US: u64 = 60_000_000;
/// How long a device takes to start again, µs.
const RESTART_US: u64 = 1_000_000;

/// What a device is to be.
#[derive(Clone, Debug)]
pub(in super::super) struct Plan {
    pub(in super::super) name: Arc<str>,
    pub(in super::super) kind: Kind,
    pub(in super::super) site: Site,
    pub(in super::super) period_s: u32,
    pub(in super::super) faults: Faults,
    /// Decides what its instruments, its network and its power do.
    pub(in super::super) seed: u64,
    /// It is told by this from the same device of another run.
    pub(in super::super) run: u64,
    /// For how long it measures, µs.
    pub(in super::super) duration_us: u64,
}

/// What stays of a device.
pub(in super::super) struct Lived {
    pub(in super::super) ledger: QueueLedger,
    pub(in super::super) traffic: Traffic,
    pub(in super::super) power_cuts: u64,
    pub(in super::super) flash_bytes: u64,
}

/// What devices share.
pub(super) struct World {
    pub(super) mqtt: SocketAddr,
    pub(super) city: Arc<City>,
    pub(super) storms_us: Rc<[u64]>,
    /// How long the platform has for what is left in the queues.
    pub(super) give_up_after: Duration,
    /// Turns true when the run is to end early.
    pub(super) stopped: Rc<Cell<bool>>,
}

/// The platform of a device on a host.
struct Host;

impl Platform for Host {
    type Flash = Chip;
    type Clock = DriftingClock;
    type Connector = Network;
    type Time = Network;
    type Entropy = Chance;
    type System = Board;
    type Sensors = Station;
    type Journal = Book;
}

struct Chance(SmallRng);

impl Entropy for Chance {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }
}

struct Board(ResetCause);

impl System for Board {
    fn reset_cause(&mut self) -> ResetCause {
        self.0
    }

    fn supply_mv(&mut self) -> Option<u32> {
        Some(3_300)
    }
}

/// Writes down what entered the queue.
struct Book {
    ledger: Rc<RefCell<QueueLedger>>,
    time: Rc<DeviceTime>,
    kind: Kind,
}

impl Journal for Book {
    fn queued(&mut self, queued: &Queued, channel: &Channel) {
        let reading = &queued.reading;
        let properties = self.kind.properties();
        let outside = properties
            .get(usize::from(reading.channel))
            .is_some_and(|property| {
                let (min, max) = property.range();
                let scale = 10_f64.powi(channel.decimals.into());
                !(min..=max).contains(&(f64::from(reading.value.scaled) / scale))
            });
        let now_us = self.time.unix_us(time::now_us());
        let ahead = reading.stamp.basis != Basis::Uptime
            && reading.stamp.ms * 1_000 > now_us + AHEAD_US_MAX;
        self.ledger.borrow_mut().queued(queued, outside || ahead);
    }
}

/// A device between its boots.
struct Device<'a> {
    plan: &'a Plan,
    world: &'a World,
    time: Rc<DeviceTime>,
    chip: Chip,
    network: Network,
    instruments: Rc<RefCell<DeviceFaults>>,
    chance: SmallRng,
    /// Readings that entered the queue before its last measurement, once that is behind it, and
    /// until when the platform has time for them in any case.
    measured: Option<(usize, Instant)>,
}

/// Why a boot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    PowerCut,
    /// A command asked for it.
    Restart,
}

/// Lives a device's whole life at its own time.
pub(super) async fn live(plan: Plan, world: &World, time: Rc<DeviceTime>) -> Lived {
    let mut device = Device::new(&plan, world, time.clone());
    let power_cuts = time.drive(device.live()).await;
    device.take_stock();
    let Device { network, chip, .. } = device;
    let state = &network.0;
    Lived {
        ledger: state.ledger.borrow().clone(),
        traffic: state.traffic.borrow().clone(),
        power_cuts,
        flash_bytes: chip.written(),
    }
}

impl<'a> Device<'a> {
    fn new(plan: &'a Plan, world: &'a World, time: Rc<DeviceTime>) -> Self {
        let Plan { faults, .. } = plan;
        let spells = |purpose: i64, per_hour, length_s| {
            let seed = noise::hash(plan.seed, &[purpose]);
            RefCell::new(Spells::new(seed, per_hour, length_s, plan.duration_us))
        };
        let channels = super::health_and(plan.kind);
        let state = State {
            address: world.mqtt,
            outages: spells(1, faults.outage_per_hour, faults.outage_s),
            storms_us: world.storms_us.clone(),
            ack_lost: faults.ack_lost,
            // A wrong time server is put right after an hour on average.
            steps: spells(2, faults.step_per_hour, 3_600.0),
            step_us_max: faults.step_s_max * 1e6,
            seed: plan.seed,
            traffic: RefCell::default(),
            ledger: Rc::new(RefCell::new(QueueLedger::new(plan.name.clone(), channels))),
            time: time.clone(),
        };
        let instruments = of_instruments(faults);
        Self {
            plan,
            world,
            chip: Chip::default(),
            network: Network(Rc::new(state)),
            instruments: Rc::new(RefCell::new(DeviceFaults::new(
                instruments,
                plan.seed,
                time.unix_us(0),
            ))),
            chance: SmallRng::seed_from_u64(noise::hash(plan.seed, &[plan.run as i64])),
            measured: None,
            time,
        }
    }

    /// Boot after boot. Gives how often the power went.
    async fn live(&mut self) -> u64 {
        let Faults {
            power_cut_per_hour,
            power_off_s,
            drift_ppm_max,
            ..
        } = self.plan.faults;
        let seed = noise::hash(self.plan.seed, &[3]);
        let mut cuts = Spells::new(seed, power_cut_per_hour, power_off_s, self.plan.duration_us);
        let drift_ppm = (2.0 * noise::unit(seed, &[4]) - 1.0) * drift_ppm_max;
        let mut cause = ResetCause::PowerOn;
        let mut power_cuts = 0;
        loop {
            let cut = cuts.at_or_after(time::now_us());
            let end = self.boot(drift_ppm as i64, cause, cut).await;
            self.chip.restore();
            match end {
                End::Done => return power_cuts,
                End::Restart => {
                    cause = ResetCause::Software;
                    time::sleep_until(time::now_us() + RESTART_US).await;
                }
                End::PowerCut => {
                    power_cuts += 1;
                    cause = ResetCause::BrownOut;
                    let back_us = cut.map_or(0, |cut| cut.to_us);
                    time::sleep_until(back_us.max(time::now_us() + RESTART_US)).await;
                }
            }
        }
    }

    async fn boot(&mut self, drift_ppm: i64, cause: ResetCause, cut: Option<Spell>) -> End {
        let plan: &'a Plan = self.plan;
        let config = Config {
            // A fleet may live at any time.
            not_before_s: 0,
            ..Config::new(&plan.name)
        };
        let parts: Parts<Host> = Parts {
            flash: self.chip.clone(),
            layout: Chip::layout(),
            clock: DriftingClock::start(drift_ppm),
            connector: self.network.clone(),
            time: self.network.clone(),
            entropy: Chance(SmallRng::from_rng(&mut self.chance)),
            system: Board(cause),
            sensors: self.station(),
            journal: Book {
                ledger: self.network.0.ledger.clone(),
                time: self.time.clone(),
                kind: self.plan.kind,
            },
        };
        let mut node = match Node::start(config, parts) {
            Ok(node) => node,
            Err(error) => {
                let problem = format!("can't start: {error}");
                self.network.0.ledger.borrow_mut().problem(&problem);
                return End::Done;
            }
        };
        let mut run = std::pin::pin!(node.run());
        poll_fn(|cx| {
            if run.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Restart);
            }
            match self.end(cut) {
                Some(end) => Poll::Ready(end),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn station(&self) -> Station {
        Station {
            kind: self.plan.kind,
            period_s: self.plan.period_s,
            site: self.plan.site,
            city: self.world.city.clone(),
            time: self.time.clone(),
            faults: self.instruments.clone(),
        }
    }

    /// Whether the boot ends now; asks to be asked again when it may.
    fn end(&mut self, cut: Option<Spell>) -> Option<End> {
        let now_us = time::now_us();
        if let Some(Spell { from_us, draw, .. }) = cut {
            if now_us >= from_us && (self.chip.is_dead() || draw < 0.5) {
                return Some(End::PowerCut);
            }
            if now_us >= from_us {
                if now_us >= from_us + WRITE_WAIT_US {
                    return Some(End::PowerCut);
                }
                self.chip.cut_once_after((draw * 1_000.0) as u64 % 300);
                time::wake_at(from_us + WRITE_WAIT_US);
            } else {
                time::wake_at(from_us);
            }
        }
        if self.world.stopped.get() {
            return Some(End::Done);
        }
        let duration_us = self.plan.duration_us;
        if now_us < duration_us {
            time::wake_at(duration_us);
            return None;
        }
        let ledger = self.network.0.ledger.borrow();
        let patience = self.world.give_up_after;
        let (measured, until) = *self
            .measured
            .get_or_insert_with(|| (ledger.len(), Instant::now() + patience));
        // The node looks around every few seconds of its time, so this is asked again.
        let over_us = duration_us + DRAIN_US_MAX.unsigned_abs();
        let given_up = now_us >= over_us && Instant::now() >= until;
        // A message that is repeated is answered before the device goes.
        let delivered = ledger.is_delivered(measured) && !self.time.awaits_answers();
        (given_up || delivered).then_some(End::Done)
    }

    /// Looks into the flash: what is still in the queue, what was evicted.
    fn take_stock(&mut self) {
        let mut ledger = self.network.0.ledger.borrow_mut();
        let channels = super::health_and(self.plan.kind);
        let mounted = Store::mount(self.chip.clone(), &Chip::layout(), &channels, 1);
        let Ok(mut store) = mounted else {
            ledger.problem("its flash can't be read at the end");
            return;
        };
        let mut undelivered = 0;
        let looked = store.for_each_pending(|queued| {
            let due = self.measured.map_or(0, |(measured, _)| measured) as u64;
            undelivered += u64::from(ledger.left(queued.seq) && queued.seq < due);
        });
        if looked.is_err() {
            ledger.problem("its queue can't be read at the end");
        }
        ledger.evicted = store.evicted();
        if undelivered > 0 && !self.world.stopped.get() {
            let delivered = ledger.delivered();
            ledger.problem(&format!(
                "{undelivered} readings were not delivered to {} ({delivered})",
                self.world.mqtt
            ));
        }
    }
}
