//! The keys of a shard's state.

/// The header.
pub(crate) const HEADER: &[u8] = b"h";

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Header,
    Device(&'a str),
    Letter(u64),
    Payload(u64),
    Exceptions(u64),
}

impl<'a> Key<'a> {
    pub(crate) fn parse(key: &'a [u8]) -> Option<Self> {
        let (tag, rest) = key.split_first()?;
        let number = || Some(u64::from_be_bytes(rest.try_into().ok()?));
        match tag {
            b'h' if rest.is_empty() => Some(Self::Header),
            b'd' => Some(Self::Device(std::str::from_utf8(rest).ok()?)),
            b'i' => number().map(Self::Letter),
            b'p' => number().map(Self::Payload),
            b'x' => number().map(Self::Exceptions),
            _ => None,
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let numbered = |tag: u8, number: u64| {
            let mut key = vec![tag];
            key.extend_from_slice(&number.to_be_bytes());
            key
        };
        match self {
            Self::Header => HEADER.to_vec(),
            Self::Device(name) => [b"d", name.as_bytes()].concat(),
            Self::Letter(offset) => numbered(b'i', offset),
            Self::Payload(offset) => numbered(b'p', offset),
            Self::Exceptions(page) => numbered(b'x', page),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for key in [
            Key::Header,
            Key::Device("kiosk-1"),
            Key::Letter(7),
            Key::Payload(u64::MAX),
            Key::Exceptions(0),
        ] {
            assert_eq!(Key::parse(&key.bytes()), Some(key));
        }
        assert_eq!(Key::parse(b""), None);
        assert_eq!(Key::parse(b"i123"), None);
        assert_eq!(Key::parse(b"zoo"), None);
    }
}
