//! Some datastreams of a selection with their newest readings as text.

use crate::{
    fragment::FragmentTable,
    render::{self, Detail},
};
use bytes::Bytes;
use nhip_store::Observation;

/// How many datastreams are rendered together.
pub(super) const STRETCH: usize = 1_024;

/// The newest readings of up to [`STRETCH`] datastreams, as text and as they were.
pub(super) struct Stretch {
    found: Vec<Option<Observation>>,
    /// The readings, each behind a comma.
    text: Bytes,
    /// Where in the text each datastream ends; without a reading, where the one before does.
    ends: Vec<u32>,
    /// Which state of the registry it shows.
    amended: u64,
}

/// A piece of a stretch, for one answer.
pub(super) struct Piece {
    /// The readings, each behind a comma.
    pub(super) text: Bytes,
    pub(super) readings: usize,
    /// The last datastream in it that has a reading.
    pub(super) last: Option<usize>,
    /// Whether there are more readings behind it that it had no room for.
    pub(super) is_cut: bool,
}

impl Stretch {
    /// Renders what was found. What has not changed since `before` is taken from there.
    pub(super) fn render(
        found: Vec<Option<Observation>>,
        fragments: &FragmentTable,
        amended: u64,
        before: Option<&Self>,
    ) -> Self {
        let before = before.filter(|before| before.shows(amended, found.len()));
        let room = before.map_or(found.len() * 320, |before| before.text.len() + 1_024);
        let (mut text, mut ends) = (Vec::with_capacity(room), Vec::with_capacity(found.len()));
        for (at, observation) in found.iter().enumerate() {
            match before {
                Some(before) if same(before.found[at].as_ref(), observation.as_ref()) => {
                    text.extend_from_slice(&before.text[before.begin(at)..before.end(at)]);
                }
                _ => append(&mut text, observation.as_ref(), fragments),
            }
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self {
            found,
            text: text.into(),
            ends,
            amended,
        }
    }

    /// Whether it shows just this.
    pub(super) fn is(&self, found: &[Option<Observation>], amended: u64) -> bool {
        self.shows(amended, found.len())
            && self
                .found
                .iter()
                .zip(found)
                .all(|(own, found)| same(own.as_ref(), found.as_ref()))
    }

    /// What it takes in memory, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.found.len() * (size_of::<Option<Observation>>() + 4)
    }

    /// From datastream number `from` on, at most `room` readings.
    pub(super) fn piece(&self, from: usize, room: usize) -> Piece {
        let (mut readings, mut last, mut is_cut) = (0, None, false);
        for at in from..self.ends.len() {
            if self.begin(at) == self.end(at) {
                continue;
            }
            if readings == room {
                is_cut = true;
                break;
            }
            readings += 1;
            last = Some(at);
        }
        let range = last.map_or(0..0, |last| self.begin(from)..self.end(last));
        Piece {
            text: self.text.slice(range),
            readings,
            last,
            is_cut,
        }
    }

    fn shows(&self, amended: u64, datastreams: usize) -> bool {
        self.amended == amended && self.found.len() == datastreams
    }

    fn begin(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.end(before))
    }

    fn end(&self, at: usize) -> usize {
        self.ends[at] as usize
    }
}

fn append(text: &mut Vec<u8>, of: Option<&Observation>, fragments: &FragmentTable) {
    let Some(observation) = of else { return };
    if let Some(fragment) = fragments.get(observation.series) {
        text.push(b',');
        render::json(text, fragment, observation, Detail::Full);
    }
}

/// Whether they are written the same.
fn same(one: Option<&Observation>, other: Option<&Observation>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other && one.value.to_bits() == other.value.to_bits(),
        (None, None) => true,
        _ => false,
    }
}
