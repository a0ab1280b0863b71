//! New tables where those that were filled are gone.

use super::QuestDbStore;
use super::schema::{self, Found};
use super::writer::READINGS;
use crate::StoreError;
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

    /// What the tables that are lost were made with, if that is still known.
    fn lost_offset(&self) -> Result<Option<i32>, StoreError> {
        match schema::find(&self.link, &self.state)? {
            Found::Lost { utc_offset_min } => Ok(utc_offset_min),
            Found::New | Found::Whole { .. } => Err(StoreError::Refused {
                what: "to begin anew".to_owned(),
                reason: format!("the server has lost no table {READINGS} of this data folder"),
            }),
        }
    }
}
