//! How long things took, in buckets that grow by a fifth.

use std::time::Duration;

const BUCKETS: usize = 128;
const GROWTH: f64 = 1.2;

/// A histogram from 1 µs on; a quantile is right within a fifth of its value.
#[derive(Clone, Debug)]
pub struct Latency {
    counts: [u64; BUCKETS],
    count: u64,
    max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            count: 0,
            max: Duration::ZERO,
        }
    }
}

impl Latency {
    /// Counts one.
    pub fn record(&mut self, took: Duration) {
        let bucket = (took.as_secs_f64() * 1e6).max(1.0).log(GROWTH) as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.count += 1;
        self.max = self.max.max(took);
    }

    /// Adds another histogram.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The slowest, ms.
    pub fn max_ms(&self) -> f64 {
        self.max.as_secs_f64() * 1e3
    }

    /// What so large a part (0 to 1) stayed under, ms; 0 if nothing was counted.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (self.count as f64 * part).ceil() as u64;
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank && below > 0 {
                let upper_ms = GROWTH.powi(bucket as i32 + 1) / 1e3;
                return upper_ms.min(self.max_ms());
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_fifth() {
        let mut latency = Latency::default();
        for ms in 1..=1000 {
            latency.record(Duration::from_millis(ms));
        }
        let (half, most) = (latency.quantile_ms(0.5), latency.quantile_ms(0.99));
        assert!((500.0..=600.0).contains(&half), "{half}");
        assert!((990.0..=1000.0).contains(&most), "{most}");
        assert_eq!(latency.max_ms(), 1000.0);
        assert_eq!(Latency::default().quantile_ms(0.5), 0.0);
    }
}
