//! Days that are past their age.

use crate::kit::{Bench, days_later, eventually, open, store_all};
use nhip_store::conformance::{DAY_US, MIDNIGHT_US, read_all, reading};
use nhip_store::{Observation, SeriesId, Store};
use std::time::Duration;

#[test]
fn whole_days_past_their_age_are_dropped_and_no_others() {
    let mut bench = Bench::start(&[]);
    bench.config.retention_age_days = 3;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    // A reading an hour for eight local days.
    let all: Vec<Observation> = (0..8 * 24)
        .map(|hour| reading(1, MIDNIGHT_US + hour * DAY_US / 24, hour as u64, 1.0))
        .collect();
    store_all(&store, &all);
    eventually("the server to show all", || {
        (bench.count() == all.len()).then_some(())
    });
    store
        .maintain(days_later(8), Duration::from_secs(1))
        .unwrap();
    // Midnight in Việt Nam is 17:00 of a UTC day: that day is kept whole.
    let kept_us = days_later(5) - 17 * 3_600_000_000;
    let expected: Vec<Observation> = all
        .iter()
        .filter(|row| row.time_us >= kept_us)
        .copied()
        .collect();
    assert!(expected.len() < all.len());
    eventually("the old days to go", || {
        (read_all(&store, 1) == expected).then_some(())
    });
    // A second pass has nothing to do.
    store
        .maintain(days_later(9), Duration::from_secs(1))
        .unwrap();
    store
        .maintain(days_later(9), Duration::from_secs(1))
        .unwrap();
    // What comes late is stored, and goes with the next pass.
    let late = reading(1, MIDNIGHT_US, 1000, 2.0);
    store_all(&store, &[late]);
    assert!(read_all(&store, 1).contains(&late));
    eventually("the late reading to be shown", || {
        (!bench
            .ask("SELECT seq FROM readings WHERE seq = 1000")
            .is_empty())
        .then_some(())
    });
    store
        .maintain(days_later(10), Duration::from_secs(1))
        .unwrap();
    eventually("the late reading to go", || {
        (!read_all(&store, 1).contains(&late)).then_some(())
    });
}

#[test]
fn hours_outlive_the_rows_that_they_were_counted_of() {
    let mut bench = Bench::start(&[]);
    bench.config.retention_age_days = 3;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let all: Vec<Observation> = (0..8 * 144)
        .map(|step| {
            reading(
                1,
                MIDNIGHT_US + step * DAY_US / 144,
                step as u64,
                (step % 31) as f64,
            )
        })
        .collect();
    store_all(&store, &all);
    let days = |points: u32| {
        let buckets = store.buckets(SeriesId(1), MIDNIGHT_US, days_later(8), points);
        buckets.unwrap()
    };
    let before = days(8);
    assert_eq!(before.len(), 8);
    assert!(before.iter().all(|day| day.count == 144));
    store
        .maintain(days_later(8), Duration::from_secs(1))
        .unwrap();
    eventually("the old days to go", || {
        (read_all(&store, 1).len() < all.len()).then_some(())
    });
    assert_eq!(days(8), before);
    // Narrow buckets too: each hour counts where it begins.
    let narrow = days(10_000);
    assert_eq!(
        narrow.iter().map(|bucket| bucket.count).sum::<u64>(),
        8 * 144
    );
}
