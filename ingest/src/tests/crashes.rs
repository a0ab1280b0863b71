//! The fold through crashes equals the fold without any.

use crate::{
    Config, Cursor, DeadLetterQuery, FeedEvent, View,
    kit::{Bench, Counts, Script, config, tuple},
    shard::Halt,
};
use nhip_store::{Observation, SeriesId};

/// All that can be seen from outside.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) rows: Vec<Observation>,
    pub(super) total: Counts,
    devices: Vec<(String, Counts)>,
    latest: Vec<Option<Observation>>,
    letters: Vec<(u64, String, String, u32)>,
    feed: Vec<FeedEvent>,
}

pub(super) fn seen(bench: &Bench) -> Seen {
    let series: Vec<SeriesId> = (0..64).map(SeriesId).collect();
    let mut latest = Vec::new();
    bench.window.latest(&series, &mut latest);
    let by_device = bench.window.reconciliation_by_device(None, 100);
    let letters = bench.window.dead_letters(&all()).unwrap();
    Seen {
        rows: bench.store.rows(),
        total: bench.figures(),
        devices: by_device
            .into_iter()
            .map(|(name, figures)| (name.to_string(), tuple(figures)))
            .collect(),
        latest,
        letters: letters
            .into_iter()
            .map(|letter| {
                let (reason, detail) = (letter.reasons.join(","), letter.detail.to_string());
                (letter.offset, reason, detail, letter.readings)
            })
            .collect(),
        feed: bench.feed(Cursor::default()),
    }
}

fn all() -> DeadLetterQuery {
    DeadLetterQuery {
        limit: 10_000,
        ..DeadLetterQuery::default()
    }
}

/// Registers what the script's devices have: which number a series gets must not depend on
/// which shard is first.
pub(super) fn bench(seed: u64) -> Bench {
    bench_with(seed, config())
}

pub(super) fn bench_with(seed: u64, config: Config) -> Bench {
    let bench = Bench::new(config);
    for device in 0..6 {
        let names = [
            ("a", "1", None),
            ("b", "1", None),
            ("temperature", "Cel", None),
        ];
        bench.directory.add(&format!("d{device}"), &names);
        bench
            .directory
            .add(&format!("d{device}"), &[("c", "1", None)]);
        bench
            .directory
            .add(&format!("e{device}"), &[("x", "1", None)]);
    }
    Script::new(seed).fill(&bench.log, 250);
    bench
}

pub(super) fn without_crashes(seed: u64) -> (Seen, u64) {
    let mut bench = bench(seed);
    bench.fold().unwrap();
    bench.checkpoint().unwrap();
    (seen(&bench), bench.store.writes())
}

/// Folds with steps, shards and checkpoints in a seeded order until everything is folded.
fn wander(bench: &mut Bench, script: &mut Script) -> Result<(), Halt> {
    let end = 251;
    while bench.shards.iter().any(|shard| shard.position < end) {
        let shard = script.below(2) as usize;
        bench.step(shard)?;
        bench.figures();
        if script.below(8) == 0 {
            bench.shards[shard].checkpoint()?;
        }
    }
    bench.checkpoint()
}

#[test]
fn a_crash_at_any_write_changes_nothing() {
    for seed in 0..3 {
        let (expected, writes) = without_crashes(seed);
        assert!(expected.rows.len() > 100 && expected.letters.len() > 20);
        assert!(expected.total.2 > 10, "there are duplicates");
        for at in 0..writes {
            let mut bench = bench(seed);
            let mut script = Script::new(seed * 1000 + at);
            bench.store.fail_after(Some(at));
            if wander(&mut bench, &mut script).is_err() {
                bench = bench.crash();
                wander(&mut bench, &mut script).unwrap();
            }
            assert_eq!(seen(&bench), expected, "seed {seed}, crash at write {at}");
        }
    }
}

/// Late readings without a sequence are looked for in the store, and would find themselves.
#[test]
fn a_crash_changes_nothing_where_the_store_keeps_what_was_sent() {
    for seed in 0..3 {
        let (expected, writes) = without_crashes(seed);
        for at in 0..writes {
            let mut bench = bench(seed);
            bench.store.keep_unsaved();
            let mut script = Script::new(seed * 1000 + at);
            bench.store.fail_after(Some(at));
            if wander(&mut bench, &mut script).is_err() {
                bench = bench.crash();
                wander(&mut bench, &mut script).unwrap();
            }
            assert_eq!(seen(&bench), expected, "seed {seed}, crash at write {at}");
        }
    }
}

#[test]
fn crash_upon_crash_changes_nothing() {
    for seed in 10..16 {
        let (expected, _) = without_crashes(seed);
        let mut bench = bench(seed);
        let mut script = Script::new(seed);
        for _ in 0..40 {
            bench.store.fail_after(Some(script.below(12)));
            let _ = wander(&mut bench, &mut script);
            bench = bench.crash();
        }
        wander(&mut bench, &mut script).unwrap();
        assert_eq!(seen(&bench), expected, "seed {seed}");
    }
}

#[test]
fn a_subscriber_sees_every_reading_once_through_crashes() {
    for seed in 20..26 {
        let (expected, _) = without_crashes(seed);
        let mut bench = bench(seed);
        let mut script = Script::new(seed);
        let mut cursor = Cursor::default();
        let mut events = Vec::new();
        for round in 0..30 {
            let mut reader = bench.window.subscribe(Some(cursor)).unwrap();
            bench.store.fail_after(Some(script.below(10)));
            let _ = wander(&mut bench, &mut script);
            let mut more = crate::kit::drain(&mut *reader);
            if round % 3 == 0 {
                // A connection that breaks anywhere, also in the middle of a record.
                more.truncate(script.below(more.len() as u64 + 1) as usize);
            }
            drop(reader);
            cursor = more.last().map_or(cursor, |event| event.cursor);
            events.extend(more);
            bench = bench.crash();
        }
        wander(&mut bench, &mut script).unwrap();
        events.extend(bench.feed(cursor));
        assert_eq!(events, expected.feed, "seed {seed}");
        assert_eq!(events.len() as u64, expected.total.1);
    }
}
