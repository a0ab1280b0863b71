//! How far those have come together who share a filter (`docs/sessions.md`).

use super::fields::{Fields, put_offsets};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupPlace {
    /// It takes records from this offset on, and is told by it from others of its name.
    pub(crate) since: u64,
    /// The oldest offset that wasn't given to anybody, but for those in `unfinished`.
    pub(crate) next: u64,
    /// Offsets before `next` that aren't acknowledged, in order.
    pub(crate) unfinished: Vec<u64>,
}

/// What a checkpoint keeps of a shared subscription.
pub(crate) struct GroupSnapshot {
    pub(crate) name: Box<str>,
    pub(crate) place: GroupPlace,
}

impl GroupPlace {
    pub(crate) fn new(since: u64) -> Self {
        Self {
            since,
            next: since,
            unfinished: Vec::new(),
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(20 + 8 * self.unfinished.len());
        out.extend_from_slice(&self.since.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        put_offsets(&mut out, &self.unfinished);
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self {
            since: fields.u64()?,
            next: fields.u64()?,
            unfinished: fields.offsets()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_not_when_it_is_cut() {
        let place = GroupPlace {
            since: 3,
            next: 9,
            unfinished: vec![4, 8],
        };
        let bytes = place.write();
        assert_eq!(GroupPlace::read(&bytes), Some(place));
        assert_eq!(GroupPlace::read(&bytes[..bytes.len() - 1]), None);
    }
}
