//! JSON (RFC 8259) byte by byte, without a tree and without recursion.

use super::DecodeError;
use crate::decode::number::Number;
use std::borrow::Cow;

/// A place in a JSON text.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    depth_max: u32,
}

/// A JSON string, its escapes checked but not yet resolved.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// As written, between the quotes.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    /// What it means.
    pub(crate) fn unescaped(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        Cow::Owned(unescape(self.raw))
    }
}

impl<'a> Scanner<'a> {
    /// At the beginning of a payload; a byte order mark in front is skipped, as RFC 8259 §8.1
    /// allows.
    pub(crate) fn new(payload: &'a [u8], depth_max: u32) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(payload)
            .map_err(|error| DecodeError::new(error.valid_up_to(), "the payload is not UTF-8"))?;
        Ok(Self {
            text,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            depth: 0,
            depth_max: depth_max.min(64),
        })
    }

    /// The byte it is at.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// What was taken from a byte on.
    pub(crate) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    /// Something is wrong here.
    pub(crate) fn error(&self, detail: impl Into<Cow<'static, str>>) -> DecodeError {
        if self.at >= self.text.len() {
            return DecodeError::new(self.at, "the payload ends in the middle");
        }
        DecodeError::new(self.at, detail)
    }

    /// The next byte that is not blank.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("something follows the end of the message")),
        }
    }

    /// Whether these bytes come next.
    pub(crate) fn looking_at(&self, word: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes())
    }

    /// Takes `true`, `false` or `null`.
    pub(crate) fn literal(&mut self, word: &str) -> Result<(), DecodeError> {
        if !self.looking_at(word) {
            return Err(self.error("a value is a number, true, false or null"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes what is no JSON but what some languages write for numbers that are not finite.
    pub(crate) fn not_finite(&mut self) -> Result<&'static str, DecodeError> {
        for word in ["NaN", "nan", "Infinity", "-Infinity", "inf"] {
            if self.looking_at(word) {
                self.at += word.len();
                return Ok(word);
            }
        }
        Err(self.error("a value is a number, true, false or null"))
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        let number =
            Number::scan(self.text, self.at).ok_or_else(|| self.error("this is not a number"))?;
        self.at += number.text.len();
        Ok(number)
    }

    /// Takes a string and checks its escapes.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, DecodeError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a text in double quotes"));
        }
        let start = self.at + 1;
        self.at = start;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) => return Err(self.error("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.error("")),
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    fn escape(&mut self) -> Result<(), DecodeError> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = match rest.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(2),
            Some(b'u') => match hex4(rest, 2) {
                Some(0xD800..0xDC00) => low_surrogate(rest).map(|_| 12),
                Some(0xDC00..0xE000) | None => None,
                Some(_) => Some(6),
            },
            _ => None,
        };
        self.at += length
            .ok_or_else(|| self.error("a bad escape, or half of a surrogate pair, in a text"))?;
        Ok(())
    }

    /// Takes an object; `member` takes each value.
    pub(crate) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.open(b'{')?;
        if self.peek() == Some(b'}') {
            return self.close();
        }
        loop {
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return Err(self.error("expected ':' after the name of a member"));
            }
            self.at += 1;
            member(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.close(),
                _ => return Err(self.error("expected ',' or '}'")),
            }
        }
    }

    /// Takes an array; `element` takes each value.
    pub(crate) fn elements(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.open(b'[')?;
        if self.peek() == Some(b']') {
            return self.close();
        }
        loop {
            element(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.close(),
                _ => return Err(self.error("expected ',' or ']'")),
            }
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), DecodeError> {
        if self.peek() != Some(bracket) {
            return Err(self.error(format!("expected '{}'", char::from(bracket))));
        }
        if self.depth >= self.depth_max {
            return Err(self.error(format!("nested deeper than {}", self.depth_max)));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// Takes any value and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), DecodeError> {
        // Which of the open brackets are braces, innermost in bit 0.
        let mut braces = 0_u64;
        let floor = self.depth;
        loop {
            if !self.skip_begin(&mut braces)? {
                while self.depth > floor {
                    if self.skip_next(&mut braces)? {
                        break;
                    }
                }
                if self.depth == floor {
                    return Ok(());
                }
            }
        }
    }

    /// Takes a value without members, or opens one that has some; then it is true.
    fn skip_begin(&mut self, braces: &mut u64) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| false),
            Some(b't') => self.literal("true").map(|()| false),
            Some(b'f') => self.literal("false").map(|()| false),
            Some(b'n') => self.literal("null").map(|()| false),
            Some(bracket @ (b'{' | b'[')) => {
                self.open(bracket)?;
                *braces = *braces << 1 | u64::from(bracket == b'{');
                match (self.peek(), bracket) {
                    (Some(b'}'), b'{') | (Some(b']'), b'[') => {
                        *braces >>= 1;
                        self.close().map(|()| false)
                    }
                    (_, b'{') => self.skip_key().map(|()| true),
                    _ => Ok(true),
                }
            }
            _ => Err(self.error("expected a value")),
        }
    }

    /// Behind a value inside a bracket: true if another follows, else the bracket is closed.
    fn skip_next(&mut self, braces: &mut u64) -> Result<bool, DecodeError> {
        let in_braces = *braces & 1 == 1;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                if in_braces {
                    self.skip_key()?;
                }
                Ok(true)
            }
            Some(b'}') if in_braces => self.skip_close(braces),
            Some(b']') if !in_braces => self.skip_close(braces),
            _ => Err(self.error("expected ',' or a closing bracket")),
        }
    }

    fn skip_close(&mut self, braces: &mut u64) -> Result<bool, DecodeError> {
        *braces >>= 1;
        self.close().map(|()| false)
    }

    fn skip_key(&mut self) -> Result<(), DecodeError> {
        self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.error("expected ':' after the name of a member"));
        }
        self.at += 1;
        Ok(())
    }
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let mut value = 0;
    for &byte in bytes.get(at..at + 4)? {
        value = value << 4 | char::from(byte).to_digit(16)?;
    }
    Some(value)
}

/// The second half of a pair whose first half is at the beginning of `bytes`.
fn low_surrogate(bytes: &[u8]) -> Option<u32> {
    if bytes.get(6..8)? != b"\\u" {
        return None;
    }
    hex4(bytes, 8).filter(|half| (0xDC00..0xE000).contains(half))
}

/// Resolves escapes that [`Scanner::string`] has checked.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let bytes = &rest.as_bytes()[at..];
        let (character, length) = match bytes.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(bytes),
            Some(&byte) => (char::from(byte), 2),
            None => break,
        };
        out.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn unicode(bytes: &[u8]) -> (char, usize) {
    let first = hex4(bytes, 2).unwrap_or_default();
    match low_surrogate(bytes) {
        Some(low) if (0xD800..0xDC00).contains(&first) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        _ => (
            char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
            6,
        ),
    }
}
