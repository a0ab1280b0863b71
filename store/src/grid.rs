//! The buckets that a range is cut into, whoever keeps its rows.

use crate::StoreError;
use crate::period::{Calendar, DAY_US, HOUR_US};

/// Equal buckets over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Where the first bucket begins, which may be before `from_us`.
    pub(crate) start_us: i64,
    /// How long each is.
    pub(crate) width_us: i64,
    /// The first instant that counts.
    pub(crate) from_us: i64,
    /// The first instant that counts no more.
    pub(crate) to_us: i64,
}

impl Grid {
    /// At most `points` buckets over a range that is not empty. Those of an hour and more begin
    /// on whole local hours, of a day and more on days.
    pub(crate) fn new(
        calendar: Calendar,
        from_us: i64,
        to_us: i64,
        points: u32,
    ) -> Result<Self, StoreError> {
        let points = i64::from(points);
        let span = to_us
            .checked_sub(from_us)
            .ok_or_else(|| StoreError::Refused {
                what: format!("the range {from_us}..{to_us}"),
                reason: "it is longer than time".to_owned(),
            })?;
        let exact = span / points + i64::from(span % points != 0);
        if exact < HOUR_US {
            return Ok(Self {
                start_us: from_us,
                width_us: exact,
                from_us,
                to_us,
            });
        }
        let (unit, start_us) = if exact < DAY_US {
            (HOUR_US, calendar.hour_start(from_us))
        } else {
            (DAY_US, calendar.day_start(from_us))
        };
        // From an earlier beginning on, one bucket more might be needed.
        let whole = to_us.saturating_sub(start_us);
        let exact = whole / points + i64::from(whole % points != 0);
        let width_us = (exact / unit + i64::from(exact % unit != 0)).saturating_mul(unit);
        Ok(Self {
            start_us,
            width_us,
            from_us,
            to_us,
        })
    }

    /// The number of the bucket that an instant of the range is in.
    pub(crate) fn index(&self, time_us: i64) -> i64 {
        (time_us - self.start_us) / self.width_us
    }

    /// Where a bucket begins.
    pub(crate) fn begin_us(&self, index: i64) -> i64 {
        self.start_us
            .saturating_add(index.saturating_mul(self.width_us))
    }
}
