//! Room that retained messages take.

use std::ops::{AddAssign, SubAssign};

/// Messages and their bytes as records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Room {
    pub(super) fn of(bytes: u32) -> Self {
        Self {
            count: u64::from(bytes > 0),
            bytes: u64::from(bytes),
        }
    }

    pub(super) fn is_within(self, most: Self) -> bool {
        self.count <= most.count && self.bytes <= most.bytes
    }

    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            count: self.count + more.count,
            bytes: self.bytes + more.bytes,
        }
    }
}

impl AddAssign for Room {
    fn add_assign(&mut self, more: Self) {
        self.count += more.count;
        self.bytes += more.bytes;
    }
}

impl SubAssign for Room {
    fn sub_assign(&mut self, less: Self) {
        self.count = self.count.saturating_sub(less.count);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }
}
