//! A server that syncs nothing by itself: what a checkpoint waits for, and who holds it up.

use crate::kit::{Bench, assert_stored, gauge, open, open_with, rows, store_all, until_taken};
use nhip_store::conformance::Misdeed;
use nhip_store::{StateBatch, Store, StoreError};
use std::time::Duration;

#[test]
fn without_sync_a_checkpoint_waits_until_all_is_applied_and_synced() {
    let bench = Bench::start(&[("CAIRO_COMMIT_MODE", "nosync")]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    let new = rows(0..1000);
    store_all(&store, &new);
    assert_eq!(
        bench.count(),
        new.len(),
        "applied before the checkpoint returned"
    );
    assert_stored(&bench, &store, &new);
}

#[test]
fn without_sync_a_checkpoint_of_somebody_else_is_told_and_waited_for() {
    let mut bench = Bench::start(&[("CAIRO_COMMIT_MODE", "nosync")]);
    let folder = tempfile::tempdir().unwrap();
    let metrics = prometheus::Registry::new();
    let store = open_with(folder.path(), &bench.config, &metrics);
    let held = || gauge(&metrics, "nhip_questdb_checkpoint_held");
    store_all(&store, &rows(0..100));
    bench.ask("CHECKPOINT CREATE");
    for _ in 0..2 {
        until_taken(|| store.append(0, &rows(100..200)));
        let made = store.checkpoint(0, StateBatch::default());
        assert!(
            matches!(made, Err(StoreError::Unavailable { .. })),
            "{made:?}"
        );
        let problem = store.problem().unwrap();
        assert!(problem.contains("run CHECKPOINT RELEASE"), "{problem}");
        assert!(held() > 0.5);
    }
    bench.ask("CHECKPOINT RELEASE");
    until_taken(|| store.checkpoint(0, StateBatch::default()));
    assert_eq!(store.problem(), None);
    assert!(held() < 0.5);
    assert_stored(&bench, &store, &rows(0..200));
    // Of a server that is away nobody knows it.
    bench.ask("CHECKPOINT CREATE");
    until_taken(|| store.append(0, &rows(200..300)));
    assert!(store.checkpoint(0, StateBatch::default()).is_err());
    assert!(held() > 0.5);
    bench.server.kill();
    assert!(store.maintain(0, Duration::ZERO).is_err());
    assert!(held() < 0.5);
}

#[test]
fn without_sync_a_checkpoint_of_ours_that_was_not_answered_is_released() {
    let bench = Bench::start(&[("CAIRO_COMMIT_MODE", "nosync")]);
    let (proxy, config) = bench.with_proxied_queries();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &config);
    store_all(&store, &rows(0..100));
    until_taken(|| store.append(0, &rows(100..200)));
    proxy.set(Misdeed::Omit("; CHECKPOINT RELEASE"));
    assert!(store.checkpoint(0, StateBatch::default()).is_err());
    let held = "SELECT in_progress FROM checkpoint_status()";
    assert_eq!(bench.ask(held), ["t"]);
    proxy.set(Misdeed::None);
    until_taken(|| store.checkpoint(0, StateBatch::default()));
    assert_eq!(bench.ask(held), ["f"]);
    // Somebody else's is left alone after it as before.
    bench.ask("CHECKPOINT CREATE");
    until_taken(|| store.append(0, &rows(200..300)));
    assert!(store.checkpoint(0, StateBatch::default()).is_err());
    assert_eq!(bench.ask(held), ["t"]);
    assert_stored(&bench, &store, &rows(0..300));
}
