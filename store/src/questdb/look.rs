//! Looking at the server: whether it can be used, what it has, what it shows.

use super::catalogue::unusable;
use super::hours::HOURS;
use super::names::DATASTREAMS;
use super::ours::require;
use super::row::Kept;
use super::schema::{self, Schema};
use super::suspended::Suspended;
use super::unseen::{Proof, Transactions};
use super::writer::READINGS;
use super::{QuestDbStore, Shard};
use crate::StoreError;
use std::time::{Duration, Instant};

/// Between two looks that an append asks for.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks of what waits for the server.
const APPLY_PAUSE: Duration = Duration::from_millis(10);

/// What is known of the server.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// What was found when the connection was new; none while it has to be found again.
    schema: Option<Schema>,
    looked: Option<Instant>,
    /// Why it can't be used now.
    problem: Option<StoreError>,
    /// Why what was sent last could not be made durable.
    pub(super) unsynced: Option<String>,
    /// Whether rows may be without a column's values until the fold sends them again.
    pub(super) has_lost_values: bool,
    /// Which table is missing or suspended that readings can do without, for a person.
    lacking: Option<String>,
    /// Whether readers see what was sent before this store was opened.
    has_caught_up: bool,
}

impl Health {
    /// Why not everything works now, for a person.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem = self.problem.as_ref().map(StoreError::told);
        let problem = problem.or_else(|| self.unsynced.clone());
        problem.or_else(|| self.lacking.clone())
    }

    /// Whether nothing is wrong but with what readings can do without.
    pub(crate) fn takes_readings(&self) -> bool {
        self.problem.is_none() && self.unsynced.is_none()
    }

    fn failed_since(&self, asked: Instant) -> Option<StoreError> {
        let is_newer = self.looked.is_some_and(|looked| looked > asked);
        self.problem
            .clone()
            .filter(|_| is_newer && self.schema.is_none())
    }
}

impl QuestDbStore {
    /// What the server's tables are, for whoever reads; looked up after every failure anew.
    pub(super) fn ready(&self) -> Result<Schema, StoreError> {
        if let Some(schema) = self.health.lock().schema {
            return Ok(schema);
        }
        self.look()
    }

    /// The same for whoever writes: a table that is suspended can be read, and no more.
    pub(super) fn writable(&self) -> Result<Schema, StoreError> {
        let known = {
            let health = self.health.lock();
            health.schema.filter(|_| health.problem.is_none())
        };
        let schema = known.map_or_else(|| self.look(), Ok)?;
        let problem = self.health.lock().problem.clone();
        problem.map_or(Ok(schema), Err)
    }

    /// Takes note of a failure: whatever answers next is looked at anew.
    pub(super) fn failed(&self, error: &StoreError) {
        self.metrics.reachable.set(0);
        // It is asked again when it answers.
        self.metrics.checkpoint_held.set(0);
        let mut health = self.health.lock();
        health.schema = None;
        health.problem = Some(error.clone());
    }

    /// Looks at the server: checks the tables, learns which of what was sent is there, and
    /// which of it readers see by now.
    pub(super) fn look(&self) -> Result<Schema, StoreError> {
        let asked = Instant::now();
        let looking = self.looking.lock();
        // Whoever waited for a look that failed needs no other.
        if let Some(error) = self.health.lock().failed_since(asked) {
            return Err(error);
        }
        let outcome = self.look_alone();
        if let Ok((_, suspended)) = &outcome {
            self.look_beside(suspended.is_some());
        }
        drop(looking);
        self.health.lock().looked = Some(Instant::now());
        match outcome {
            Ok((schema, suspended)) => {
                self.metrics.reachable.set(1);
                let mut health = self.health.lock();
                health.schema = Some(schema);
                health.problem = suspended.map(|reason| StoreError::Unavailable { reason });
                Ok(schema)
            }
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        }
    }

    /// Takes note of what is wrong with the tables beside `readings`, and whether one of ours is
    /// suspended.
    fn look_beside(&self, is_suspended: bool) {
        let suspended = self.suspended();
        let is_one = suspended.as_ref().is_ok_and(|tables| !tables.is_empty());
        self.metrics.suspended.set((is_suspended || is_one).into());
        let beside = require(&self.link, &self.state, &[HOURS, DATASTREAMS]);
        let wrong = match (beside, suspended) {
            (Err(error), _) | (Ok(()), Err(error)) => Some(error.told()),
            (Ok(()), Ok(tables)) => tables.first().map(Suspended::said),
        };
        self.health.lock().lacking = wrong;
    }

    /// The schema, and why the server applies nothing, if so.
    fn look_alone(&self) -> Result<(Schema, Option<String>), StoreError> {
        let known = self.health.lock().schema;
        let schema = match known {
            Some(schema) => {
                schema::check(&self.link)?;
                schema
            }
            None => schema::prepare(&self.link, &self.state, self.config.utc_offset_min)?,
        };
        let begun = self.unseen.lock().seal();
        let (found, suspended) = self.transactions()?;
        self.require_not_set_back(found.taken)?;
        let unapplied = found.taken.saturating_sub(found.applied);
        self.metrics.unapplied.set(unapplied);
        // What an earlier process sent is in no memory: nothing is answered without it.
        if !self.health.lock().has_caught_up && suspended.is_none() {
            self.until("with applying what it took before", || {
                Ok(self.transactions()?.0.applied >= found.taken)
            })?;
            self.begin_structure(found.taken)?;
            self.health.lock().has_caught_up = true;
        }
        let proof = self.unseen.lock().settle(begun, found);
        if proof == Proof::Missing {
            self.send_again()?;
        }
        Ok((schema, suspended))
    }

    /// The transactions of `readings`, and why they are not applied, if so.
    pub(super) fn transactions(&self) -> Result<(Transactions, Option<String>), StoreError> {
        let rows = self.link.query(&format!(
            "SELECT name, suspended, errorTag, errorMessage, writerTxn, sequencerTxn \
             FROM wal_tables() WHERE name = '{READINGS}'"
        ))?;
        let unavailable = |reason: String| StoreError::Unavailable { reason };
        let Some(row) = rows.first() else {
            return Err(unusable(format!("the table {READINGS} is gone")));
        };
        let wrong = |error: tokio_postgres::Error| unavailable(error.to_string());
        let suspended = Suspended::read(row).map_err(wrong)?;
        let found = Transactions {
            applied: row.try_get(4).map_err(wrong)?,
            taken: row.try_get(5).map_err(wrong)?,
        };
        Ok((found, suspended.map(|table| table.said())))
    }

    /// Sends what the server was said to have and has not.
    fn send_again(&self) -> Result<(), StoreError> {
        let batches = self.unseen.lock().unproved();
        let rows: Vec<Kept> = batches
            .iter()
            .flat_map(|batch| batch.iter().copied())
            .collect();
        tracing::warn!(
            readings = rows.len(),
            "QuestDB does not have what was acknowledged; it is sent again"
        );
        let mut shard = Shard {
            writer: None,
            copies: Default::default(),
            has_sent: false,
        };
        self.send(&mut shard, &rows)
    }

    /// Looks from time to time, and waits no longer than for one look: beyond the bound on what
    /// is unseen the fold has to wait.
    pub(super) fn make_room(&self) -> Result<(), StoreError> {
        let held = self.unseen.lock().rows();
        let bound = self.config.open_observations_max;
        let looked = self.health.lock().looked;
        if held < bound / 2 || looked.is_some_and(|at| at.elapsed() < LOOK_PAUSE && held < bound) {
            return Ok(());
        }
        self.look()?;
        let held = self.unseen.lock().rows();
        if held >= bound {
            return Err(StoreError::Unavailable {
                reason: format!(
                    "QuestDB has taken {held} readings that it does not show yet \
                     (store.questdb.open_observations_max)"
                ),
            });
        }
        Ok(())
    }

    /// Asks until something is so, as long as for the answer to a query.
    pub(super) fn until(
        &self,
        what: &str,
        mut is_so: impl FnMut() -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let late = Instant::now() + Duration::from_secs(self.config.query_timeout_s.into());
        while !is_so()? {
            if Instant::now() > late {
                return Err(StoreError::Unavailable {
                    reason: format!("QuestDB is behind {what}"),
                });
            }
            std::thread::sleep(APPLY_PAUSE);
        }
        Ok(())
    }
}
