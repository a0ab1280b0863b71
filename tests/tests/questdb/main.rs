//! The platform with its readings in a real QuestDB, through the server's failures.

mod column;
mod history;
mod server;
mod table;

use nhip_tests::{City, ledger::Ledger, questdb::QuestDb, wait};

/// Fails unless what was acknowledged is stored, each reading once: by the API, and by the
/// server's own count of rows and of different ones.
fn assert_stored(city: &City, questdb: &QuestDb, ledger: &Ledger) {
    let figures = city.settle();
    ledger.assert_stored(city);
    let stored = figures["stored"].as_u64().unwrap();
    let count = "SELECT count() FROM readings";
    wait::until("the server to show every reading", || {
        (questdb.number(count) == Some(stored)).then_some(())
    });
    let distinct = "SELECT count() FROM (SELECT DISTINCT series, boot, seq FROM readings)";
    assert_eq!(questdb.number(distinct), Some(stored));
    assert_in_order(questdb);
}

/// Fails if a device's later reading arrived, and was stored, before an earlier one.
fn assert_in_order(questdb: &QuestDb) {
    let disorder = "SELECT count() FROM (SELECT received, lag(received) OVER \
                    (PARTITION BY series ORDER BY seq) AS before FROM readings) \
                    WHERE received < before";
    assert_eq!(questdb.number(disorder), Some(0));
}

fn is_ready(city: &City) -> bool {
    city.ask("GET", "/readyz", None).status == 200
}

/// Waits until so many readings are stored: an acknowledgement alone says nothing of the server.
fn wait_for_stored(city: &City, readings: u64) {
    wait::until("readings to be stored", || {
        let figures = city.get("/api/v1/reconciliation");
        (figures["stored"].as_u64()? >= readings).then_some(())
    });
}

/// Waits until `/readyz` says why it isn't ready, in these words among others.
fn wait_for_reason(city: &City, words: &str) {
    wait::until(words, || {
        let answer = city.ask("GET", "/readyz", None);
        (answer.status == 503 && answer.text.contains(words)).then_some(())
    });
}
