//! Our tables on the server: made once, and checked whenever a connection is new.

use super::hours::HOURS;
use super::link::Link;
use super::names::DATASTREAMS;
use super::state::State;
use super::writer::READINGS;
use crate::StoreError;
use tokio_postgres::Row;

/// The version of the tables, which this version makes and takes.
pub(crate) const VERSION: i64 = 1;
/// The table that says whose the tables are, and of which version.
const SCHEMA: &str = "nhip_schema";
/// Names, types and whether an upsert compares them, in order.
const COLUMNS: [(&str, &str, bool); 8] = [
    ("timestamp", "TIMESTAMP", true),
    ("series", "LONG", true),
    ("boot", "LONG", true),
    ("seq", "LONG", true),
    ("value", "DOUBLE", true),
    ("received", "TIMESTAMP", false),
    ("quality", "SYMBOL", false),
    ("arrival", "BOOLEAN", false),
];
/// The server versions that this was tested with begin so.
const SERVERS: &str = "9.";

/// What was found on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// Minutes east of UTC, fixed when the tables were made.
    pub(crate) utc_offset_min: i32,
    /// Whether the server's reply means that a transaction is on its disk.
    pub(crate) is_synced: bool,
}

/// Makes the tables of this data folder if it has none yet, and checks them.
pub(crate) fn prepare(
    link: &Link,
    state: &State,
    utc_offset_min: i32,
) -> Result<Schema, StoreError> {
    check_server(link)?;
    let city = state.city()?;
    let tables = tables(link)?;
    let has = |name: &str| tables.iter().any(|(table, _)| table == name);
    if !has(SCHEMA) {
        if state.is_made()? {
            return Err(unusable(format!(
                "the tables of this data folder are gone ({SCHEMA} is missing); restore the \
                 server's backup"
            )));
        }
        if has(READINGS) && count(link, READINGS)? > 0 {
            return Err(unusable(format!(
                "it has a table {READINGS} that is not ours; rename it, or use another server"
            )));
        }
        make(link, &city, utc_offset_min)?;
    }
    let utc_offset_min = check_owner(link, &city)?;
    check(link)?;
    if !state.is_made()? {
        state.set_made()?;
    }
    Ok(Schema {
        utc_offset_min,
        is_synced: is_synced(link)?,
    })
}

/// Checks that the table of readings is the one that was made, as it was made.
pub(crate) fn check(link: &Link) -> Result<(), StoreError> {
    let id = check_readings(link)?;
    check_same(link, id)
}

fn make(link: &Link, city: &str, utc_offset_min: i32) -> Result<(), StoreError> {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind, _)| match *kind {
            "SYMBOL" => format!("{name} SYMBOL CAPACITY 16"),
            kind => format!("{name} {kind}"),
        })
        .collect();
    let keys: Vec<&str> = COLUMNS
        .iter()
        .filter(|(.., key)| *key)
        .map(|(name, ..)| *name)
        .collect();
    link.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {READINGS} ({}) TIMESTAMP(timestamp) PARTITION BY DAY WAL \
         DEDUP UPSERT KEYS({})",
        columns.join(", "),
        keys.join(", ")
    ))?;
    let id = table_id(link, READINGS)?;
    link.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {HOURS} (timestamp TIMESTAMP, \
         series SYMBOL CAPACITY 131072 INDEX, count LONG, min DOUBLE, max DOUBLE, last DOUBLE, \
         sum DOUBLE) TIMESTAMP(timestamp) PARTITION BY DAY WAL \
         DEDUP UPSERT KEYS(timestamp, series)"
    ))?;
    // All rows are of one instant: an upsert is by series alone.
    link.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {DATASTREAMS} (timestamp TIMESTAMP, series LONG, \
         device VARCHAR, title VARCHAR, datastream VARCHAR, property SYMBOL, unit SYMBOL, \
         place SYMBOL, longitude DOUBLE, latitude DOUBLE, retired BOOLEAN) \
         TIMESTAMP(timestamp) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(timestamp, series)"
    ))?;
    // Without a log of its own: what is inserted is there when the reply is.
    link.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {SCHEMA} (version LONG, city VARCHAR, utc_offset_min LONG, \
         readings LONG)"
    ))?;
    if count(link, SCHEMA)? == 0 {
        link.execute(&format!(
            "INSERT INTO {SCHEMA} VALUES ({VERSION}, '{city}', {utc_offset_min}, {id})"
        ))?;
    }
    Ok(())
}

fn check_server(link: &Link) -> Result<(), StoreError> {
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

fn check_owner(link: &Link, city: &str) -> Result<i32, StoreError> {
    let rows = link.query(&format!(
        "SELECT version, city, utc_offset_min FROM {SCHEMA}"
    ))?;
    let Some(row) = rows.last() else {
        return Err(unusable(format!("{SCHEMA} is empty; drop it")));
    };
    let version: i64 = row.try_get(0).map_err(not_ours)?;
    if version != VERSION {
        return Err(unusable(format!(
            "its tables are of version {version}, and this nhip knows {VERSION}; use the nhip \
             that made them"
        )));
    }
    let owner: &str = row.try_get(1).map_err(not_ours)?;
    if owner != city {
        return Err(unusable(format!(
            "its readings belong to another data folder ({owner}, this one is {city}); use that \
             folder, or another server"
        )));
    }
    let offset: i64 = row.try_get(2).map_err(not_ours)?;
    i32::try_from(offset).map_err(|_| unusable(format!("{SCHEMA} has an offset of {offset}")))
}

/// Checks the columns of `readings`; gives the table's number.
fn check_readings(link: &Link) -> Result<i64, StoreError> {
    let id = table_id(link, READINGS)?;
    let sql = format!("SELECT \"column\", type, upsertKey FROM table_columns('{READINGS}')");
    let rows = link.query(&sql)?;
    for (name, kind, key) in COLUMNS {
        let found = rows.iter().find_map(|row| {
            let is_it = row.try_get::<_, &str>(0).ok()? == name;
            is_it.then_some((row.try_get(1).ok()?, row.try_get(2).ok()?))
        });
        let (found, is_key): (&str, bool) = found
            .ok_or_else(|| unusable(format!("{READINGS} has no column {name}; add it back")))?;
        if found != kind {
            return Err(unusable(format!(
                "{READINGS}.{name} is {found} and not {kind}; change its type back"
            )));
        }
        if is_key != key {
            return Err(unusable(format!(
                "{READINGS}.{name} is {}an upsert key; restore the keys",
                if is_key { "" } else { "not " }
            )));
        }
    }
    Ok(id)
}

/// Refuses a table that was dropped and made anew, by hand or by the server itself.
fn check_same(link: &Link, id: i64) -> Result<(), StoreError> {
    let rows = link.query(&format!("SELECT readings FROM {SCHEMA}"))?;
    let made = rows.last().and_then(|row| row.try_get(0).ok());
    if made == Some(id) {
        return Ok(());
    }
    Err(unusable(format!(
        "{READINGS} is another table than the one that was filled; restore the server's backup"
    )))
}

fn is_synced(link: &Link) -> Result<bool, StoreError> {
    let rows = link
        .query("SELECT value FROM (SHOW PARAMETERS) WHERE property_path = 'cairo.commit.mode'")?;
    // Who may not see it is told nothing: then the weaker promise holds.
    Ok(rows
        .first()
        .and_then(|row| row.try_get::<_, &str>(0).ok())
        .is_some_and(|mode| mode.eq_ignore_ascii_case("sync")))
}

/// The names and numbers of the server's tables.
fn tables(link: &Link) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = link.query("SELECT table_name, cast(id as long) FROM tables()")?;
    let named = |row: &Row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?));
    Ok(rows.iter().filter_map(named).collect())
}

fn table_id(link: &Link, name: &str) -> Result<i64, StoreError> {
    let tables = tables(link)?;
    let found = tables.iter().find(|(table, _)| table == name);
    found.map(|(_, id)| *id).ok_or_else(|| {
        unusable(format!(
            "the table {name} is gone; restore the server's backup"
        ))
    })
}

fn count(link: &Link, table: &str) -> Result<i64, StoreError> {
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

fn not_ours(error: tokio_postgres::Error) -> StoreError {
    unusable(format!("it answers otherwise than QuestDB does: {error}"))
}

/// Nothing can be stored there until a person has mended it; readings wait in the log.
fn unusable(reason: String) -> StoreError {
    StoreError::Unavailable {
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
