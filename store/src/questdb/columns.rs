//! The columns of `readings`, and that they are those that were made.

use super::catalogue::unusable;
use super::link::Link;
use super::writer::READINGS;
use crate::StoreError;
use tokio_postgres::Row;

/// Names, types and whether an upsert compares them, in order.
pub(super) const COLUMNS: [(&str, &str, bool); 8] = [
    ("timestamp", "TIMESTAMP", true),
    ("series", "LONG", true),
    ("boot", "LONG", true),
    ("seq", "LONG", true),
    ("value", "DOUBLE", true),
    ("received", "TIMESTAMP", false),
    ("quality", "SYMBOL", false),
    ("arrival", "BOOLEAN", false),
];

/// Fails unless `readings` has them as they were made. Their places tell a column of ours
/// from one that the server has made by itself for a row that was sent after ours was renamed or
/// dropped: a new column is behind all others, and has nothing of what was stored before.
pub(super) fn check_readings(link: &Link) -> Result<(), StoreError> {
    let rows = columns(link)?;
    for (expected, (name, kind, key)) in COLUMNS.into_iter().enumerate() {
        let at = place(&rows, name).ok_or_else(|| missing(name))?;
        if at != expected {
            return Err(made_again(name));
        }
        let found: &str = rows[at].try_get(1).unwrap_or_default();
        if found != kind {
            return Err(unusable(format!(
                "{READINGS}.{name} is {found} and not {kind}; change its type back"
            )));
        }
        if rows[at].try_get(2).ok() != Some(key) {
            return Err(unusable(format!(
                "{READINGS}.{name} is {}an upsert key; restore the keys",
                if key { "not " } else { "" }
            )));
        }
    }
    Ok(())
}

fn columns(link: &Link) -> Result<Vec<Row>, StoreError> {
    let sql = format!("SELECT \"column\", type, upsertKey FROM table_columns('{READINGS}')");
    link.query(&sql)
}

fn place(rows: &[Row], name: &str) -> Option<usize> {
    let is_it = |row: &Row| row.try_get(0).is_ok_and(|found: &str| found == name);
    rows.iter().position(is_it)
}

fn missing(name: &str) -> StoreError {
    unusable(format!(
        "{READINGS} has no column {name}; rename it back, or, if it was dropped, fill a new table: \
         docs/questdb.md, \"A column that is lost\""
    ))
}

/// The column has another in its place, which was made before it.
fn made_again(name: &str) -> StoreError {
    unusable(format!(
        "{READINGS}.{name} was made again behind the columns that came after it, so what it had \
         is elsewhere or gone: docs/questdb.md, \"A column that is lost\""
    ))
}
