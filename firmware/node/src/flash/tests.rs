use super::*;
use crate::reading::*;
use embedded_storage_async::nor_flash::NorFlash;
use nhip_wire::compact::Decoder;
use std::collections::BTreeMap;

pub(super) const PAGE: usize = 512;
pub(super) const PAGES: usize = 6;
pub(super) type Flash = RamFlash<{ (PAGES + 2) * PAGE }, PAGE>;

pub(super) const CHANNELS: [Channel; 2] = [
    Channel {
        name: "water_level",
        unit: Some("m"),
        decimals: 3,
    },
    Channel {
        name: "rain",
        unit: None,
        decimals: 0,
    },
];

pub(super) fn layout() -> Layout {
    Layout {
        settings: 0..2 * PAGE as u32,
        queue: 2 * PAGE as u32..((PAGES + 2) * PAGE) as u32,
    }
}

pub(super) fn mount(flash: Flash) -> Store<Flash> {
    Store::mount(flash, &layout(), &CHANNELS, 0x1357_9bdf).unwrap()
}

fn context() -> Context<'static> {
    Context {
        channels: &CHANNELS,
        uptime_ms: 0,
        send_undated: false,
    }
}

pub(super) fn reading(at_s: i64) -> Reading {
    Reading {
        channel: (at_s % 2) as u8,
        value: Value::good(at_s as i32),
        stamp: Stamp {
            ms: (1_795_327_200 + at_s) * 1000,
            basis: Basis::Exact,
        },
    }
}

fn undated(at_s: i64) -> Reading {
    Reading {
        stamp: Stamp {
            ms: at_s * 1000,
            basis: Basis::Uptime,
        },
        ..reading(at_s)
    }
}

pub(super) fn pending<F: NorFlash>(store: &mut Store<F>) -> BTreeMap<(u32, u64), Reading> {
    let mut found = BTreeMap::new();
    store
        .for_each_pending(|queued| {
            assert!(
                found
                    .insert((queued.boot, queued.seq), queued.reading)
                    .is_none()
            );
        })
        .unwrap();
    assert_eq!(found.len() as u64, store.pending());
    found
}

/// What the payload of the next message says: seq, time, value in the channel's decimals.
pub(super) fn send(store: &mut Store<Flash>) -> Option<Vec<(u64, i64, f64)>> {
    send_in(store, &context())
}

fn send_in(store: &mut Store<Flash>, context: &Context<'_>) -> Option<Vec<(u64, i64, f64)>> {
    let mut out = [0; 256];
    let message = store.compose(&mut out, context).unwrap()?;
    let (decoder, _) = decode(&out[..message.length]);
    assert_eq!(decoder.len() as u32, message.readings);
    Some(decoder)
}

fn decode(payload: &[u8]) -> (Vec<(u64, i64, f64)>, bool) {
    let decoder = Decoder::new(payload).unwrap();
    let doubtful = decoder.header().clock_doubtful;
    let readings = decoder
        .map(|sample| {
            let sample = sample.unwrap();
            (sample.seq.unwrap(), sample.time_ms, sample.value)
        })
        .collect();
    (readings, doubtful)
}

#[test]
fn readings_wait_in_the_queue_until_they_are_acknowledged() {
    let mut store = mount(Flash::new());
    let readings: Vec<_> = (0..10).map(reading).collect();
    assert_eq!(store.enqueue(&readings).unwrap(), 0..10);
    let sent = send(&mut store).unwrap();
    assert_eq!(sent.len(), 10);
    assert_eq!(sent[3], (3, 1_795_327_203_000, 3.0));
    assert_eq!(sent[2].2, 0.002);
    assert_eq!(
        (store.pending(), store.unsent(), store.in_flight()),
        (10, 0, 1)
    );
    assert_eq!(send(&mut store), None);
    store.acknowledge().unwrap();
    assert_eq!((store.pending(), store.in_flight()), (0, 0));
}

#[test]
fn what_was_not_acknowledged_is_sent_again_with_its_numbers_after_a_reboot() {
    let mut store = mount(Flash::new());
    let boot = store.boot();
    for at in 0..30 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let first = send(&mut store).unwrap();
    store.rewind().unwrap();
    assert_eq!(send(&mut store).unwrap(), first);
    let Store { flash, .. } = store;
    let mut store = mount(flash);
    assert_eq!(store.boot(), boot + 1);
    assert_eq!(send(&mut store).unwrap(), first);
    assert!(pending(&mut store).keys().all(|&(b, _)| b == boot));
    assert_eq!(store.enqueue(&[reading(31)]).unwrap(), 30..31);
}

#[test]
fn a_message_is_of_one_boot() {
    let mut store = mount(Flash::new());
    store.enqueue(&[reading(0)]).unwrap();
    let mut store = mount(store.flash);
    store.enqueue(&[reading(1)]).unwrap();
    assert_eq!(send(&mut store).unwrap().len(), 1);
    assert_eq!(send(&mut store).unwrap().len(), 1);
}

#[test]
fn the_oldest_readings_go_when_the_queue_is_full_and_are_counted() {
    let mut store = mount(Flash::new());
    for at in 0..1000 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let left = pending(&mut store);
    assert_eq!(store.evicted() + left.len() as u64, 1000);
    assert!(left.len() > 100);
    assert_eq!(left.keys().next().unwrap().1, store.evicted());
    let total = store.evicted();
    let mut store = mount(store.flash);
    assert_eq!(store.evicted(), total);
    assert_eq!(pending(&mut store), left);
}

#[test]
fn what_is_in_flight_is_never_evicted() {
    let mut store = mount(Flash::new());
    for at in 0..40 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let flown = send(&mut store).unwrap();
    for at in 40..1000 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let left = pending(&mut store);
    for (seq, ..) in &flown {
        assert!(left.contains_key(&(store.boot(), *seq)), "{seq}");
    }
    assert_eq!(store.evicted() + left.len() as u64, 1000);
    store.acknowledge().unwrap();
    let mut next = flown.last().unwrap().0 + 1;
    let mut sent = flown.len() as u64;
    while let Some(message) = send(&mut store) {
        for (seq, ..) in &message {
            assert!(*seq >= next);
            next = seq + 1;
        }
        sent += message.len() as u64;
        store.acknowledge().unwrap();
    }
    assert_eq!(sent + store.evicted(), 1000);
    assert_eq!(store.pending(), 0);
}

#[test]
fn undated_readings_wait_for_the_clock_and_are_dated_exactly() {
    let mut store = mount(Flash::new());
    store.enqueue(&[undated(5), undated(65)]).unwrap();
    assert_eq!(send(&mut store), None);
    store.set_clock(1_795_327_200_000).unwrap();
    // The clock that was set in that boot is known after the next.
    let mut store = mount(store.flash);
    let sent = send(&mut store).unwrap();
    assert_eq!(sent[0].1, 1_795_327_205_000);
    assert_eq!(sent[1].1, 1_795_327_265_000);
}

#[test]
fn undated_readings_of_a_boot_without_a_clock_are_estimated_and_doubtful() {
    let mut store = mount(Flash::new());
    store.enqueue(&[undated(5), undated(65)]).unwrap();
    let mut store = mount(store.flash);
    store.set_clock(1_795_327_200_000).unwrap();
    let mut out = [0; 256];
    let message = store.compose(&mut out, &context()).unwrap().unwrap();
    let (sent, doubtful) = decode(&out[..message.length]);
    assert!(doubtful);
    assert_eq!(sent[0].1, 1_795_327_200_000 - 60_000);
    assert_eq!(sent[1].1, 1_795_327_200_000);
}

#[test]
fn undated_readings_can_be_sent_with_their_age() {
    let mut store = mount(Flash::new());
    store.enqueue(&[undated(5), undated(65)]).unwrap();
    let context = Context {
        uptime_ms: 70_000,
        send_undated: true,
        ..context()
    };
    let sent = send_in(&mut store, &context).unwrap();
    assert_eq!((sent[0].1, sent[1].1), (-65_000, -5_000));
}

#[test]
fn a_blank_flash_gives_boot_numbers_of_its_own() {
    let boot = |entropy| {
        let store = Store::mount(Flash::new(), &layout(), &CHANNELS, entropy).unwrap();
        store.boot()
    };
    assert_ne!(boot(1 << 20), boot(1 << 21));
    assert_ne!(boot(0), 0);
}

#[test]
fn readings_of_channels_that_an_update_changed_are_counted_not_misnamed() {
    let mut store = mount(Flash::new());
    store.enqueue(&[reading(0), reading(1)]).unwrap();
    let mut updated = CHANNELS;
    updated[0].decimals = 2;
    let remount = |flash, channels| Store::mount(flash, &layout(), channels, 1).unwrap();
    let mut store = remount(store.flash, &updated);
    assert_eq!((store.pending(), store.evicted()), (0, 2));
    assert_eq!(store.enqueue(&[reading(3)]).unwrap(), 2..3);
    let mut store = remount(store.flash, &updated);
    assert_eq!((pending(&mut store).len(), store.evicted()), (1, 2));
}

#[test]
fn a_flash_full_of_noise_is_begun_anew() {
    let mut flash = Flash::new();
    for (at, byte) in flash.bytes_mut().iter_mut().enumerate() {
        *byte = (at * 31 % 251) as u8;
    }
    let mut store = mount(flash);
    store.enqueue(&[reading(1)]).unwrap();
    let mut store = mount(store.flash);
    assert_eq!(pending(&mut store).len(), 1);
}

#[test]
fn a_layout_that_fits_no_pages_is_refused() {
    for (settings, queue) in [
        (0..512, 1024..4096),
        (0..1024, 1024..2048),
        (0..1024, 1025..4096),
    ] {
        let layout = Layout { settings, queue };
        let mounted = Store::mount(Flash::new(), &layout, &CHANNELS, 1);
        assert!(matches!(mounted.err(), Some(MountError::Layout)));
    }
}

/// A device's life as far as its memory sees it, against a model.
struct Life {
    /// What enqueue said was in.
    entered: BTreeMap<(u32, u64), Reading>,
    /// What may be in: its enqueue was cut.
    maybe: BTreeMap<(u32, u64), Reading>,
    acked: BTreeMap<(u32, u64), ()>,
    random: u64,
    at_s: i64,
}

impl Life {
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// Some steps; ends when the power is cut.
    fn steps(&mut self, store: &mut Store<&mut Flash>, count: u64, acks: u64) {
        let mut flown: std::collections::VecDeque<Vec<(u32, u64)>> = Default::default();
        for _ in 0..count {
            let done = match self.random(10) {
                0..=5 => self.enqueue(store),
                6 | 7 => self.send(store, &mut flown),
                8 if self.random(100) < acks => self.acknowledge(store, &mut flown),
                _ if self.random(10) == 0 => {
                    flown.clear();
                    store.rewind().is_ok()
                }
                _ => true,
            };
            if !done {
                return;
            }
        }
    }

    fn enqueue(&mut self, store: &mut Store<&mut Flash>) -> bool {
        let count = 1 + self.random(4);
        let readings: Vec<_> = (0..count)
            .map(|_| {
                self.at_s += 1;
                reading(self.at_s)
            })
            .collect();
        let boot = store.boot();
        let before = store.queue.next_seq;
        match store.enqueue(&readings) {
            Ok(seqs) => {
                for (seq, reading) in seqs.zip(readings) {
                    assert!(self.entered.insert((boot, seq), reading).is_none());
                }
                true
            }
            Err(StoreError::InFlight) => true,
            Err(_) => {
                for (seq, reading) in (before..).zip(readings) {
                    self.maybe.insert((boot, seq), reading);
                }
                false
            }
        }
    }

    fn send(
        &mut self,
        store: &mut Store<&mut Flash>,
        flown: &mut std::collections::VecDeque<Vec<(u32, u64)>>,
    ) -> bool {
        let mut out = [0; 256];
        let Ok(message) = store.compose(&mut out, &context()) else {
            return false;
        };
        if let Some(message) = message {
            let decoder = Decoder::new(&out[..message.length]).unwrap();
            let boot = decoder.header().numbered.unwrap().0;
            let keys: Vec<_> = decoder
                .map(|sample| {
                    let sample = sample.unwrap();
                    let key = (boot, sample.seq.unwrap());
                    let was = self.entered.get(&key).or(self.maybe.get(&key)).unwrap();
                    assert_eq!(was.stamp.ms, sample.time_ms);
                    key
                })
                .collect();
            flown.push_back(keys);
        }
        true
    }

    fn acknowledge(
        &mut self,
        store: &mut Store<&mut Flash>,
        flown: &mut std::collections::VecDeque<Vec<(u32, u64)>>,
    ) -> bool {
        let Some(keys) = flown.pop_front() else {
            return true;
        };
        self.acked.extend(keys.into_iter().map(|key| (key, ())));
        store.acknowledge().is_ok()
    }

    /// The promise: nothing that entered is missing, unless it was counted as evicted.
    fn check(&self, store: &mut Store<&mut Flash>) {
        let left = pending(store);
        for (key, reading) in &left {
            let was = self.entered.get(key).or(self.maybe.get(key));
            assert_eq!(was, Some(reading), "{key:?} was never queued");
        }
        let gone = self
            .entered
            .keys()
            .filter(|key| !left.contains_key(key) && !self.acked.contains_key(key))
            .count() as u64;
        let maybe_gone = self
            .maybe
            .keys()
            .filter(|key| !left.contains_key(key))
            .count() as u64;
        assert!(
            gone <= store.evicted(),
            "{gone} gone, {} counted",
            store.evicted()
        );
        // Acknowledged ones that came back after a cut may be counted when they go again.
        assert!(
            store.evicted() <= gone + maybe_gone + self.acked.len() as u64,
            "{gone} gone, {maybe_gone} perhaps, {} acknowledged, {} counted",
            self.acked.len(),
            store.evicted()
        );
    }
}

#[test]
fn nothing_is_lost_whenever_the_power_is_cut() {
    for seed in 1..=300_u64 {
        let mut life = Life {
            entered: BTreeMap::new(),
            maybe: BTreeMap::new(),
            acked: BTreeMap::new(),
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            at_s: 0,
        };
        let mut flash = Flash::new();
        for _ in 0..12 {
            // The cut can come while it mounts, too.
            let cut = life.random(6000);
            flash.cut_after(cut);
            let random = life.random as u32;
            if let Ok(mut store) = Store::mount(&mut flash, &layout(), &CHANNELS, random) {
                life.steps(&mut store, 400, [0, 30, 100][(seed % 3) as usize]);
            }
            flash.restore();
            let mut store = Store::mount(&mut flash, &layout(), &CHANNELS, random).unwrap();
            life.check(&mut store);
        }
    }
}

#[test]
fn a_flash_byte_that_flips_costs_its_record_only() {
    for at in (2 * PAGE + 32..3 * PAGE).step_by(7) {
        let mut store = mount(Flash::new());
        for at in 0..20 {
            store.enqueue(&[reading(at)]).unwrap();
        }
        let mut flash = store.flash;
        flash.bytes_mut()[at] ^= 0x10;
        let mut store = mount(flash);
        assert!(pending(&mut store).len() >= 19, "byte {at}");
    }
}
