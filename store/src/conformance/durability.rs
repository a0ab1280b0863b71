//! What a crash leaves.

use super::{MIDNIGHT_US, Subject, read_all, reading, state};
use crate::{StateBatch, Store};

/// Rows and state of a checkpoint are there after a crash.
pub fn a_checkpoint_survives_a_crash(mut subject: impl Subject) {
    let mut store = subject.open();
    let mut rows = Vec::new();
    for round in 0..20 {
        let new: Vec<_> = (0..50)
            .map(|step| {
                reading(
                    1,
                    MIDNIGHT_US + (round * 50 + step) * 60_000_000,
                    step as u64,
                    4.5,
                )
            })
            .collect();
        store.append(0, &new).unwrap();
        store
            .checkpoint(0, state(b"round", &[round as u8]))
            .unwrap();
        rows.extend(new);
        if round % 3 == 0 {
            store = subject.crash(store);
        }
        assert_eq!(read_all(&store, 1), rows);
        assert_eq!(store.state(0, b"round").unwrap(), Some(vec![round as u8]));
    }
}

/// The fold appends again what it does not know to be durable: no row twice, none missing.
pub fn folding_again_after_a_crash_stores_each_reading_once(mut subject: impl Subject) {
    let store = subject.open();
    let row = |step: i64| reading(2, MIDNIGHT_US + step * 1_000_000, step as u64, 1.5);
    let durable: Vec<_> = (0..100).map(row).collect();
    let open: Vec<_> = (100..150).map(row).collect();
    store.append(0, &durable).unwrap();
    store.checkpoint(0, state(b"offset", b"100")).unwrap();
    store.append(0, &open).unwrap();
    let store = subject.crash(store);
    assert_eq!(
        store.state(0, b"offset").unwrap().as_deref(),
        Some(&b"100"[..])
    );
    store.append(0, &open).unwrap();
    store.checkpoint(0, state(b"offset", b"150")).unwrap();
    let store = subject.crash(store);
    assert_eq!(read_all(&store, 2), [durable, open].concat());
}

/// Shards have their own keys; the last change of a key wins; deleted keys are gone.
pub fn states_of_shards_are_apart(mut subject: impl Subject) {
    let store = subject.open();
    store.checkpoint(0, state(b"a", b"zero")).unwrap();
    store.checkpoint(1, state(b"a", b"one")).unwrap();
    let changes = vec![
        (b"b".to_vec(), Some(b"first".to_vec())),
        (b"b".to_vec(), Some(b"last".to_vec())),
        (b"c".to_vec(), Some(vec![])),
    ];
    store.checkpoint(0, StateBatch { changes }).unwrap();
    let store = subject.crash(store);
    let load = |store: &dyn Store, shard| {
        let pairs = store.load_state(shard).unwrap();
        pairs.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    let expected = [pair(b"a", b"zero"), pair(b"b", b"last"), pair(b"c", b"")];
    assert_eq!(load(&store, 0), expected);
    assert_eq!(load(&store, 1), [pair(b"a", b"one")]);
    assert_eq!(load(&store, 2), []);
    let changes = vec![(b"a".to_vec(), None), (b"c".to_vec(), None)];
    store.checkpoint(0, StateBatch { changes }).unwrap();
    let store = subject.crash(store);
    assert_eq!(load(&store, 0), [pair(b"b", b"last")]);
    assert_eq!(load(&store, 1), [pair(b"a", b"one")]);
}
