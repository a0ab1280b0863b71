//! What the server says of itself and of its tables.

use super::link::Link;
use crate::StoreError;
use tokio_postgres::Row;

/// The server versions that this was tested with begin so.
const SERVERS: &str = "9.";

/// Refuses a server that this was not tested with.
pub(super) fn check_server(link: &Link) -> Result<(), StoreError> {
    let rows = link.query("SELECT build()")?;
    let build: String = text(&rows, 0)?;
    let version = version_in(&build);
    if version.starts_with(SERVERS) {
        return Ok(());
    }
    Err(unusable(format!(
        "it is version {version}; nhip knows {SERVERS}x (9.3.4 is what it is tested with)"
    )))
}

/// The version in `Build Information: QuestDB 9.3.4, JDK …`.
fn version_in(build: &str) -> &str {
    build
        .split("QuestDB ")
        .nth(1)
        .and_then(|rest| rest.split([',', ' ']).next())
        .unwrap_or(build)
}

/// Whether the server's reply means that a transaction is on its disk.
pub(super) fn is_synced(link: &Link) -> Result<bool, StoreError> {
    let rows = link
        .query("SELECT value FROM (SHOW PARAMETERS) WHERE property_path = 'cairo.commit.mode'")?;
    // Who may not see it is told nothing: then the weaker promise holds.
    Ok(rows
        .first()
        .and_then(|row| row.try_get::<_, &str>(0).ok())
        .is_some_and(|mode| mode.eq_ignore_ascii_case("sync")))
}

/// A table of the server.
pub(super) struct Table {
    pub(super) name: String,
    /// Which no other table of this server has, also none of that name.
    pub(super) id: i64,
    /// Whether rows are upserted.
    pub(super) has_keys: bool,
}

/// The names and numbers of the server's tables.
pub(super) fn tables(link: &Link) -> Result<Vec<(String, i64)>, StoreError> {
    let listed = listed(link)?.into_iter();
    Ok(listed.map(|table| (table.name, table.id)).collect())
}

/// The server's tables.
pub(super) fn listed(link: &Link) -> Result<Vec<Table>, StoreError> {
    let rows = link.query("SELECT table_name, cast(id as long), dedup FROM tables()")?;
    let named = |row: &Row| {
        Some(Table {
            name: row.try_get(0).ok()?,
            id: row.try_get(1).ok()?,
            has_keys: row.try_get(2).unwrap_or_default(),
        })
    };
    Ok(rows.iter().filter_map(named).collect())
}

/// The names and types of a table's columns, in order.
pub(super) fn columns(link: &Link, table: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = link.query(&format!(
        "SELECT \"column\", type FROM table_columns('{table}')"
    ))?;
    let named = |row: &Row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?));
    Ok(rows.iter().filter_map(named).collect())
}

/// How many rows a table shows.
pub(super) fn count(link: &Link, table: &str) -> Result<i64, StoreError> {
    let rows = link.query(&format!("SELECT count() FROM {table}"))?;
    let count = rows.first().map(|row| row.try_get(0));
    count
        .transpose()
        .map_err(not_ours)
        .map(Option::unwrap_or_default)
}

fn text(rows: &[Row], column: usize) -> Result<String, StoreError> {
    let row = rows
        .first()
        .ok_or_else(|| unusable("it answers nothing".to_owned()))?;
    row.try_get(column).map_err(not_ours)
}

/// What can't be read as our own.
pub(super) fn not_ours(error: tokio_postgres::Error) -> StoreError {
    unusable(format!("it answers otherwise than QuestDB does: {error}"))
}

/// Nothing can be stored there until a person has mended it; readings wait in the log.
pub(super) fn unusable(reason: String) -> StoreError {
    StoreError::Unusable {
        reason: format!("QuestDB can't be used: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_build() {
        let build = "Build Information: QuestDB 9.3.4, JDK 24.0.2, Commit Hash 9ea33219";
        assert_eq!(version_in(build), "9.3.4");
        assert!(version_in(build).starts_with(SERVERS));
        assert!(!version_in("Build Information: QuestDB 10.0.0, JDK 25").starts_with(SERVERS));
        assert!(!version_in("PostgreSQL 16").starts_with(SERVERS));
    }
}
