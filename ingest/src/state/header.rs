//! What a shard's state says of itself.

use super::{Figures, Reader, Torn, Writer};
use std::{borrow::Cow, collections::BTreeMap};

/// Counts of the whole shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Of readings: what a replay takes back goes down.
    pub(crate) figures: Figures,
    /// Of what the fold did: never goes down.
    pub(crate) ever: Figures,
    /// The same of rejections by reason.
    pub(crate) reasons: BTreeMap<Cow<'static, str>, u64>,
    /// Dead letters dropped at their bound.
    pub(crate) letters_dropped: u64,
}

/// The first thing that is read of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    /// The offset of the first record that is not folded.
    pub(crate) position: u64,
    pub(crate) totals: Totals,
}

impl Totals {
    /// Counts a rejected reading.
    pub(crate) fn reject(&mut self, reason: &'static str) {
        self.figures.rejected += 1;
        self.ever.rejected += 1;
        match self.reasons.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.reasons.insert(reason.into(), 1);
            }
        }
    }

    /// Counts readings that the store took.
    pub(crate) fn store(&mut self, readings: u64) {
        self.figures.stored += readings;
        self.ever.stored += readings;
    }
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::versioned();
        out.number(self.shard.into());
        out.number(self.shards.into());
        out.number(self.position);
        self.totals.figures.write(&mut out);
        self.totals.ever.write(&mut out);
        out.count(self.totals.reasons.len());
        for (reason, count) in &self.totals.reasons {
            out.text(reason);
            out.number(*count);
        }
        out.number(self.totals.letters_dropped);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Torn> {
        let mut from = Reader::versioned(bytes, "the header of a shard's state")?;
        let header = Self {
            shard: from.small()?,
            shards: from.small()?,
            position: from.number()?,
            totals: Totals {
                figures: Figures::read(&mut from)?,
                ever: Figures::read(&mut from)?,
                reasons: from.list(read_reason)?.into_iter().collect(),
                letters_dropped: from.number()?,
            },
        };
        from.end()?;
        Ok(header)
    }
}

fn read_reason(from: &mut Reader<'_>) -> Result<(Cow<'static, str>, u64), Torn> {
    Ok((from.text()?.to_owned().into(), from.number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_a_torn_one_does_not() {
        let mut header = Header {
            shard: 1,
            shards: 2,
            position: 77,
            ..Header::default()
        };
        header.totals.figures.received = 9;
        header.totals.reasons.insert("undecodable".into(), 3);
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for end in 0..bytes.len() {
            assert!(Header::decode(&bytes[..end]).is_err(), "{end}");
        }
    }
}
