//! The fan-out's own thread, with routers that fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on must panic"
)]

use bytes::Bytes;
use nhip_broker::Metrics;
use nhip_broker::fanout::{
    Carrier, CarrierError, Deliver, Engine, Fanout, Parcel, RouterFanout, RumqttdEngine, Source,
    messages,
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

#[derive(Default)]
struct Collector(Mutex<Vec<u64>>);

impl Deliver for Collector {
    fn deliver(&self, parcel: &[u8]) {
        self.0
            .lock()
            .extend(messages(parcel).map(|(offset, _)| offset));
    }
}

/// What a router does before it goes wrong, and how.
#[derive(Clone, Copy)]
enum Fault {
    None,
    /// Gives an error at the parcel.
    Dies(usize),
    /// Swallows everything from the parcel on.
    Stalls(usize),
    /// Swallows one parcel and goes on.
    Skips(usize),
    /// Panics at its start.
    Panics,
    /// Never starts.
    Hangs,
    /// Doesn't want to start.
    Refuses,
}

struct Flaky(Mutex<VecDeque<Fault>>);

fn flaky<const N: usize>(faults: [Fault; N]) -> Flaky {
    Flaky(Mutex::new(faults.into()))
}

struct FlakyCarrier {
    fault: Fault,
    seen: usize,
    inside: VecDeque<Bytes>,
}

impl Engine for Flaky {
    fn open(&self) -> Result<Box<dyn Carrier>, CarrierError> {
        let fault = self.0.lock().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::Panics => panic!("the test says so"),
            Fault::Hangs => std::thread::park(),
            Fault::Refuses => return Err(CarrierError("no router".into())),
            _ => {}
        }
        Ok(Box::new(FlakyCarrier {
            fault,
            seen: 0,
            inside: VecDeque::new(),
        }))
    }
}

impl Carrier for FlakyCarrier {
    fn send(&mut self, parcels: &[Bytes]) -> Result<(), CarrierError> {
        for parcel in parcels {
            self.seen += 1;
            match self.fault {
                Fault::Dies(at) if self.seen >= at => return Err(CarrierError("dead".into())),
                Fault::Stalls(at) if self.seen >= at => {}
                Fault::Skips(at) if self.seen == at => {}
                _ => self.inside.push_back(parcel.clone()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, _: Instant) -> Result<Option<Bytes>, CarrierError> {
        Ok(self.inside.pop_front())
    }
}

fn parcel(number: u64) -> Parcel {
    let mut parcel = Parcel::default();
    parcel.push(number, &[b"message"]);
    parcel
}

/// Carries 500 parcels and gives back how often the router was rebuilt.
fn carry(engine: impl Engine) -> u64 {
    carry_within(engine, Duration::from_secs(5))
}

fn carry_within(engine: impl Engine, stall: Duration) -> u64 {
    let collector = Arc::new(Collector::default());
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let far_end = collector.clone();
    let fanout = RouterFanout::start(engine, far_end, metrics.clone(), 1 << 20, stall).unwrap();
    for number in 0..500 {
        let mut next = parcel(number);
        while let Err(back) = fanout.submit(next) {
            next = back;
            fanout.wait_room(Duration::from_millis(10));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while collector.0.lock().len() < 500 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    fanout.stop();
    assert_eq!(*collector.0.lock(), (0..500).collect::<Vec<_>>());
    metrics.router_rebuilds.get()
}

#[test]
fn rumqttd_carries_everything_in_order() {
    assert_eq!(carry(RumqttdEngine::default()), 0);
}

#[test]
fn a_router_that_dies_or_stalls_is_replaced_and_nothing_is_lost() {
    let faults = [
        Fault::Dies(3),
        Fault::Stalls(2),
        Fault::Dies(1),
        Fault::None,
    ];
    assert_eq!(carry(flaky(faults)), 3);
}

#[test]
fn a_router_that_panics_hangs_or_refuses_at_its_start_is_replaced_too() {
    let faults = [Fault::Panics, Fault::Hangs, Fault::Refuses, Fault::None];
    assert_eq!(carry_within(flaky(faults), Duration::from_millis(100)), 3);
}

#[test]
fn what_a_router_skips_is_delivered_all_the_same() {
    // The last parcel is not skipped, since nothing would come behind it.
    assert_eq!(carry(flaky([Fault::Skips(7)])), 0);
}

#[test]
fn a_full_queue_gives_the_parcel_back() {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let far_end = Arc::new(Collector::default());
    let stalled = flaky([Fault::Stalls(1)]);
    let stall = Duration::from_secs(60);
    let fanout = RouterFanout::start(stalled, far_end, metrics, 100, stall).unwrap();
    let mut given_back = false;
    for number in 0..10_000 {
        given_back |= fanout.submit(parcel(number)).is_err();
    }
    assert!(given_back);
    fanout.stop();
}

#[test]
fn a_source_that_fills_the_queue_leaves_room_for_the_log_and_for_others() {
    const ROOM: usize = 100 << 10;
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let far_end = Arc::new(Collector::default());
    let hung = flaky([Fault::Hangs]);
    let stall = Duration::from_secs(5);
    let fanout = RouterFanout::start(hung, far_end, metrics, ROOM, stall).unwrap();
    // What waits for the router.
    fanout.submit(parcel(0)).unwrap();
    let kilobyte = |source: &Arc<Source>| {
        let mut parcel = Parcel::default();
        parcel.push(u64::MAX, &[&[0; 1012]]);
        parcel.from_source(source)
    };
    let (noisy, quiet) = (Arc::default(), Arc::default());
    let mut refused = 0;
    for _ in 0..10_000 {
        refused += usize::from(fanout.submit(kilobyte(&noisy)).is_err());
    }
    assert!(refused > 9_000);
    for _ in 0..20 {
        fanout.submit(kilobyte(&quiet)).unwrap();
    }
    for number in 1..20 {
        fanout.submit(parcel(number)).unwrap();
    }
    fanout.stop();
}
