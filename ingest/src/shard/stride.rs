//! How much of the log is read at a time.

use crate::config::Config;

/// Grows where many bytes hold few readings, so that a store that answers slowly, but takes many
/// at once, is asked less often; and shrinks again.
#[derive(Debug, Default)]
pub(super) struct Stride {
    /// How often `batch_bytes` is doubled.
    doublings: u32,
}

impl Stride {
    /// Bytes to read next.
    pub(super) fn bytes(&self, config: &Config) -> usize {
        config.batch_bytes << self.doublings
    }

    /// Learns from a batch: its bytes of the log and its readings.
    pub(super) fn learn(&mut self, bytes: usize, rows: usize, config: &Config) {
        let held = self.bytes(config);
        let is_full = bytes >= held / 2;
        if rows >= config.batch_rows {
            self.doublings = self.doublings.saturating_sub(1);
        } else if is_full && 2 * rows <= config.batch_rows && held <= config.batch_bytes_max / 2 {
            self.doublings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn more_is_read_while_batches_are_full_and_hold_few_readings() {
        let config = Config::default();
        let mut stride = Stride::default();
        assert_eq!(stride.bytes(&config), MIB);
        stride.learn(MIB / 4, 10, &config);
        assert_eq!(stride.bytes(&config), MIB, "the log had no more");
        stride.learn(MIB, 4_000, &config);
        assert_eq!(stride.bytes(&config), 2 * MIB);
        stride.learn(2 * MIB, 8_000, &config);
        assert_eq!(stride.bytes(&config), 4 * MIB);
        stride.learn(4 * MIB, 45_000, &config);
        assert_eq!(stride.bytes(&config), 4 * MIB, "that is enough");
    }

    #[test]
    fn it_is_bounded_and_shrinks_again() {
        let config = Config::default();
        let mut stride = Stride::default();
        for _ in 0..20 {
            stride.learn(stride.bytes(&config), 1, &config);
        }
        assert_eq!(stride.bytes(&config), config.batch_bytes_max);
        for _ in 0..20 {
            stride.learn(stride.bytes(&config), 1 << 20, &config);
        }
        assert_eq!(stride.bytes(&config), config.batch_bytes);
    }
}
