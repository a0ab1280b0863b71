//! What the stations send: first what they missed, then as they measure.

use super::{Newest, Station};
use crate::{
    city::{City, noise},
    fleet::{Content, Format},
    mqtt::{Errand, Message, Next},
};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// A clock: µs since 1970 UTC.
pub(super) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The stations at work. It keeps no book, so that it can go on for ever.
pub(super) struct Work {
    city: City,
    clock: Clock,
    boot: u64,
    history_step_us: i64,
    history_us: i64,
    stations: Vec<Post>,
    /// Stations by the time of their next measurement.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    caught_up: bool,
}

struct Post {
    station: Station,
    seq: u64,
    topic: String,
}

impl Work {
    /// Stations that go on where each of them ended, or `history_us` ago, in a boot of their
    /// own: two starts within one second are two boots.
    pub(super) fn new(
        city: City,
        clock: Clock,
        stations: Vec<Station>,
        newest: &Newest,
        history_us: i64,
        history_step_us: i64,
    ) -> Self {
        let now_us = clock();
        let mut work = Self {
            city,
            boot: (now_us / 1_000_000).unsigned_abs().max(newest.boot + 1),
            clock,
            history_step_us,
            history_us,
            stations: Vec::with_capacity(stations.len()),
            due: BinaryHeap::with_capacity(stations.len()),
            caught_up: false,
        };
        for station in stations {
            let phase = noise::unit(station.site.id, &[3]);
            let earliest = now_us - history_us + (phase * history_step_us as f64) as i64;
            let after_last = newest
                .times_us
                .get(&station.name)
                .map(|last| last + interval_us(&station));
            let first_us = after_last.unwrap_or(earliest).max(earliest);
            work.due.push(Reverse((first_us, work.stations.len())));
            work.stations.push(Post {
                topic: format!("devices/{}/readings/json", station.name),
                station,
                seq: 0,
            });
        }
        work
    }

    fn measure(&mut self, at: usize, time_us: i64) -> Message {
        let post = &mut self.stations[at];
        let kind = post.station.kind;
        let values: Vec<f64> = kind
            .properties()
            .iter()
            .map(|property| self.city.read(*property, &post.station.site, time_us))
            .collect();
        let time_ms = time_us.div_euclid(1_000);
        let names = kind.datastreams();
        let payload = Format::Json.write(&Content {
            boot: self.boot,
            seq: post.seq,
            time_ms,
            datastreams: &names,
            values: &values,
        });
        post.seq += 1;
        Message {
            topic: post.topic.clone(),
            payload,
            token: 0,
        }
    }

    /// When a station measures after a time: coarsely while it has much to catch up.
    fn after(&self, at: usize, time_us: i64, now_us: i64) -> i64 {
        let station = &self.stations[at].station;
        let behind_us = now_us - time_us;
        if behind_us > 2 * self.history_step_us {
            let earliest = now_us - self.history_us;
            return (time_us + self.history_step_us).max(earliest);
        }
        let jitter = noise::unit(station.site.id, &[time_us]) - 0.5;
        time_us + (interval_us(station) as f64 * (1.0 + 0.2 * jitter)) as i64
    }
}

fn interval_us(station: &Station) -> i64 {
    i64::from(station.kind.interval_s()) * 1_000_000
}

impl Errand for Work {
    fn next(&mut self, now: Instant) -> Next {
        let now_us = (self.clock)();
        let Some(&Reverse((time_us, at))) = self.due.peek() else {
            return Next::Done;
        };
        if time_us > now_us {
            if !self.caught_up {
                self.caught_up = true;
                let sent: u64 = self.stations.iter().map(|post| post.seq).sum();
                tracing::info!(messages = sent, "the demo city has its history");
            }
            let wait_us = (time_us - now_us).unsigned_abs();
            return Next::At(now + Duration::from_micros(wait_us));
        }
        self.due.pop();
        let message = self.measure(at, time_us);
        self.due
            .push(Reverse((self.after(at, time_us, now_us), at)));
        Next::Send(message)
    }

    fn acknowledged(&mut self, _token: u64) {}

    fn refused(&mut self, _token: u64, reason: &str) {
        tracing::warn!(reason, "a reading of the demo city was refused");
    }

    fn written_again(&mut self, _token: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stations;
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicI64, Ordering},
    };

    const NOW_US: i64 = 1_795_392_000_000_000;
    const HOUR_US: i64 = 3_600_000_000;
    const STEP_US: i64 = 300_000_000;

    fn work(count: usize, last_us: BTreeMap<String, i64>) -> (Work, Arc<AtomicI64>) {
        let newest = Newest {
            boot: 0,
            times_us: last_us,
        };
        let now = Arc::new(AtomicI64::new(NOW_US));
        let clock = now.clone();
        let work = Work::new(
            City::new(1),
            Arc::new(move || clock.load(Ordering::Relaxed)),
            stations(count, 1),
            &newest,
            24 * HOUR_US,
            STEP_US,
        );
        (work, now)
    }

    fn times_ms(work: &mut Work) -> Vec<i64> {
        let mut times = Vec::new();
        while let Next::Send(message) = work.next(Instant::now()) {
            let json: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            times.push(json["time"].as_i64().unwrap());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_city_gets_a_day_of_history_in_the_order_of_time() {
        let (mut work, _) = work(20, BTreeMap::new());
        let times = times_ms(&mut work);
        assert!(times.is_sorted());
        assert!(times[0] >= (NOW_US - 24 * HOUR_US) / 1_000);
        assert!(*times.last().unwrap() <= NOW_US / 1_000);
        // 286 steps of five minutes, then the natural interval for about ten minutes.
        assert!(
            (20 * 290..20 * 360).contains(&times.len()),
            "{}",
            times.len()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_fills_the_gap_only() {
        let last = stations(20, 1)
            .into_iter()
            .map(|station| (station.name, NOW_US - HOUR_US))
            .collect();
        let (mut work, _) = work(20, last);
        let times = times_ms(&mut work);
        assert!(times[0] > (NOW_US - HOUR_US) / 1_000);
        assert!((20 * 10..20 * 80).contains(&times.len()), "{}", times.len());
    }

    #[test]
    fn two_starts_within_a_second_are_two_boots() {
        let boot = |newest: u64| {
            let newest = Newest {
                boot: newest,
                times_us: BTreeMap::new(),
            };
            let clock: Clock = Arc::new(|| NOW_US);
            Work::new(City::new(1), clock, Vec::new(), &newest, HOUR_US, STEP_US).boot
        };
        let now_s = NOW_US.unsigned_abs() / 1_000_000;
        assert_eq!(boot(0), now_s);
        assert_eq!(boot(now_s), now_s + 1);
        assert_eq!(boot(now_s + 1), now_s + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_longer_than_the_history_is_cut() {
        let last = BTreeMap::from([("x".to_owned(), 0)]);
        let (mut work, _) = work(1, last);
        assert!(times_ms(&mut work)[0] >= (NOW_US - 24 * HOUR_US) / 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_live_city_measures_at_its_natural_rate() {
        let (mut work, now) = work(20, BTreeMap::new());
        times_ms(&mut work);
        assert!(matches!(work.next(Instant::now()), Next::At(_)));
        now.store(NOW_US + 60_000_000, Ordering::Relaxed);
        let minute = times_ms(&mut work).len();
        // Air and weather twice, noise six times, the others about once.
        assert!((25..75).contains(&minute), "{minute}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_long_sleep_it_catches_up_coarsely_and_within_bounds() {
        let (mut work, now) = work(20, BTreeMap::new());
        times_ms(&mut work);
        now.store(NOW_US + 48 * HOUR_US, Ordering::Relaxed);
        let times = times_ms(&mut work);
        assert!(
            (20 * 280..20 * 370).contains(&times.len()),
            "{}",
            times.len()
        );
    }
}
