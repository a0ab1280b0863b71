//! A store that has lost its readings, filled from the log.

use super::crashes::{bench, seen, without_crashes};
use crate::{anew::Kept, fold_anew, kept};
use nhip_store::Store;

#[test]
fn what_is_folded_anew_into_an_empty_store_is_what_was_there() {
    for seed in 0..3 {
        let (expected, _) = without_crashes(seed);
        let mut bench = bench(seed);
        bench.fold().unwrap();
        bench.checkpoint().unwrap();
        bench.store.lose_rows();
        assert_ne!(seen(&bench), expected);
        // Once half-way: the second shard's state can't be written.
        bench.store.fail_after(Some(1));
        assert!(fold_anew(&*bench.store, &*bench.log).is_err());
        bench.store.fail_after(None);
        fold_anew(&*bench.store, &*bench.log).unwrap();
        assert_eq!(bench.store.load_state(0).unwrap().count(), 1);
        let mut bench = bench.crash();
        bench.fold().unwrap();
        bench.checkpoint().unwrap();
        assert_eq!(seen(&bench), expected, "seed {seed}");
    }
}

#[test]
fn it_is_told_how_many_readings_were_stored_and_since_when_the_log_has_them() {
    let (expected, _) = without_crashes(0);
    let mut bench = bench(0);
    bench.fold().unwrap();
    bench.checkpoint().unwrap();
    let stored = fold_anew(&*bench.store, &*bench.log).unwrap();
    assert_eq!(stored, expected.total.1);
    let Kept {
        offset,
        received_us,
    } = kept(&*bench.log).unwrap();
    assert_eq!(offset, 0);
    assert!(received_us.is_some());
}
