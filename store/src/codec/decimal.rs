//! Floats that are decimals with few places, as integers.

const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const MANTISSA_MAX: f64 = 9_007_199_254_740_992.0;

/// The most decimal places that are tried.
pub(crate) const SCALE_MAX: u8 = 9;

/// `value * 10^scale` if that integer gives back the value to the bit.
#[inline]
pub(crate) fn mantissa(value: f64, scale: u8) -> Option<i64> {
    let power = *POWERS.get(usize::from(scale))?;
    let scaled = value * power;
    if scaled.is_nan() || scaled.abs() >= MANTISSA_MAX {
        return None;
    }
    let rounded = (scaled + 0.5_f64.copysign(scaled)) as i64;
    (rounded as f64 / power)
        .to_bits()
        .eq(&value.to_bits())
        .then_some(rounded)
}

/// The fewest places, from `from` on, with which the value is a decimal.
pub(crate) fn scale_of(value: f64, from: u8) -> Option<(u8, i64)> {
    (from..=SCALE_MAX).find_map(|scale| Some((scale, mantissa(value, scale)?)))
}

/// The value of an integer with `scale` places.
#[inline]
pub(crate) fn value(mantissa: i64, scale: u8) -> f64 {
    mantissa as f64 / power(scale)
}

/// Ten to the number of places.
pub(crate) fn power(scale: u8) -> f64 {
    POWERS[usize::from(scale.min(SCALE_MAX))]
}

/// The fewest places with which every value is a decimal.
pub(crate) fn common_scale(values: impl Iterator<Item = f64> + Clone) -> Option<u8> {
    let mut scale = 0;
    for value in values.clone() {
        if mantissa(value, scale).is_none() {
            scale = scale_of(value, scale)?.0;
        }
    }
    let all = scale == 0
        || values
            .into_iter()
            .all(|value| mantissa(value, scale).is_some());
    all.then_some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_found_with_their_fewest_places() {
        assert_eq!(scale_of(31.2, 0), Some((1, 312)));
        assert_eq!(scale_of(-7.0, 0), Some((0, -7)));
        assert_eq!(scale_of(0.001, 0), Some((3, 1)));
    }

    #[test]
    fn what_is_no_decimal_is_left_alone() {
        for value in [-0.0, f64::NAN, f64::INFINITY, 1e300, 1.0 / 3.0, 5e-324] {
            assert_eq!(scale_of(value, 0), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_mantissa_gives_back_its_value_to_the_bit(bits: u64, scale in 0..=SCALE_MAX) {
            let float = f64::from_bits(bits);
            if let Some(mantissa) = mantissa(float, scale) {
                prop_assert_eq!(value(mantissa, scale).to_bits(), bits);
            }
        }
    }
}
