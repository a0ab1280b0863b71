//! Numbers and texts as the state's values hold them.

use thiserror::Error;

/// A value ends too early or holds what no writer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} is not readable")]
pub(crate) struct Torn {
    pub(crate) what: &'static str,
}

/// The version of every encoding in the state.
const VERSION: u64 = 1;

/// Writes a value.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn versioned() -> Self {
        let mut writer = Self::default();
        writer.number(VERSION);
        writer
    }

    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(crate) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    pub(crate) fn float(&mut self, float: f64) {
        self.bytes.extend_from_slice(&float.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads a value.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    pub(crate) fn versioned(bytes: &'a [u8], what: &'static str) -> Result<Self, Torn> {
        let mut reader = Self::new(bytes, what);
        match reader.number()? {
            VERSION => Ok(reader),
            _ => Err(reader.torn()),
        }
    }

    pub(crate) fn torn(&self) -> Torn {
        Torn { what: self.what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn end(&self) -> Result<(), Torn> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(self.torn())
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Torn> {
        let mut number = 0_u64;
        for place in 0..10 {
            let (byte, rest) = self.bytes.split_first().ok_or(Torn { what: self.what })?;
            self.bytes = rest;
            if place == 9 && *byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.torn())
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Torn> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| self.torn())
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Torn> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn float(&mut self) -> Result<f64, Torn> {
        let (float, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(Torn { what: self.what })?;
        self.bytes = rest;
        Ok(f64::from_le_bytes(*float))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Torn> {
        let length: usize = self.small()?;
        let (bytes, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(Torn { what: self.what })?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Torn> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.torn())
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Torn> {
        match self.number()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.torn()),
        }
    }

    /// A list; nothing is reserved on the word of its count.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Torn>,
    ) -> Result<Vec<T>, Torn> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(number: u64, signed: i64, float: f64, text: String) {
            let mut writer = Writer::versioned();
            writer.number(number);
            writer.signed(signed);
            writer.float(float);
            writer.text(&text);
            let bytes = writer.finish();
            let mut reader = Reader::versioned(&bytes, "test").unwrap();
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.float().map(f64::to_bits), Ok(float.to_bits()));
            prop_assert_eq!(reader.text(), Ok(&*text));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes, "test");
            while !reader.is_empty() && reader.bytes().is_ok() {}
        }
    }
}
