//! Decimal numbers as JSON writes them, to the nearest 64-bit float.

/// 10^0 … 10^22, all exact in 64 bits.
static POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A number token and where it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number<'a> {
    /// As written.
    pub(crate) text: &'a str,
    /// Its magnitude without point and exponent, if it has at most 19 digits.
    mantissa: Option<u64>,
    negative: bool,
    /// Digits behind the point.
    decimals: u32,
    has_exponent: bool,
}

impl<'a> Number<'a> {
    /// The JSON number at `at`; its grammar is RFC 8259's to the letter (no `+1`, `01`, `.5`).
    pub(crate) fn scan(text: &'a str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let negative = bytes.get(at) == Some(&b'-');
        let mut end = at + usize::from(negative);
        let mut mantissa = 0_u64;
        let digits_from = end;
        end = digits(bytes, end, &mut mantissa);
        let mut count = end - digits_from;
        if count == 0 || (count > 1 && bytes[digits_from] == b'0') {
            return None;
        }
        let mut decimals = 0;
        if bytes.get(end) == Some(&b'.') {
            let from = end + 1;
            end = digits(bytes, from, &mut mantissa);
            decimals = end - from;
            if decimals == 0 {
                return None;
            }
            count += decimals;
        }
        let has_exponent = matches!(bytes.get(end), Some(b'e' | b'E'));
        if has_exponent {
            end += 1;
            if matches!(bytes.get(end), Some(b'+' | b'-')) {
                end += 1;
            }
            let from = end;
            end = digits(bytes, from, &mut 0);
            if end == from {
                return None;
            }
        }
        Some(Self {
            text: &text[at..end],
            mantissa: (count <= 19).then_some(mantissa),
            negative,
            decimals: u32::try_from(decimals).unwrap_or(u32::MAX),
            has_exponent,
        })
    }

    /// Its value, rounded to the nearest float; none if it is beyond the largest. Never -0.0.
    pub(crate) fn value(&self) -> Option<f64> {
        if let Some(mantissa) = self.mantissa
            && mantissa <= 1 << 53
            && !self.has_exponent
            && let Some(power) = POWERS.get(self.decimals as usize)
        {
            // Both operands are exact, so the one division rounds correctly.
            let value = mantissa as f64 / power;
            return Some(if self.negative { 0.0 - value } else { value });
        }
        let value: f64 = self.text.parse().ok()?;
        value.is_finite().then_some(value + 0.0)
    }

    /// Its value as an integer, if it is written as one.
    pub(crate) fn integer(&self) -> Option<i128> {
        if self.has_exponent || self.decimals > 0 {
            return None;
        }
        match self.mantissa.map(i128::from) {
            Some(magnitude) if self.negative => Some(-magnitude),
            Some(magnitude) => Some(magnitude),
            None => self.text.parse().ok(),
        }
    }
}

fn digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Option<f64> {
        Number::scan(text, 0)?.value()
    }

    #[test]
    fn takes_what_json_calls_a_number() {
        assert_eq!(value("31.2"), Some(31.2));
        assert_eq!(value("-0.5"), Some(-0.5));
        assert_eq!(
            value("9223372036854775808"),
            Some(9_223_372_036_854_775_808.0)
        );
        assert_eq!(value("1e-400"), Some(0.0));
        assert_eq!(value("1E+2"), Some(100.0));
        for none in ["", "-", ".5", "01", "1.", "1e", "1e+", "+1", "NaN"] {
            assert_eq!(Number::scan(none, 0), None, "{none}");
        }
    }

    #[test]
    fn has_no_infinity_and_no_negative_zero() {
        assert_eq!(value("1e400"), None);
        assert_eq!(value("-1e400"), None);
        for zero in ["-0.0", "-0", "-0e5", "-1e-400"] {
            assert!(value(zero).unwrap().is_sign_positive(), "{zero}");
        }
    }

    proptest! {
        #[test]
        fn integers_are_what_the_standard_library_parses(number: i128, shift in 0_u32..128) {
            let text = (number >> shift).to_string();
            let read = Number::scan(&text, 0).and_then(|number| number.integer());
            prop_assert_eq!(read, Some(number >> shift));
        }

        #[test]
        fn is_what_the_standard_library_parses(number in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            for text in [format!("{number}"), format!("{number:e}"), format!("{number:.3}")] {
                prop_assert_eq!(value(&text), text.parse::<f64>().ok().map(|v| v + 0.0), "{}", text);
            }
        }

        #[test]
        fn short_decimals_are_exact(mantissa in any::<i64>(), decimals in 0_usize..25) {
            let text = format!("{}.{:0>width$}", mantissa / 1000, (mantissa % 1000).unsigned_abs(), width = decimals.max(3));
            prop_assert_eq!(value(&text), text.parse::<f64>().ok());
        }
    }
}
