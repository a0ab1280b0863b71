//! A dead letter without its payload.

use super::{Reader, Torn, Writer};
use std::sync::Arc;

/// Where rejected readings were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// Under the device's own name.
    #[default]
    Own,
    /// Under `_unknown`: no device is named.
    Unknown,
    /// Under `_other`: too many devices that nobody registered.
    Other,
}

/// The rejected readings of one device in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) device: Option<Arc<str>>,
    pub(crate) account: Account,
    pub(crate) readings: u32,
}

/// Which readings of a record: those whose bit is set; every one if there are no bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejected(pub(crate) Vec<u8>);

/// Stands between the reasons of an entry.
pub(crate) const REASONS_END: &str = ",";

/// What is kept of a dead letter in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) received_us: i64,
    pub(crate) replayed_us: Option<i64>,
    /// Why, each reason once, with [`REASONS_END`] between them.
    pub(crate) reasons: Arc<str>,
    pub(crate) detail: Arc<str>,
    pub(crate) topic: Arc<str>,
    pub(crate) parts: Vec<Part>,
    pub(crate) rejected: Rejected,
    /// Bytes that it is charged with.
    pub(crate) bytes: u64,
}

impl Rejected {
    /// Whether the reading at `index` is one of them.
    pub(crate) fn has(&self, index: u32) -> bool {
        self.0.is_empty()
            || self
                .0
                .get(index as usize / 8)
                .is_some_and(|bits| bits >> (index % 8) & 1 != 0)
    }

    /// Adds a reading.
    pub(crate) fn add(&mut self, index: u32) {
        let at = index as usize / 8;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (index % 8);
    }

    /// Those of both.
    pub(crate) fn union(&mut self, other: &Self) {
        if self.0.is_empty() || other.0.is_empty() {
            self.0.clear();
            return;
        }
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }
}

impl Entry {
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &str> {
        self.reasons.split(REASONS_END)
    }

    pub(crate) fn readings(&self) -> u32 {
        self.parts.iter().map(|part| part.readings).sum()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::versioned();
        out.signed(self.received_us);
        out.number(self.replayed_us.is_some().into());
        out.signed(self.replayed_us.unwrap_or_default());
        out.text(&self.reasons);
        out.text(&self.detail);
        out.text(&self.topic);
        out.count(self.parts.len());
        for part in &self.parts {
            out.text(part.device.as_deref().unwrap_or_default());
            out.number(part.account as u64);
            out.number(part.readings.into());
        }
        out.bytes(&self.rejected.0);
        out.number(self.bytes);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Torn> {
        let mut from = Reader::versioned(bytes, "a dead letter")?;
        let entry = Self {
            received_us: from.signed()?,
            replayed_us: match (from.flag()?, from.signed()?) {
                (true, replayed_us) => Some(replayed_us),
                (false, _) => None,
            },
            reasons: from.text()?.into(),
            detail: from.text()?.into(),
            topic: from.text()?.into(),
            parts: from.list(read_part)?,
            rejected: Rejected(from.bytes()?.to_vec()),
            bytes: from.number()?,
        };
        from.end()?;
        Ok(entry)
    }
}

fn read_part(from: &mut Reader<'_>) -> Result<Part, Torn> {
    Ok(Part {
        device: Some(from.text()?)
            .filter(|name| !name.is_empty())
            .map(Arc::from),
        account: match from.number()? {
            0 => Account::Own,
            1 => Account::Unknown,
            2 => Account::Other,
            _ => return Err(from.torn()),
        },
        readings: from.small()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_a_torn_one_does_not() {
        let mut rejected = Rejected::default();
        rejected.add(9);
        let entry = Entry {
            received_us: 5,
            replayed_us: Some(-6),
            reasons: "out_of_range,bad_value".into(),
            detail: "nhiệt độ".into(),
            topic: "a/b".into(),
            parts: vec![
                Part {
                    device: Some("a".into()),
                    account: Account::Other,
                    readings: 4,
                },
                Part::default(),
            ],
            rejected,
            bytes: 300,
        };
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        for end in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn no_bits_mean_every_reading() {
        let mut some = Rejected::default();
        assert!(some.has(70_000));
        some.add(3);
        assert!(some.has(3) && !some.has(2) && !some.has(70_000));
        let mut more = Rejected::default();
        more.add(20);
        some.union(&more);
        assert!(some.has(3) && some.has(20) && !some.has(4));
        some.union(&Rejected::default());
        assert!(some.has(4));
    }
}
