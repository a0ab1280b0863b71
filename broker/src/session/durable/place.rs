//! Parts of an event that its row keeps as they are: a place, and a will.

use super::fields::{Fields, put_bytes, put_offsets};

/// How far a client has come with the messages of its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The oldest offset that isn't finished: acknowledged, or received with QoS 2.
    pub(crate) cursor: u64,
    /// One past the newest offset that was, or may have been, sent.
    pub(crate) sent_end: u64,
    /// Finished offsets from the cursor on, in order: a message may be noted as finished when it
    /// was the oldest that wasn't.
    pub(crate) finished: Vec<u64>,
    /// Messages with QoS 2 that wait for PUBCOMP, in the order of their PUBREC.
    pub(crate) completing: Vec<u64>,
}

/// A will as it is kept: its delay and the envelope to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptWill {
    pub(crate) delay_s: u32,
    pub(crate) record: Box<[u8]>,
}

impl Place {
    /// Nothing before `offset` is for it any more.
    pub(crate) fn pass(&mut self, offset: u64) {
        if offset > self.cursor {
            self.cursor = offset;
            self.finished.retain(|finished| *finished >= offset);
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.cursor.to_le_bytes());
        out.extend_from_slice(&self.sent_end.to_le_bytes());
        put_offsets(out, &self.finished);
        put_offsets(out, &self.completing);
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            cursor: fields.u64()?,
            sent_end: fields.u64()?,
            finished: fields.offsets()?,
            completing: fields.offsets()?,
        })
    }
}

pub(super) fn put_will(out: &mut Vec<u8>, will: Option<&KeptWill>) {
    out.extend_from_slice(&will.map_or(0, |will| will.delay_s).to_le_bytes());
    put_bytes(out, will.map_or(&[], |will| &will.record));
}

pub(super) fn read_will(fields: &mut Fields<'_>) -> Option<Option<KeptWill>> {
    let delay_s = fields.u32()?;
    let record = fields.bytes()?;
    Some((!record.is_empty()).then(|| KeptWill {
        delay_s,
        record: record.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finished_is_forgotten_only_when_it_is_passed() {
        let place = Place {
            cursor: 7,
            finished: vec![7, 9, 12],
            ..Place::default()
        };
        let passed = |offset| {
            let mut place = place.clone();
            place.pass(offset);
            (place.cursor, place.finished)
        };
        assert_eq!(passed(0), (7, vec![7, 9, 12]));
        assert_eq!(passed(7), (7, vec![7, 9, 12]));
        assert_eq!(passed(9), (9, vec![9, 12]));
        assert_eq!(passed(13), (13, vec![]));
    }
}
