//! Tables that the server has suspended: it takes their rows and applies none.

use super::QuestDbStore;
use super::hours::HOURS;
use super::names::DATASTREAMS;
use super::writer::READINGS;
use crate::StoreError;
use tokio_postgres::Row;

/// Between two tries to set a table going again, µs.
const RESUME_PAUSE_US: i64 = 5_000_000;

/// Why the server applies nothing to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspended {
    table: String,
    /// In the server's words, on one line; empty if it was told to.
    told: String,
}

impl Suspended {
    /// Reads the columns name, suspended, errorTag and errorMessage of `wal_tables()`; none of
    /// a table that is not suspended.
    pub(crate) fn read(row: &Row) -> Result<Option<Self>, tokio_postgres::Error> {
        let table: &str = row.try_get(0)?;
        let is_suspended: bool = row.try_get(1)?;
        let tag: Option<&str> = row.try_get(2)?;
        let message: Option<&str> = row.try_get(3)?;
        let told = [tag.unwrap_or_default(), message.unwrap_or_default()];
        Ok(is_suspended.then(|| Self::new(table, told)))
    }

    fn new(table: &str, told: [&str; 2]) -> Self {
        Self {
            table: table.to_owned(),
            told: told.join(" ").replace('\n', " ").trim().to_owned(),
        }
    }

    /// What a person has to do.
    pub(crate) fn said(&self) -> String {
        let Self { table, told } = self;
        if told.is_empty() {
            return format!(
                "somebody has suspended QuestDB's table {table}: run ALTER TABLE {table} RESUME WAL"
            );
        }
        format!(
            "QuestDB has suspended the table {table} ({told}): see its log and mend the cause (is \
             its disk full?); it is tried again by itself"
        )
    }
}

impl QuestDbStore {
    /// Sets those of our tables going again that the server could not apply, as when its disk
    /// was full: if it still can't, it suspends them again, and nothing is lost by it. One that
    /// somebody has suspended waits for whoever did.
    pub(super) fn resume_failed(&self, now_us: i64) -> Result<(), StoreError> {
        {
            let mut resumed_us = self.resumed_us.lock();
            if now_us.saturating_sub(*resumed_us) < RESUME_PAUSE_US {
                return Ok(());
            }
            *resumed_us = now_us;
        }
        let suspended = self.suspended()?;
        for Suspended { table, told } in suspended.iter().filter(|it| !it.told.is_empty()) {
            tracing::info!(table, told, "QuestDB is told to apply what it could not");
            self.link
                .execute(&format!("ALTER TABLE {table} RESUME WAL"))?;
        }
        Ok(())
    }

    /// Those of our tables that the server has suspended, whoever told it to.
    pub(super) fn suspended(&self) -> Result<Vec<Suspended>, StoreError> {
        let rows = self.link.query(&format!(
            "SELECT name, suspended, errorTag, errorMessage FROM wal_tables() \
             WHERE suspended AND name IN ('{READINGS}', '{HOURS}', '{DATASTREAMS}')"
        ))?;
        let read: Result<Vec<_>, _> = rows.iter().map(Suspended::read).collect();
        let read = read.map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
        Ok(read.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_reason_was_suspended_by_somebody() {
        let failed = Suspended::new("hours", ["", "[28] No space left\n[size=1, fd=2]"]);
        assert_eq!(
            failed.said(),
            "QuestDB has suspended the table hours ([28] No space left [size=1, fd=2]): see its \
             log and mend the cause (is its disk full?); it is tried again by itself"
        );
        assert_eq!(Suspended::new("hours", ["DISK FULL", ""]).told, "DISK FULL");
        let told_to = Suspended::new("readings", ["", ""]);
        assert_eq!(
            told_to.said(),
            "somebody has suspended QuestDB's table readings: run ALTER TABLE readings RESUME WAL"
        );
    }
}
