//! How registers are a number, and the number a value.

use crate::{reading::Value, sensors::suspect};
use core::ops::RangeInclusive;

/// How one or two registers are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned, the higher word first.
    U32,
    /// Two registers, unsigned, the lower word first.
    U32Swapped,
    /// Two registers, two's complement, the higher word first.
    I32,
    /// Two registers, two's complement, the lower word first.
    I32Swapped,
    /// Two registers, an IEEE 754 float of 32 bits, the higher word first.
    F32,
    /// Two registers, an IEEE 754 float of 32 bits, the lower word first.
    F32Swapped,
}

/// One channel's place in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The register, counted from the first that is read.
    pub register: u8,
    /// What it holds.
    pub number: Number,
    /// Multiplied by the first and divided by the second (above 0) it is the value in the
    /// channel's last decimal, rounded.
    pub scale: (i32, i32),
    /// The integer with which the instrument says that it has no value. Of floats, none but NaN
    /// says so.
    pub none: Option<i64>,
    /// Values that the channel can mean.
    pub range: RangeInclusive<i32>,
}

/// What registers hold.
enum Raw {
    /// An integer times two to this power.
    Binary(i64, i32),
    /// No number.
    NotANumber,
    /// More than a float can say.
    Infinite,
}

/// Largest power of two by which a number is divided as it is: a scale's divisor has 31 bits.
const HALVINGS_MAX: u32 = 31;

impl Number {
    /// How many registers it takes.
    pub(super) const fn registers(self) -> usize {
        match self {
            Self::U16 | Self::I16 => 1,
            _ => 2,
        }
    }

    /// What these registers hold; the second is 0 where there is none.
    fn raw(self, first: u16, second: u16) -> Raw {
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        match self {
            Self::U16 => Raw::Binary(first.into(), 0),
            Self::I16 => Raw::Binary((first as i16).into(), 0),
            Self::U32 => Raw::Binary(pair(first, second).into(), 0),
            Self::U32Swapped => Raw::Binary(pair(second, first).into(), 0),
            Self::I32 => Raw::Binary((pair(first, second) as i32).into(), 0),
            Self::I32Swapped => Raw::Binary((pair(second, first) as i32).into(), 0),
            Self::F32 => float(pair(first, second)),
            Self::F32Swapped => float(pair(second, first)),
        }
    }
}

/// A float's parts, so that nothing is lost to rounding and no floating-point code is linked in.
fn float(bits: u32) -> Raw {
    let exponent = (bits >> 23 & 0xff) as i32;
    let fraction = i64::from(bits & 0x7f_ffff);
    let (mantissa, exponent) = match (exponent, fraction) {
        (0xff, 0) => return Raw::Infinite,
        (0xff, _) => return Raw::NotANumber,
        (0, _) => (fraction, 1),
        _ => (fraction | 0x80_0000, exponent),
    };
    let sign = if bits >> 31 == 0 { 1 } else { -1 };
    Raw::Binary(sign * mantissa, exponent - 150)
}

impl Field {
    /// Whether it lies within so many registers and can be scaled.
    pub(super) fn fits(&self, registers: u8) -> bool {
        usize::from(self.register) + self.number.registers() <= usize::from(registers)
            && self.scale.1 > 0
    }

    /// The value in an answer's registers.
    pub(super) fn value(&self, registers: &[u8]) -> Value {
        let word = |at: usize| {
            let at = 2 * (usize::from(self.register) + at);
            registers
                .get(at..at + 2)
                .map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        let second = match self.number.registers() {
            1 => 0,
            _ => word(1),
        };
        let scaled = match self.number.raw(word(0), second) {
            Raw::NotANumber => return Value::MISSING,
            Raw::Infinite => return Value::FAULT,
            Raw::Binary(raw, 0) if self.none == Some(raw) => return Value::MISSING,
            Raw::Binary(mantissa, exponent) => self.scaled(mantissa, exponent),
        };
        match scaled.and_then(|scaled| i32::try_from(scaled).ok()) {
            Some(scaled) if self.range.contains(&scaled) => Value::good(scaled),
            Some(scaled) => suspect(scaled),
            None => Value::FAULT,
        }
    }

    /// A number times two to a power, scaled and rounded; none beyond 64 bits.
    fn scaled(&self, mantissa: i64, exponent: i32) -> Option<i64> {
        // 33 bits by 32.
        let mut product = mantissa.checked_mul(self.scale.0.into())?;
        let mut divisor = i64::from(self.scale.1.max(1));
        if exponent > 0 && product != 0 {
            let factor = 1_i64.checked_shl(exponent.unsigned_abs())?;
            product = product.checked_mul(factor)?;
        } else if exponent < 0 {
            let halvings = exponent.unsigned_abs();
            // What is shifted out here is less than a thousandth of the last decimal.
            let out = halvings.saturating_sub(HALVINGS_MAX).min(63);
            product >>= out;
            divisor <<= halvings.min(HALVINGS_MAX);
        }
        let rounding = divisor / 2 * product.signum();
        Some(product.checked_add(rounding)? / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Quality;

    fn field(number: Number, scale: (i32, i32)) -> Field {
        Field {
            register: 0,
            number,
            scale,
            none: Some(0xffff_ffff),
            range: i32::MIN..=i32::MAX,
        }
    }

    fn of(number: Number, scale: (i32, i32), bits: u32) -> Value {
        field(number, scale).value(&bits.to_be_bytes())
    }

    #[test]
    fn words_may_be_swapped_and_numbers_negative() {
        let swapped = field(Number::I32Swapped, (1, 1));
        assert_eq!(
            swapped.value(&[0x89, 0xfc, 0x00, 0x01]),
            Value::good(0x0001_89fc)
        );
        let signed = field(Number::I16, (10, 1));
        assert_eq!(signed.value(&[0xff, 0xf6]), Value::good(-100));
    }

    #[test]
    fn unsigned_pairs_have_all_their_32_bits() {
        // A meter's 3,000,000,000 Wh in kWh.
        let wh = 3_000_000_000_u32;
        assert_eq!(of(Number::U32, (1, 1_000), wh), Value::good(3_000_000));
        let swapped = wh.rotate_left(16);
        assert_eq!(
            of(Number::U32Swapped, (1, 1_000), swapped),
            Value::good(3_000_000)
        );
        assert_eq!(of(Number::U32, (1, 1), wh), Value::FAULT);
        assert_eq!(of(Number::U32, (1, 1), 0xffff_ffff), Value::MISSING);
    }

    #[test]
    fn floats_are_scaled_and_rounded_as_their_decimals_are() {
        for (value, scale, scaled) in [
            (21.37_f32, 100, 2_137),
            (-0.25, 100, -25),
            (0.1, 10, 1),
            (0.0, 100, 0),
            (-0.0, 100, 0),
            (1e-30, 1_000, 0),
            (-1e-30, 1_000, 0),
            (16_777_216.0, 100, 1_677_721_600),
            (1.0e9, 1, 1_000_000_000),
            (0.005, 100, 0),
            (f32::MIN_POSITIVE / 4.0, 1_000_000, 0),
        ] {
            let value = value.to_bits();
            assert_eq!(of(Number::F32, (scale, 1), value), Value::good(scaled));
            let swapped = value.rotate_left(16);
            assert_eq!(
                of(Number::F32Swapped, (scale, 1), swapped),
                Value::good(scaled)
            );
        }
    }

    #[test]
    fn floats_that_are_no_numbers_are_missing_and_too_large_ones_a_fault() {
        assert_eq!(of(Number::F32, (1, 1), f32::NAN.to_bits()), Value::MISSING);
        for value in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 3e9] {
            assert_eq!(of(Number::F32, (1, 1), value.to_bits()), Value::FAULT);
        }
    }

    #[test]
    fn a_value_beyond_what_the_channel_means_is_suspect() {
        let narrow = Field {
            range: -40_00..=85_00,
            ..field(Number::F32, (100, 1))
        };
        let value = narrow.value(&99.5_f32.to_bits().to_be_bytes());
        assert_eq!((value.scaled, value.quality), (9_950, Quality::Suspect));
    }
}
