//! Flat JSON objects, as commands are: names with texts, decimal numbers, booleans or null.
//!
//! A full parser would bring floats, which cost a device without a floating-point unit more
//! flash than everything else about commands.

/// A member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json<'a> {
    /// A text without escapes.
    Text(&'a str),
    /// A number, as it is written.
    Number(&'a str),
    Bool(bool),
    Null,
}

impl<'a> Json<'a> {
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number as an integer of its last decimal place; none if it has more decimals than
    /// that, an exponent, or is beyond the integer.
    pub(crate) fn scaled(self, decimals: u8) -> Option<i32> {
        let Self::Number(text) = self else {
            return None;
        };
        let (sign, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (-1, rest),
            whole => (1, whole),
        };
        let mut value: i64 = 0;
        let mut fraction = None;
        for &byte in digits {
            match (byte, &mut fraction) {
                (b'.', None) => fraction = Some(0),
                // More decimals than the channel has, as long as they say nothing.
                (b'0', Some(places)) if *places == decimals => {}
                (b'0'..=b'9', places) => {
                    if let Some(places) = places {
                        *places += 1;
                    }
                    value = value.checked_mul(10)?.checked_add((byte - b'0').into())?;
                }
                _ => return None,
            }
        }
        let given = fraction.unwrap_or(0);
        for _ in 0..decimals.checked_sub(given)? {
            value = value.checked_mul(10)?;
        }
        i32::try_from(sign * value).ok()
    }
}

/// Calls back for each member; false if the text is no flat object.
pub(crate) fn members<'a>(text: &'a [u8], each: &mut dyn FnMut(&'a str, Json<'a>)) -> bool {
    let mut from = Scanner { left: text };
    from.object(each).is_some() && from.skipped().is_empty()
}

struct Scanner<'a> {
    left: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn object(&mut self, each: &mut dyn FnMut(&'a str, Json<'a>)) -> Option<()> {
        self.take(b"{")?;
        if self.take(b"}").is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.take(b":")?;
            let value = self.value()?;
            each(name, value);
            if self.take(b",").is_none() {
                return self.take(b"}");
            }
        }
    }

    fn value(&mut self) -> Option<Json<'a>> {
        for (word, value) in [
            (&b"null"[..], Json::Null),
            (b"true", Json::Bool(true)),
            (b"false", Json::Bool(false)),
        ] {
            if self.take(word).is_some() {
                return Some(value);
            }
        }
        if self.skipped().first() == Some(&b'"') {
            return self.text().map(Json::Text);
        }
        self.left = self.skipped();
        let number = self.until(|byte| !b"0123456789-+.eE".contains(&byte))?;
        (!number.is_empty()).then_some(Json::Number(number))
    }

    fn text(&mut self) -> Option<&'a str> {
        self.take(b"\"")?;
        let text = self.until(|byte| byte == b'"' || byte == b'\\' || byte.is_ascii_control())?;
        // The quote has to come at once: there is no space in between.
        self.left = self.left.strip_prefix(b"\"")?;
        Some(text)
    }

    /// What comes before the first byte of a kind.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> Option<&'a str> {
        let end = self.left.iter().position(|&byte| ends(byte));
        let (before, rest) = self.left.split_at(end.unwrap_or(self.left.len()));
        self.left = rest;
        core::str::from_utf8(before).ok()
    }

    fn take(&mut self, token: &[u8]) -> Option<()> {
        self.left = self.skipped().strip_prefix(token)?;
        Some(())
    }

    fn skipped(&self) -> &'a [u8] {
        let mut left = self.left;
        while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = left {
            left = rest;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Option<Vec<(&str, Json<'_>)>> {
        let mut found = Vec::new();
        members(text.as_bytes(), &mut |name, value| {
            found.push((name, value))
        })
        .then_some(found)
    }

    #[test]
    fn reads_flat_objects() {
        assert_eq!(all("{}"), Some(vec![]));
        let found = all("{ \"id\" : \"a-1\", \"high\":-1.50,\"low\":null,\n\"on\":true}").unwrap();
        assert_eq!(found[0], ("id", Json::Text("a-1")));
        assert_eq!(found[1].1.scaled(3), Some(-1500));
        assert_eq!(found[2].1, Json::Null);
        assert_eq!(found[3].1, Json::Bool(true));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "{",
            "[]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":{}}",
            "{\"a\":\"\\n\"}",
            "{\"a\":1} x",
            "{a:1}",
            "{\"a\":nul}",
        ] {
            assert_eq!(all(text), None, "{text}");
        }
        assert!(!members(b"{\"\xff\":1}", &mut |_, _| {}));
        assert!(!members(&[b'{', 0xff, b'}'], &mut |_, _| {}));
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let scaled = |text, decimals| Json::Number(text).scaled(decimals);
        assert_eq!(scaled("1.5", 1), Some(15));
        assert_eq!(scaled("1.50", 1), Some(15));
        assert_eq!(scaled("2", 3), Some(2000));
        assert_eq!(scaled("1.55", 1), None);
        assert_eq!(scaled("1e3", 0), None);
        assert_eq!(scaled("2147483648", 0), None);
        assert_eq!(scaled("-2147483648", 0), Some(i32::MIN));
        assert_eq!(scaled("99999999999999999999", 0), None);
    }
}
