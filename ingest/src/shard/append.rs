//! Handing a batch to the store.

use super::{
    Batch, Fold, Halt, Problem, Stored,
    halt::Held,
    letters::{Origin, Rejection},
};
use crate::{
    latest::{Latest, is_newer},
    state::Account,
};
use nhip_log::Records;
use nhip_store::{Observation, StoreError};
use nhip_wire::envelope::Envelope;
use std::ops::Range;

impl Fold {
    /// Hands the rows to the store, however long it takes; what it refuses for good becomes
    /// dead letters. `held_up` is called before the first wait. No checkpoint can come between
    /// the parts of a refused batch: [`nhip_store::Store::append`] says why none has to.
    pub(super) fn append(
        &mut self,
        batch: &mut Batch,
        records: &Records,
        stored: &Stored,
        latest: &Latest,
        mut held_up: impl FnMut(&Self, &Batch),
    ) -> Result<(), Halt> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        let mut refused = Vec::new();
        let whole = 0..batch.rows.len();
        let mut parts: Vec<Range<usize>> = std::iter::once(whole).collect();
        while let Some(part) = parts.pop() {
            let mut first = true;
            let outcome = stored.until("the store", || {
                match stored.store.append(self.shard, &batch.rows[part.clone()]) {
                    Ok(()) => Ok(None),
                    Err(StoreError::Refused { what, reason }) => {
                        Ok(Some(format!("{what}: {reason}")))
                    }
                    Err(error) => {
                        if std::mem::take(&mut first) {
                            held_up(self, batch);
                        }
                        Err(Held::from(error))
                    }
                }
            })?;
            match outcome {
                None => {}
                Some(reason) if part.len() == 1 => refused.push((part.start, reason)),
                Some(_) => {
                    // The last part is taken first: so the rows stay in their order.
                    let Range { start, end } = part;
                    let middle = start + (end - start) / 2;
                    parts.push(middle..end);
                    parts.push(start..middle);
                }
            }
        }
        // From the last on, so that taking one out leaves the places of the others.
        for (row, reason) in refused.into_iter().rev() {
            self.refuse(row, reason, batch, records);
            let observation = batch.remove(row);
            self.newest_without(&observation, batch, latest);
        }
        batch.missing.sort_by_key(|(offset, _)| *offset);
        Ok(())
    }

    /// Takes the newest reading of a series from what is shown and what is left of the batch.
    fn newest_without(&mut self, refused: &Observation, batch: &Batch, latest: &Latest) {
        let mut shown = Vec::new();
        latest.read(&[refused.series], &mut shown);
        let mut newest = shown.pop().flatten();
        for row in batch.rows.iter().filter(|row| row.series == refused.series) {
            if newest.as_ref().is_none_or(|newest| is_newer(row, newest)) {
                newest = Some(*row);
            }
        }
        for tracked in batch.touched.iter() {
            let series = &mut self.devices.get(*tracked).state.series;
            if let Some(series) = series.iter_mut().find(|own| own.series == refused.series) {
                series.newest = newest;
            }
        }
    }

    /// Makes a dead letter of a row that the store refused.
    fn refuse(&mut self, row: usize, reason: String, batch: &mut Batch, records: &Records) {
        let (place, slot, observation) = (batch.places[row], batch.slots[row], batch.rows[row]);
        let tracked = self.devices.get(slot);
        tracked.pending -= 1;
        tracked.state.figures.rejected += 1;
        if let Some(series) = tracked
            .state
            .series
            .iter_mut()
            .find(|series| series.series == observation.series)
            && let Some(seq) = observation.seq
        {
            series.boots.forget(observation.boot, seq);
        }
        let problem = Problem::new("refused_by_store", reason);
        self.totals.reject(problem.reason);
        match batch
            .missing
            .iter_mut()
            .find(|(offset, _)| *offset == place.offset)
        {
            Some((_, missing)) => missing.add(place.index),
            None => batch.miss(place.offset, place.index),
        }
        let found = records.iter().find(|(offset, _)| offset.0 == place.offset);
        let Some(envelope) = found.and_then(|(_, record)| Envelope::read(record).ok()) else {
            return;
        };
        let mut rejection = Rejection::default();
        let name = std::sync::Arc::clone(&tracked.name);
        rejection.add(place.index, Some(&name), Account::Own, &problem);
        let origin = Origin {
            number: place.offset,
            received_us: observation.received_us,
            replayed_us: None,
            topic: envelope.topic,
            payload: envelope.payload,
        };
        let mut board = self.shared.board();
        self.letters.add(&mut board, origin, &rejection);
    }
}
