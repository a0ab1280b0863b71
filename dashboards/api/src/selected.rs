//! Selections that were answered lately, since a page asks the same again and again.

use nhip_registry::{Registry, Selection, SeriesId};
use parking_lot::Mutex;
use std::sync::Arc;

/// How many selections are remembered.
const SELECTIONS_MAX: usize = 16;

/// The newest selections with what they selected.
#[derive(Default)]
pub(crate) struct Selected {
    known: Mutex<Vec<Known>>,
}

struct Known {
    selection: Selection,
    version: u64,
    series: Arc<[SeriesId]>,
}

impl Selected {
    /// The series that `selection` asks for, in order of their number.
    pub(crate) fn get(&self, registry: &Registry, selection: &Selection) -> Arc<[SeriesId]> {
        // Read before selecting: what changes in between is only selected once more.
        let version = registry.version();
        let mut known = self.known.lock();
        known.retain(|known| known.version == version);
        if let Some(known) = known.iter().find(|known| known.selection == *selection) {
            return known.series.clone();
        }
        drop(known);
        let series: Arc<[SeriesId]> = registry.select(selection).into();
        let mut known = self.known.lock();
        if known.len() >= SELECTIONS_MAX {
            known.remove(0);
        }
        known.push(Known {
            selection: selection.clone(),
            version,
            series: series.clone(),
        });
        series
    }
}
