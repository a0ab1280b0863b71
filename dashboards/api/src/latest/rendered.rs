//! The stretches that were rendered last: who looks at a whole city asks again and again, and
//! most of it has not changed since.

use super::stretch::{STRETCH, Stretch};
use crate::parts::App;
use nhip_registry::SeriesId;
use parking_lot::Mutex;
use std::sync::Arc;

/// The stretches of the selection that was asked for last.
#[derive(Default)]
pub(crate) struct Rendered {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The selected series; another list of the same series is another selection.
    series: Option<Arc<[SeriesId]>>,
    stretches: Vec<Option<Arc<Stretch>>>,
    bytes: usize,
}

impl Rendered {
    /// The stretch of this number in a selection, as it is now.
    pub(super) fn stretch(
        &self,
        app: &App,
        series: &Arc<[SeriesId]>,
        number: usize,
    ) -> Arc<Stretch> {
        let from = number * STRETCH;
        let upto = series.len().min(from + STRETCH);
        let mut found = Vec::with_capacity(upto - from);
        app.parts.view.latest(&series[from..upto], &mut found);
        let before = self.known.lock().get(series, number);
        let fragments = app.fragments.current(&app.parts.registry);
        let amended = fragments.amended();
        match before {
            Some(before) if before.is(&found, amended) => before,
            before => {
                let now = Stretch::render(found, &fragments, amended, before.as_deref());
                let now = Arc::new(now);
                let bytes_max = app.parts.config.latest_bytes_max;
                self.known.lock().keep(series, number, &now, bytes_max);
                now
            }
        }
    }
}

impl Known {
    fn get(&self, series: &Arc<[SeriesId]>, number: usize) -> Option<Arc<Stretch>> {
        let own = self.series.as_ref()?;
        Arc::ptr_eq(own, series)
            .then(|| self.stretches.get(number).cloned().flatten())
            .flatten()
    }

    fn keep(
        &mut self,
        series: &Arc<[SeriesId]>,
        number: usize,
        stretch: &Arc<Stretch>,
        bytes_max: usize,
    ) {
        if !self
            .series
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, series))
        {
            *self = Self {
                series: Some(series.clone()),
                stretches: vec![None; series.len().div_ceil(STRETCH)],
                bytes: 0,
            };
        }
        let Some(place) = self.stretches.get_mut(number) else {
            return;
        };
        let before = place.take().map_or(0, |before| before.bytes());
        self.bytes -= before;
        if self.bytes + stretch.bytes() <= bytes_max {
            self.bytes += stretch.bytes();
            *place = Some(stretch.clone());
        }
    }
}
