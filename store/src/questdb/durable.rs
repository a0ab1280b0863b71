//! Making what was sent outlast what the server's commit mode lets it outlast.

use super::QuestDbStore;
use super::catalogue::unusable;
use super::schema::Schema;
use super::writer::READINGS;
use crate::StoreError;
use std::time::Instant;
use tokio_postgres::Row;

/// The first syncs the server's file systems, the second lets it go on purging. In one request,
/// so that the second is never left out.
const SYNC: &str = "CHECKPOINT CREATE; CHECKPOINT RELEASE";

impl QuestDbStore {
    /// Returns when everything that was sent outlasts what the server's commit mode lets
    /// it outlast: `docs/questdb.md`, "What its acknowledgement means". Gives the number of
    /// `readings` and of its newest transaction that does.
    pub(super) fn make_durable(&self) -> Result<Option<(i64, i64)>, StoreError> {
        self.look()?;
        let schema = self.writable()?;
        if !self.unseen.lock().unproved().is_empty() {
            return Err(StoreError::Unavailable {
                reason: "QuestDB has yet to prove what it has taken".to_owned(),
            });
        }
        let synced = self.check_structure().and_then(|()| self.sync(schema));
        self.health.lock().unsynced = synced.as_ref().err().map(StoreError::told);
        synced?;
        let table = self.state.table(READINGS)?;
        Ok(table.zip(self.structure.proved()))
    }

    /// Fails if the server has fewer transactions than a checkpoint stands on: then it was set
    /// back, and lacks readings that are in no log any more.
    pub(super) fn require_not_set_back(&self, taken: i64) -> Result<(), StoreError> {
        let Some(table) = self.state.table(READINGS)? else {
            return Ok(());
        };
        match self.state.taken(table)? {
            Some(noted) if taken < noted => Err(unusable(format!(
                "it is older than the platform: {READINGS} has {taken} transactions, and had \
                 {noted} at the last checkpoint; restore the platform's data folder of the same \
                 backup, or a newer backup of the server, or fill a new table: docs/questdb.md, \
                 \"A server that was set back\""
            ))),
            _ => Ok(()),
        }
    }

    fn sync(&self, schema: Schema) -> Result<(), StoreError> {
        if self.health.lock().has_lost_values {
            return Err(unusable(format!(
                "{READINGS} may have rows without the values of a column that was away for a \
                 while; restart the platform, which sends them once more"
            )));
        }
        if schema.is_synced {
            return Ok(());
        }
        self.wait_applied()?;
        let _looking = self.looking.lock();
        self.sync_files()
    }

    fn sync_files(&self) -> Result<(), StoreError> {
        self.release_own()?;
        let asked_us = self.number("SELECT cast(now() as long)")?;
        let asked = Instant::now();
        let answer = self.link.execute_or_refuse(SYNC).inspect_err(|_| {
            let took_us = i64::try_from(asked.elapsed().as_micros()).unwrap_or(i64::MAX);
            *self.unreleased.lock() = Some(asked_us..=asked_us.saturating_add(took_us));
        })?;
        let is_held = answer.is_err() && self.checkpoint_us().is_ok_and(|since| since.is_some());
        self.metrics.checkpoint_held.set(i64::from(is_held));
        answer.map_err(|words| StoreError::Unavailable {
            reason: match is_held {
                true => format!(
                    "somebody holds a CHECKPOINT on QuestDB, so that nothing more can be made \
                     durable: run CHECKPOINT RELEASE when the backup is done ({words})"
                ),
                false => format!("QuestDB can't sync its files: {words}"),
            },
        })
    }

    /// Releases a checkpoint of ours that was not answered: it began while we waited for it.
    fn release_own(&self) -> Result<(), StoreError> {
        let Some(ours) = self.unreleased.lock().clone() else {
            return Ok(());
        };
        if self
            .checkpoint_us()?
            .is_some_and(|since| ours.contains(&since))
        {
            self.link.execute("CHECKPOINT RELEASE")?;
        }
        *self.unreleased.lock() = None;
        Ok(())
    }

    /// Since when the server has a checkpoint that was not released, µs since 1970 UTC by its
    /// clock.
    fn checkpoint_us(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT in_progress, cast(started_at as long) FROM checkpoint_status()";
        let rows = self.link.query(sql)?;
        let since = |row: &Row| match row.try_get(0) {
            Ok(true) => row.try_get(1).ok(),
            _ => None,
        };
        Ok(rows.first().and_then(since))
    }

    /// Waits until readers see everything that is known to be taken.
    pub(super) fn wait_applied(&self) -> Result<(), StoreError> {
        let Some(awaited) = self.unseen.lock().awaited() else {
            return Ok(());
        };
        self.until("with applying what it has taken", || {
            let (found, suspended) = self.transactions()?;
            match suspended {
                Some(reason) => Err(StoreError::Unavailable { reason }),
                None => Ok(found.applied >= awaited),
            }
        })
    }
}
