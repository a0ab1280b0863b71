//! The copy of the store into the other kind.

use nhip_store::{CopyCheck, CopyProgress};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreCopyPut {
    /// The kind that has the readings: `embedded` or `questdb`.
    pub from: String,
    /// The kind that is to have them.
    pub to: String,
    /// Compares everything again, which needs a copy that is whole (default false).
    #[serde(default)]
    pub check: bool,
    /// Readings copied in a second at most (default 200,000).
    #[serde(default)]
    #[schema(minimum = 1)]
    pub readings_per_s_max: Option<u64>,
}

/// What comparing everything again has found; what waited for its round is not among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreCheck {
    /// Readings that are the same in both stores.
    pub readings: u64,
    /// Pairs of series and day that they are of.
    pub series_days: u64,
    /// The sum of their checksums, hexadecimal.
    pub checksum: String,
    /// Pairs that differed; they were copied again.
    pub differences: u64,
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreCopy {
    /// The kind that has the readings.
    pub from: String,
    /// The kind that is to have them.
    pub to: String,
    /// `emptying` (the target's older copy goes), `copying` (the history), `following` (the
    /// history is copied, and what comes is in rounds: the platform can be started with the
    /// other `store.kind`), `checking` (everything is compared again) or `failed`.
    pub phase: String,
    /// UTC days of the history.
    pub days: u64,
    /// Days that are done in this pass.
    pub days_done: u64,
    /// Readings that were copied and compared, those of hours that changed once more.
    pub readings: u64,
    /// Pairs of series and day that were copied and compared.
    pub series_days: u64,
    /// The sum of the checksums of what was copied and compared, hexadecimal.
    pub checksum: String,
    /// What comparing everything again has found the last time, or so far; absent if it was
    /// never asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<StoreCheck>,
    /// Pairs of series and day that have changed and wait for their round.
    pub waiting: u64,
    /// Readings a second, since this process goes on with it.
    pub readings_per_s: f64,
    /// Until the history is done, s; absent when that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<f64>,
    /// Why it failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether it waits for what a person has to mend, as `problem` says; it goes on by itself
    /// then.
    #[serde(default)]
    pub stuck: bool,
}

impl From<CopyProgress> for StoreCopy {
    fn from(progress: CopyProgress) -> Self {
        Self {
            from: progress.from.name().to_owned(),
            to: progress.to.name().to_owned(),
            phase: progress.phase.name().to_owned(),
            days: progress.days,
            days_done: progress.days_done,
            readings: progress.readings,
            series_days: progress.pairs,
            checksum: format!("{:016x}", progress.checksum),
            check: progress.check.map(StoreCheck::from),
            waiting: progress.waiting,
            readings_per_s: progress.readings_per_s,
            remaining_s: progress.remaining.map(|time| time.as_secs_f64()),
            problem: progress.problem,
            stuck: progress.is_stuck,
        }
    }
}

impl From<CopyCheck> for StoreCheck {
    fn from(check: CopyCheck) -> Self {
        Self {
            readings: check.readings,
            series_days: check.pairs,
            checksum: format!("{:016x}", check.checksum),
            differences: check.differences,
        }
    }
}
