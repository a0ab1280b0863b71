//! Where in the log retained messages are, as far as appends of this process tell.

use nhip_log::{AppendError, Offset};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Knows of stretches of the log that no retained message is in, so that they needn't be read.
#[derive(Debug)]
pub(crate) struct Retaining {
    under_way: AtomicU32,
    end: AtomicU64,
}

impl Retaining {
    /// Before `durable_end` there may be some.
    pub(crate) fn new(durable_end: u64) -> Self {
        Self {
            under_way: AtomicU32::new(0),
            end: AtomicU64::new(durable_end),
        }
    }

    /// Every append of records of which one is retained goes through here.
    pub(crate) fn append(
        &self,
        append: impl FnOnce() -> Result<Offset, AppendError>,
    ) -> Result<Offset, AppendError> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let appended = append();
        if let Ok(last) = &appended {
            self.end.fetch_max(last.next().0, Ordering::SeqCst);
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        appended
    }

    /// Whether none is retained from `offset` on, in what was durable before this was asked.
    pub(crate) fn none_from(&self, offset: u64) -> bool {
        // In this order: an append that is not under way any more has noted its end.
        self.under_way.load(Ordering::SeqCst) == 0 && self.end.load(Ordering::SeqCst) <= offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_passed_over_before_the_newest_retained_record() {
        let retaining = Retaining::new(5);
        assert!(!retaining.none_from(4));
        assert!(retaining.none_from(5));
        let appended = retaining.append(|| {
            assert!(!retaining.none_from(u64::MAX), "while it is under way");
            Ok(Offset(9))
        });
        assert_eq!(appended.ok(), Some(Offset(9)));
        assert!(!retaining.none_from(9));
        assert!(retaining.none_from(10));
    }

    #[test]
    fn a_failed_append_leaves_nothing_behind() {
        let retaining = Retaining::new(0);
        let failed = retaining.append(|| Err(AppendError::Full { queued_bytes: 1 }));
        assert!(failed.is_err());
        assert!(retaining.none_from(0));
    }
}
