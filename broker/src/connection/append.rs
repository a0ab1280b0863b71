//! A batch of publishes, and what they change, on its way into the log.

use super::{ClientStream, Connection, End};
use crate::codec::Reason;
use nhip_log::{AppendError, Batch, Committed};
use std::sync::Arc;

impl<S: ClientStream> Connection<S> {
    pub(super) fn append(&mut self, batch: &mut Batch) -> Result<(), End> {
        // What waits for room is appended first, and changes nothing before.
        if self.stalled.is_some() {
            return Ok(());
        }
        if batch.is_empty() {
            if !self.changes.is_empty() {
                self.apply_changes()?;
            }
            self.acks.group_behind();
            return Ok(());
        }
        match self.append_now(batch) {
            Err(AppendError::Full { .. }) => {
                self.stalled = Some(Box::new(std::mem::take(batch)));
                Ok(())
            }
            outcome => {
                batch.clear();
                outcome.map_err(|error| self.refused_by_log(&error))
            }
        }
    }

    pub(super) fn append_stalled(&mut self) -> Result<(), End> {
        let Some(mut batch) = self.stalled.take() else {
            return Ok(());
        };
        match self.append_now(&mut batch) {
            Err(AppendError::Full { .. }) => {
                self.stalled = Some(batch);
                Ok(())
            }
            outcome => outcome.map_err(|error| self.refused_by_log(&error)),
        }
    }

    fn append_now(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        let bytes = batch.framed().len();
        let listener = self.listener(bytes);
        let records = u64::from(batch.records() - self.changes.events());
        let last = match (self.changes.is_empty(), self.retains) {
            (false, _) => match self.append_changes(batch)? {
                Some(last) => last,
                // The connection is about to end: nothing of it has happened.
                None => return Ok(()),
            },
            (true, true) => self.core.append_seen(batch, listener)?,
            (true, false) => self.core.log.append(batch, listener)?,
        };
        self.retains = false;
        self.promises = None;
        self.core.note_appended(last);
        self.core.metrics.publishes.inc_by(records);
        let many = self.core.config.receive_bytes_max;
        self.acks.group_records(last.next().0, bytes, many);
        Ok(())
    }

    /// Who hears of the commit of `bytes`, if anybody needs to.
    pub(super) fn listener(&self, bytes: usize) -> Option<&Arc<dyn Committed>> {
        let must = self
            .acks
            .must_hear(bytes, self.core.config.receive_bytes_max);
        must.then_some(&self.listener)
    }

    pub(super) fn refused_by_log(&self, error: &AppendError) -> End {
        tracing::error!(client = %self.session.client, %error, "publishes could not be logged");
        match error {
            AppendError::TooLarge { .. } => End::Closed(Reason::PACKET_TOO_LARGE),
            _ => End::LogFailed,
        }
    }
}
