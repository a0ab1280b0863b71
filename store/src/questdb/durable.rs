//! Making what was sent outlast what the server's commit mode lets it outlast.

use super::QuestDbStore;
use super::catalogue::unusable;
use super::schema::Schema;
use super::writer::READINGS;
use crate::StoreError;

/// The first syncs the server's file systems, the second lets it go on purging. In one request,
/// so that the second is never left out.
const SYNC: &str = "CHECKPOINT CREATE; CHECKPOINT RELEASE";

impl QuestDbStore {
    /// Returns when everything that was sent outlasts what the server's commit mode lets
    /// it outlast: `docs/questdb.md`, "What its acknowledgement means".
    pub(super) fn make_durable(&self) -> Result<(), StoreError> {
        self.look()?;
        let schema = self.writable()?;
        if !self.unseen.lock().unproved().is_empty() {
            return Err(StoreError::Unavailable {
                reason: "QuestDB has yet to prove what it has taken".to_owned(),
            });
        }
        let synced = self.check_structure().and_then(|()| self.sync(schema));
        self.health.lock().unsynced = synced.as_ref().err().map(StoreError::told);
        synced
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
        let synced = self.link.execute(SYNC);
        let is_held = synced.is_err() && self.is_checkpoint_held();
        self.metrics.checkpoint_held.set(i64::from(is_held));
        synced.map_err(|error| match is_held {
            true => StoreError::Unavailable {
                reason: format!(
                    "somebody holds a CHECKPOINT on QuestDB, so that nothing more can be made \
                     durable: run CHECKPOINT RELEASE when the backup is done ({})",
                    error.told()
                ),
            },
            false => error,
        })
    }

    /// Whether the server has a checkpoint that was not released; ours always is.
    fn is_checkpoint_held(&self) -> bool {
        let rows = self
            .link
            .query("SELECT in_progress FROM checkpoint_status()");
        rows.is_ok_and(|rows| {
            rows.first()
                .is_some_and(|row| row.try_get(0).is_ok_and(|is_held: bool| is_held))
        })
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
