//! What the platform makes of what devices published: decoded, deduplicated.

use crate::broker::Published;
use nhip_wire::{
    Format,
    compact::Decoder,
    topic::{self, Topic},
};
use std::collections::BTreeMap;

/// A reading as the platform stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The datastream.
    pub name: String,
    /// When it was measured, ms since 1970 UTC.
    pub time_ms: i64,
    /// The value.
    pub value: f64,
    /// Whether its time is doubtful.
    pub doubtful: bool,
}

/// The readings of one device by boot and seq, and how many came more than once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// The first of each that came.
    pub stored: BTreeMap<(u32, u64), Stored>,
    /// Readings that were known.
    pub duplicates: u64,
    /// Messages with readings.
    pub messages: u64,
}

impl Store {
    /// Takes everything that a device published.
    ///
    /// # Panics
    ///
    /// When a payload can't be decoded, isn't numbered, or says something else under a known
    /// number.
    pub fn of(device: &str, published: &[Published]) -> Self {
        let mut store = Self::default();
        for message in published {
            let readings = topic::parse(&message.topic);
            let of_device = Ok(Topic::Readings {
                device,
                format: Format::Compact,
            });
            if readings == of_device {
                store.take(message);
            }
        }
        store
    }

    fn take(&mut self, message: &Published) {
        self.messages += 1;
        let decoder = Decoder::new(&message.payload).unwrap_or_else(|error| panic!("{error}"));
        let header = *decoder.header();
        let (boot, _) = header.numbered.unwrap_or_else(|| panic!("not numbered"));
        let names: Vec<String> = decoder
            .channels()
            .as_slice()
            .iter()
            .map(|channel| channel.name.to_owned())
            .collect();
        for sample in decoder {
            let sample = sample.unwrap_or_else(|error| panic!("{error}"));
            let base_ms = match header.base_ms {
                Some(_) => 0,
                None => (crate::network::EPOCH_US + message.at_us as i64) / 1000,
            };
            let reading = Stored {
                name: names[usize::from(sample.channel)].clone(),
                time_ms: base_ms + sample.time_ms,
                value: sample.value,
                doubtful: header.clock_doubtful,
            };
            let key = (boot, sample.seq.unwrap_or_else(|| panic!("not numbered")));
            match self.stored.get(&key) {
                None => {
                    self.stored.insert(key, reading);
                }
                Some(known) => {
                    self.duplicates += 1;
                    let same = known.name == reading.name && known.value == reading.value;
                    assert!(same, "{key:?} was {known:?} and is {reading:?}");
                }
            }
        }
    }
}
