//! Live readings as text, for streams that are not HTTP.

use crate::{fragment::Fragments, render};
use nhip_registry::Registry;
use nhip_store::Observation;

/// Writes readings as every live stream carries them.
#[derive(Default)]
pub struct LiveReadings {
    fragments: Fragments,
}

impl LiveReadings {
    /// Appends a reading as a JSON object; says whether its datastream is known.
    pub fn append(&self, registry: &Registry, of: &Observation, out: &mut Vec<u8>) -> bool {
        let fragments = self.fragments.current(registry);
        match fragments.get(of.series) {
            Some(fragment) => {
                render::json(out, fragment, of, render::Detail::Full);
                true
            }
            None => false,
        }
    }
}
