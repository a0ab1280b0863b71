//! Writing and reading byte by byte: records, settings, packets.

/// Appends to a buffer; `None` when it is full.
pub(crate) struct Writer<'b> {
    out: &'b mut [u8],
    length: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(out: &'b mut [u8]) -> Self {
        Self { out, length: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Forgets what was written behind this length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        self.out.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        self.bytes(&[byte])
    }

    /// Texts, one behind the other.
    pub(crate) fn texts(&mut self, texts: &[&str]) -> Option<()> {
        texts
            .iter()
            .try_for_each(|text| self.bytes(text.as_bytes()))
    }

    /// Unsigned LEB128. Its last byte is below 0x80, so it is never an erased byte.
    pub(crate) fn varint(&mut self, mut value: u64) -> Option<()> {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80)?;
            value >>= 7;
        }
        self.byte(value as u8)
    }

    pub(crate) fn zigzag(&mut self, value: i64) -> Option<()> {
        self.varint(((value << 1) ^ (value >> 63)) as u64)
    }
}

/// Takes from the front of a slice; `None` when it ends too early.
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*first)
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (first, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(first)
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        let mut out = [0; 40];
        let mut writer = Writer::new(&mut out);
        for value in [0, -1, 63, i64::MIN, i64::MAX] {
            let start = writer.len();
            writer.zigzag(value).unwrap();
            let length = writer.len();
            writer.truncate(start);
            assert_eq!(Reader::new(&out[start..length]).zigzag(), Some(value));
            writer = Writer::new(&mut out);
        }
    }

    #[test]
    fn a_full_buffer_and_an_early_end_are_none() {
        let mut out = [0; 1];
        assert_eq!(Writer::new(&mut out).varint(128), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
        assert_eq!(Reader::new(&[0xff; 11]).varint(), None);
    }
}
