//! What was acknowledged, compared with what is stored.

use crate::City;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The sequence numbers of each device's readings.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Sent at least once.
    pub sent: BTreeMap<String, BTreeSet<u64>>,
    /// Acknowledged.
    pub acknowledged: BTreeMap<String, BTreeSet<u64>>,
}

impl Ledger {
    /// Adds another's entries.
    pub fn merge(&mut self, other: Self) {
        for (device, numbers) in other.sent {
            self.sent.entry(device).or_default().extend(numbers);
        }
        for (device, numbers) in other.acknowledged {
            self.acknowledged.entry(device).or_default().extend(numbers);
        }
    }

    /// How many readings were acknowledged.
    pub fn count(&self) -> usize {
        self.acknowledged.values().map(BTreeSet::len).sum()
    }

    /// Fails unless everything acknowledged is stored once, with the value that
    /// [`value_of`] gives it, and nothing is stored that was never sent.
    pub fn assert_stored(&self, city: &City) {
        let nobody = BTreeSet::new();
        for (device, sent) in &self.sent {
            let stored = stored(city, device);
            let acknowledged = self.acknowledged.get(device).unwrap_or(&nobody);
            let numbers: BTreeSet<u64> = stored.keys().copied().collect();
            let missing: Vec<_> = acknowledged.difference(&numbers).take(5).collect();
            assert!(
                missing.is_empty(),
                "{device}: acknowledged, not stored: {missing:?}"
            );
            let foreign: Vec<_> = numbers.difference(sent).take(5).collect();
            assert!(
                foreign.is_empty(),
                "{device}: stored, never sent: {foreign:?}"
            );
        }
    }
}

/// The value that a test publishes with a sequence number.
pub fn value_of(seq: u64) -> f64 {
    (seq % 997) as f64 / 10.0
}

/// The stored readings of a device by sequence number; fails if one is stored twice or with
/// another value.
fn stored(city: &City, device: &str) -> BTreeMap<u64, Value> {
    let mut stored = BTreeMap::new();
    for reading in city.readings(&format!("device={device}")) {
        let seq = reading["seq"].as_u64().expect("a sequence number");
        assert_eq!(reading["value"].as_f64(), Some(value_of(seq)), "{reading}");
        let before = stored.insert(seq, reading);
        assert!(before.is_none(), "{device}: {seq} is stored twice");
    }
    stored
}
