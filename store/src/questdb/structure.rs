//! Whether the columns of `readings` were other ones for a while, under rows that were sent.
//!
//! A column that is renamed, and one that the server makes by itself in its place, can be gone
//! before anybody looks at the columns, or before the server has applied what was asked of it. Its
//! log of transactions has both, in order with the rows.

use super::QuestDbStore;
use super::catalogue::{columns, unusable};
use super::columns::check_readings;
use super::writer::READINGS;
use crate::StoreError;
use parking_lot::{Mutex, RwLock};
use tokio_postgres::Row;

/// What is known of the table's transactions.
#[derive(Default)]
pub(crate) struct Structure {
    /// Requests that are under way read it.
    requests: RwLock<()>,
    /// One check at a time.
    checking: Mutex<()>,
    checked: Mutex<Option<Checked>>,
}

/// Up to which transaction no row has lost a value.
#[derive(Clone, Copy, Debug)]
struct Checked {
    transaction: i64,
    /// How many columns the table had then.
    columns: usize,
    /// Requests that were answered since: each is one transaction.
    answered: i64,
}

/// Changes of the table's structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changes {
    count: i64,
    first: i64,
    last: i64,
}

impl Structure {
    /// The newest transaction that was looked at and is as it should be.
    pub(crate) fn proved(&self) -> Option<i64> {
        self.checked.lock().map(|checked| checked.transaction)
    }

    /// Does a request, and counts it if it was answered.
    pub(crate) fn request<T, E>(&self, send: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let _under_way = self.requests.read();
        let sent = send();
        if sent.is_ok()
            && let Some(checked) = &mut *self.checked.lock()
        {
            checked.answered += 1;
        }
        sent
    }
}

impl QuestDbStore {
    /// Begins with the newest transaction that the server has, before anything is sent.
    pub(super) fn begin_structure(&self, transaction: i64) -> Result<(), StoreError> {
        let columns = columns(&self.link, READINGS)?.len();
        *self.structure.checked.lock() = Some(Checked {
            transaction,
            columns,
            answered: 0,
        });
        Ok(())
    }

    /// Fails if rows that were sent since the last time may have lost a column's values. Almost
    /// always the number of transactions is proof enough: only requests of ours came.
    pub(super) fn check_structure(&self) -> Result<(), StoreError> {
        let _one = self.structure.checking.lock();
        let (checked, taken) = {
            let _none_under_way = self.structure.requests.write();
            let Some(checked) = *self.structure.checked.lock() else {
                return Ok(());
            };
            (checked, self.transactions()?.0.taken)
        };
        let columns = match taken - checked.transaction == checked.answered {
            true => Some(checked.columns),
            false => self.columns_after(checked, taken)?,
        };
        let Some(columns) = columns else {
            self.health.lock().has_lost_values = true;
            return Ok(());
        };
        if let Some(now) = &mut *self.structure.checked.lock() {
            now.transaction = taken;
            now.columns = columns;
            now.answered -= checked.answered;
        }
        Ok(())
    }

    /// How many columns there are after the transactions up to `taken`, if no row among them can
    /// have lost a value.
    fn columns_after(&self, checked: Checked, taken: i64) -> Result<Option<usize>, StoreError> {
        let since = format!(
            "FROM wal_transactions('{READINGS}') WHERE sequencerTxn > {} \
             AND sequencerTxn <= {taken}",
            checked.transaction
        );
        let all = self.number(&format!("SELECT count() {since}"))?;
        if all != taken - checked.transaction {
            // A server that was set back, or that no longer knows.
            return Ok(None);
        }
        let changes = self.changes(&since)?;
        if changes.count == 0 {
            return Ok(Some(checked.columns));
        }
        self.until("with applying a change of its columns", || {
            Ok(self.transactions()?.0.applied >= changes.last)
        })?;
        check_readings(&self.link)?;
        let columns = columns(&self.link, READINGS)?.len();
        let added = columns as i64 - checked.columns as i64;
        // A column that somebody adds takes nothing from ours.
        if added == changes.count {
            return Ok(Some(columns));
        }
        let between = self.number(&format!(
            "SELECT count() {since} AND walId > 0 AND sequencerTxn > {} AND sequencerTxn < {}",
            changes.first, changes.last
        ))?;
        Ok((between == 0).then_some(columns))
    }

    fn changes(&self, since: &str) -> Result<Changes, StoreError> {
        let sql =
            format!("SELECT count(), min(sequencerTxn), max(sequencerTxn) {since} AND walId < 0");
        let rows = self.link.query(&sql)?;
        let read = |row: &Row| -> Result<Changes, tokio_postgres::Error> {
            Ok(Changes {
                count: row.try_get(0)?,
                first: row.try_get::<_, Option<i64>>(1)?.unwrap_or_default(),
                last: row.try_get::<_, Option<i64>>(2)?.unwrap_or_default(),
            })
        };
        let read = rows.first().map(read).transpose().map_err(wrong)?;
        Ok(read.unwrap_or_default())
    }

    pub(super) fn number(&self, sql: &str) -> Result<i64, StoreError> {
        let rows = self.link.query(sql)?;
        let number = rows.first().map(|row| row.try_get(0));
        Ok(number.transpose().map_err(wrong)?.unwrap_or_default())
    }
}

fn wrong(error: tokio_postgres::Error) -> StoreError {
    unusable(format!("its log of transactions is not as known: {error}"))
}
