//! Which series a live subscriber asked for, kept up with the registry.

use nhip_registry::{Registry, Selection, SeriesId};

/// A selection as one bit a series.
pub(super) struct Filter {
    selection: Selection,
    everything: bool,
    chosen: Vec<bool>,
    amended: u64,
}

impl Filter {
    pub(super) fn new(selection: Selection, registry: &Registry) -> Self {
        let everything = Selection {
            retired: false,
            ..selection.clone()
        } == Selection::default();
        let mut filter = Self {
            selection: Selection {
                retired: true,
                ..selection
            },
            everything,
            chosen: Vec::new(),
            amended: 0,
        };
        filter.follow(registry);
        filter
    }

    /// Brings the choice up to date: new series, and devices that were amended.
    pub(super) fn follow(&mut self, registry: &Registry) {
        if self.everything {
            return;
        }
        let amended = registry.amended_since(self.amended);
        self.amended = amended.seen;
        match amended.devices {
            None => self.chosen.clear(),
            Some(devices) => {
                let devices = devices.iter().filter_map(|id| registry.device_by_id(*id));
                for datastream in devices.flat_map(|device| device.datastreams.clone()) {
                    let series = datastream.series;
                    if let Some(chosen) = self.chosen.get_mut(series.0 as usize) {
                        *chosen = registry.selects(&self.selection, series);
                    }
                }
            }
        }
        let new: Vec<SeriesId> = (self.chosen.len()..registry.datastream_count())
            .filter_map(|number| u32::try_from(number).ok().map(SeriesId))
            .collect();
        registry.with_each(&new, |datastream, device| {
            self.chosen.push(
                self.selection.takes_device(device) && self.selection.takes_datastream(datastream),
            );
        });
    }

    pub(super) fn takes(&self, series: SeriesId) -> bool {
        self.everything
            || self
                .chosen
                .get(series.0 as usize)
                .is_some_and(|chosen| *chosen)
    }
}
