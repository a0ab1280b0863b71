//! New tables where those that were filled are gone.
//!
//! For the store of a platform by the log, for the target of a copy by its source.

use super::QuestDbStore;
use super::catalogue::{tables, unusable};
use super::hours::HOURS;
use super::names::DATASTREAMS;
use super::schema::{self, Found, SCHEMA};
use super::writer::READINGS;
use crate::StoreError;
use crate::copy::Remains;
use crate::period::Calendar;

impl QuestDbStore {
    /// Fails unless the server answers and has lost the table of readings that was filled:
    /// a table that can't be used for another reason still has them.
    pub fn require_lost(&self) -> Result<(), StoreError> {
        self.lost_offset().map(drop)
    }

    /// Makes a new table of readings, to be filled with what was received since
    /// `received_us`; none if that is everything. Hours that were counted before stay: they are
    /// all there is of what is lost. To be done again when it has failed half-way; the store is
    /// to be opened anew afterwards, since what it knows is of the table that is gone.
    pub fn begin_anew(&self, received_us: Option<i64>) -> Result<(), StoreError> {
        let utc_offset_min = self.lost_offset()?.unwrap_or(self.config.utc_offset_min);
        let before_us = received_us.map(|time| Calendar::new(utc_offset_min).hour_end(time));
        self.state.begin_anew(before_us)?;
        schema::make_anew(&self.link, &self.state, utc_offset_min)
    }

    /// Which of our tables the server has, for a copy into them.
    pub(super) fn tables(&self) -> Result<Remains, StoreError> {
        Ok(match schema::find(&self.link, &self.state)? {
            Found::New => Remains::Nothing,
            Found::Whole { .. } => match self.absent(&[HOURS, DATASTREAMS])?.first() {
                Some(table) => Remains::Lost((*table).to_owned()),
                None => Remains::Whole,
            },
            Found::Unnamed => Remains::Lost(SCHEMA.to_owned()),
            Found::Lost { utc_offset_min } => {
                let table = utc_offset_min.map_or(SCHEMA, |_| READINGS);
                Remains::Lost(table.to_owned())
            }
        })
    }

    /// Makes those of our tables anew that the target of a copy has lost. Nothing is made where
    /// another table has the name, nor where the tables are another data folder's.
    pub(super) fn make_missing(&self) -> Result<(), StoreError> {
        match schema::find(&self.link, &self.state)? {
            Found::New => Ok(()),
            Found::Whole { utc_offset_min } => {
                schema::make_absent(&self.link, &self.state, utc_offset_min)
            }
            Found::Lost { .. } if self.absent(&[READINGS])?.is_empty() => Err(unusable(format!(
                "its table {READINGS} is not the one that this data folder has filled; rename or \
                 drop it, then copy again"
            ))),
            Found::Unnamed | Found::Lost { .. } => {
                schema::make_anew(&self.link, &self.state, self.config.utc_offset_min)
            }
        }
    }

    /// Those of some tables that the server has not.
    fn absent(&self, names: &[&'static str]) -> Result<Vec<&'static str>, StoreError> {
        let there = tables(&self.link)?;
        let is_absent = |name: &&'static str| there.iter().all(|(table, _)| table != name);
        Ok(names.iter().copied().filter(is_absent).collect())
    }

    /// What the tables that are lost were made with, if that is still known.
    fn lost_offset(&self) -> Result<Option<i32>, StoreError> {
        match schema::find(&self.link, &self.state)? {
            Found::Lost { utc_offset_min } => Ok(utc_offset_min),
            Found::New | Found::Whole { .. } | Found::Unnamed => Err(StoreError::Refused {
                what: "to begin anew".to_owned(),
                reason: format!("the server has lost no table {READINGS} of this data folder"),
            }),
        }
    }
}
