//! Chance that is the same every time it is asked: hashes, and smooth noise made of them.

/// A hash of a seed and some numbers (SplitMix64 finaliser), for draws without a state.
pub fn hash(seed: u64, parts: &[i64]) -> u64 {
    parts.iter().fold(mix(seed), |state, part| {
        mix(state ^ (*part as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    })
}

/// A hash of a seed and a name.
pub fn hash_name(seed: u64, name: &str) -> u64 {
    name.bytes()
        .fold(mix(seed), |state, byte| mix(state ^ u64::from(byte)))
}

/// A number in 0..1 for a seed and some numbers.
pub fn unit(seed: u64, parts: &[i64]) -> f64 {
    (hash(seed, parts) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Smooth noise in -1..1 over one dimension; its knots are at the whole numbers.
pub fn smooth(seed: u64, x: f64) -> f64 {
    let (cell, part) = (x.floor(), fade(x - x.floor()));
    let at = |knot: i64| unit(seed, &[knot]) * 2.0 - 1.0;
    lerp(at(cell as i64), at(cell as i64 + 1), part)
}

/// Smooth noise in 0..1 over two dimensions of place and one of time.
pub fn field(seed: u64, x: f64, y: f64, t: f64) -> f64 {
    let knot = |dx: i64, dy: i64, dt: i64| {
        unit(
            seed,
            &[
                x.floor() as i64 + dx,
                y.floor() as i64 + dy,
                t.floor() as i64 + dt,
            ],
        )
    };
    let (px, py, pt) = (
        fade(x - x.floor()),
        fade(y - y.floor()),
        fade(t - t.floor()),
    );
    let plane = |dt| {
        let near = lerp(knot(0, 0, dt), knot(1, 0, dt), px);
        let far = lerp(knot(0, 1, dt), knot(1, 1, dt), px);
        lerp(near, far, py)
    };
    lerp(plane(0), plane(1), pt)
}

fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn fade(x: f64) -> f64 {
    x * x * (3.0 - 2.0 * x)
}

fn lerp(from: f64, to: f64, part: f64) -> f64 {
    from + (to - from) * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn noise_stays_in_its_range_and_has_no_jumps(
            seed in any::<u64>(), x in -1e6..1e6_f64, y in -1e3..1e3_f64, t in -1e6..1e6_f64,
        ) {
            let value = field(seed, x, y, t);
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert!((value - field(seed, x + 1e-4, y, t)).abs() < 1e-3);
            prop_assert!((-1.0..=1.0).contains(&smooth(seed, x)));
            prop_assert!((smooth(seed, x) - smooth(seed, x + 1e-4)).abs() < 1e-3);
        }
    }

    #[test]
    fn another_seed_is_another_city() {
        assert_ne!(unit(1, &[5]), unit(2, &[5]));
        assert_ne!(hash_name(1, "a"), hash_name(1, "b"));
    }
}
