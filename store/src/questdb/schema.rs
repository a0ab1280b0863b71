//! Our tables on the server: made once, and checked whenever a connection is new.

use super::catalogue::{check_server, columns, count, is_synced, not_ours, tables, unusable};
use super::columns::{COLUMNS, check_readings};
use super::hours::HOURS;
use super::link::Link;
use super::names::DATASTREAMS;
use super::ours;
use super::state::State;
use super::writer::READINGS;
use crate::StoreError;

/// The version of the tables, which this version makes and takes.
pub(crate) const VERSION: i64 = 1;
/// The table that says whose the tables are, and of which version.
pub(super) const SCHEMA: &str = "nhip_schema";
/// What was found on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// Minutes east of UTC, fixed when the tables were made.
    pub(crate) utc_offset_min: i32,
    /// Whether the server's reply means that a transaction is on its disk.
    pub(crate) is_synced: bool,
}

/// Whether the server has what a data folder has filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing was filled yet.
    New,
    /// The table of readings is the one that was filled.
    Whole {
        /// What the tables were made with.
        utc_offset_min: i32,
    },
    /// It is there, and the table that says whose it is is gone.
    Unnamed,
    /// It is gone, or another one is in its place.
    Lost {
        /// What the tables were made with, if that is still known.
        utc_offset_min: Option<i32>,
    },
}

/// Makes the tables of this data folder if it has none yet, and checks them.
pub(crate) fn prepare(
    link: &Link,
    state: &State,
    utc_offset_min: i32,
) -> Result<Schema, StoreError> {
    let utc_offset_min = match find(link, state)? {
        Found::Whole { utc_offset_min } => utc_offset_min,
        Found::Lost { .. } => return Err(lost()),
        Found::Unnamed => return Err(unnamed()),
        Found::New => {
            ours::clear_way(link, state)?;
            make(link, &state.city()?, utc_offset_min)?;
            // Another data folder may have been first.
            check_owner(link, &state.city()?)?
        }
    };
    check_readings(link)?;
    ours::note(link, state)?;
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
    match table_id(link, READINGS)? {
        Some(id) if Some(id) == filled(link)? => check_readings(link),
        _ => Err(lost()),
    }
}

/// Looks for what this data folder has filled.
pub(crate) fn find(link: &Link, state: &State) -> Result<Found, StoreError> {
    check_server(link)?;
    // A crash while the tables were made may have left it without its row.
    if table_id(link, SCHEMA)?.is_none() || count(link, SCHEMA)? == 0 {
        let readings = table_id(link, READINGS)?;
        return Ok(match state.is_made()? {
            false => Found::New,
            true if readings.is_some() && readings == state.table(READINGS)? => Found::Unnamed,
            true => Found::Lost {
                utc_offset_min: None,
            },
        });
    }
    if columns(link, SCHEMA)?
        .first()
        .map(|(name, _)| name.as_str())
        != Some("version")
    {
        return Err(ours::not_ours(SCHEMA));
    }
    let utc_offset_min = check_owner(link, &state.city()?)?;
    Ok(match table_id(link, READINGS)? {
        Some(id) if Some(id) == filled(link)? => Found::Whole { utc_offset_min },
        _ => Found::Lost {
            utc_offset_min: Some(utc_offset_min),
        },
    })
}

/// Makes new tables in place of what is lost; counted hours and names stay.
pub(crate) fn make_anew(link: &Link, state: &State, utc_offset_min: i32) -> Result<(), StoreError> {
    ours::note(link, state)?;
    ours::absent(link, state, &[HOURS, DATASTREAMS])?;
    // The table first: while it is gone and the schema there, this can be done again.
    link.execute(&format!("DROP TABLE IF EXISTS {READINGS}"))?;
    link.execute(&format!("DROP TABLE IF EXISTS {SCHEMA}"))?;
    ours::clear_way(link, state)?;
    make(link, &state.city()?, utc_offset_min)?;
    ours::note(link, state)?;
    state.set_made()
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
    let id = table_id(link, READINGS)?
        .ok_or_else(|| unusable(format!("it has made no table {READINGS}")))?;
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
            "its readings belong to another data folder (its table {SCHEMA} has {owner}, this one \
             is {city}); use that folder, or another server"
        )));
    }
    let offset: i64 = row.try_get(2).map_err(not_ours)?;
    i32::try_from(offset).map_err(|_| unusable(format!("{SCHEMA} has an offset of {offset}")))
}

/// The number of the table that was filled.
fn filled(link: &Link) -> Result<Option<i64>, StoreError> {
    let rows = link.query(&format!("SELECT readings FROM {SCHEMA}"))?;
    rows.last()
        .map(|row| row.try_get(0))
        .transpose()
        .map_err(not_ours)
}

fn lost() -> StoreError {
    unusable(format!(
        "the table {READINGS} that was filled is gone; restore the server's backup, or stop nhip \
         and fill a new table from the log with `nhip store refill`"
    ))
}

fn unnamed() -> StoreError {
    unusable(format!(
        "the table {SCHEMA} is gone, so nobody can tell whose {READINGS} is; rename it back, or \
         restore the server's backup; {READINGS} is left alone"
    ))
}

fn table_id(link: &Link, name: &str) -> Result<Option<i64>, StoreError> {
    let tables = tables(link)?;
    let found = tables.iter().find(|(table, _)| table == name);
    Ok(found.map(|(_, id)| *id))
}

/// Makes those of this data folder's tables that are not there.
pub(super) fn make_absent(
    link: &Link,
    state: &State,
    utc_offset_min: i32,
) -> Result<(), StoreError> {
    make(link, &state.city()?, utc_offset_min)
}
