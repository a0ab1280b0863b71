//! Tables that the server has suspended: it takes their rows and applies none.

use super::QuestDbStore;
use super::hours::HOURS;
use super::names::DATASTREAMS;
use super::writer::READINGS;
use crate::StoreError;
use tokio_postgres::Row;

/// Between two tries to set a table going again, µs.
const RESUME_PAUSE_US: i64 = 5_000_000;
/// The server's word for a full disk, and the system's, which it repeats when it has none.
const FULL: [&str; 2] = ["DISK FULL", "No space left"];

/// Why the server applies nothing to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspended {
    table: String,
    /// In the server's words, on one line.
    told: String,
    is_full: bool,
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
        let told = told.join(" ").replace('\n', " ").trim().to_owned();
        Self {
            table: table.to_owned(),
            is_full: FULL.iter().any(|word| told.contains(word)),
            told: match told.is_empty() {
                true => "no reason given".to_owned(),
                false => told,
            },
        }
    }

    /// What a person has to do.
    pub(crate) fn said(&self) -> String {
        let Self { table, told, .. } = self;
        let mend = match self.is_full {
            true => "free space on its disk, and it goes on by itself".to_owned(),
            false => format!("mend the cause, then run ALTER TABLE {table} RESUME WAL"),
        };
        format!("QuestDB has suspended the table {table} ({told}): {mend}")
    }
}

impl QuestDbStore {
    /// Sets those of our tables going again that wait for room on the server's disk: if there
    /// is none yet, the server suspends them again. Any other waits for a person, who knows
    /// what has happened to it.
    pub(super) fn resume_full(&self, now_us: i64) -> Result<(), StoreError> {
        {
            let mut resumed_us = self.resumed_us.lock();
            if now_us.saturating_sub(*resumed_us) < RESUME_PAUSE_US {
                return Ok(());
            }
            *resumed_us = now_us;
        }
        for suspended in self.suspended()?.iter().filter(|table| table.is_full) {
            let table = &suspended.table;
            tracing::info!(
                table,
                "the server's disk was full; its table is set going again"
            );
            self.link
                .execute(&format!("ALTER TABLE {table} RESUME WAL"))?;
        }
        Ok(())
    }

    fn suspended(&self) -> Result<Vec<Suspended>, StoreError> {
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
    fn only_what_a_full_disk_has_stopped_goes_on_by_itself() {
        let full = Suspended::new("hours", ["", "[28] No space left\n[size=1, fd=2]"]);
        assert!(full.is_full);
        assert_eq!(
            full.said(),
            "QuestDB has suspended the table hours ([28] No space left [size=1, fd=2]): free \
             space on its disk, and it goes on by itself"
        );
        assert!(Suspended::new("hours", ["DISK FULL", ""]).is_full);
        let other = Suspended::new("readings", ["", ""]);
        assert!(!other.is_full);
        assert_eq!(
            other.said(),
            "QuestDB has suspended the table readings (no reason given): mend the cause, then \
             run ALTER TABLE readings RESUME WAL"
        );
    }
}
