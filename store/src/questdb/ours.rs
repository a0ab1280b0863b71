//! Which tables on the server are ours, and which are somebody else's by the same name.

use super::catalogue::{Table, columns, count, listed, unusable};
use super::columns::COLUMNS;
use super::hours::{self, HOURS};
use super::link::Link;
use super::names::{self, DATASTREAMS};
use super::schema::SCHEMA;
use super::state::State;
use super::writer::READINGS;
use crate::StoreError;

/// All that we make.
const ALL: [&str; 4] = [READINGS, HOURS, DATASTREAMS, SCHEMA];

/// Sees to it that tables can be made: those that a crash has left half-made are dropped. Fails
/// if somebody else has a table of one of our names, which is left alone.
pub(super) fn clear_way(link: &Link, state: &State) -> Result<(), StoreError> {
    if let Some(absent) = state.making()? {
        drop_half_made(link, &absent)?;
    }
    let absent = absent(link, state, &ALL)?;
    state.set_making(&absent.join(" "))
}

/// Those of some tables that the server has not. Fails if one is somebody else's.
pub(super) fn absent<'a>(
    link: &Link,
    state: &State,
    names: &[&'a str],
) -> Result<Vec<&'a str>, StoreError> {
    let there = listed(link)?;
    let mut absent = Vec::new();
    for name in names {
        match there.iter().find(|table| table.name == *name) {
            None => absent.push(*name),
            Some(table) if is_noted(state, table)? && is_as_made(link, table)? => {}
            Some(_) => return Err(not_ours(name)),
        }
    }
    Ok(absent)
}

/// A server that dies while it makes a table has it in its list and can't use it. Ours have no
/// rows before all are made: what has some was made by somebody meanwhile.
fn drop_half_made(link: &Link, names: &str) -> Result<(), StoreError> {
    let there = listed(link)?;
    for name in names.split_whitespace() {
        if there.iter().all(|table| table.name != name) {
            continue;
        }
        if count(link, name).is_ok_and(|rows| rows > 0) {
            return Err(not_ours(name));
        }
        link.execute(&format!("DROP TABLE IF EXISTS {name}"))?;
    }
    Ok(())
}

/// Notes the numbers of our tables that have none yet, or whose last one is gone: of those that
/// were just made, or that a version before this one has made.
pub(super) fn note(link: &Link, state: &State) -> Result<(), StoreError> {
    let there = listed(link)?;
    for table in there
        .iter()
        .filter(|table| ALL.contains(&table.name.as_str()))
    {
        let noted = state.table(&table.name)?;
        let is_there = there.iter().any(|other| Some(other.id) == noted);
        if !is_there && is_as_made(link, table)? {
            state.set_table(&table.name, table.id)?;
        }
    }
    Ok(())
}

/// Fails unless these tables of ours beside `readings` are there, and are those that were made:
/// one that the server makes by itself for rows that are sent has no keys to upsert by, and one
/// of somebody else's must be neither read nor written.
pub(super) fn require(link: &Link, state: &State, needed: &[&str]) -> Result<(), StoreError> {
    let there = listed(link)?;
    for name in needed {
        let Some(table) = there.iter().find(|table| table.name == *name) else {
            return Err(unusable(format!(
                "the table {name} is gone; rename it back, or restore the server's backup"
            )));
        };
        if !table.has_keys {
            return Err(unusable(format!(
                "the table {name} has no upsert keys, so it is not ours; put ours back in its place"
            )));
        }
        if !is_noted(state, table)? {
            return Err(unusable(format!(
                "the table {name} is not the one that was made, so it is left alone; put ours back \
                 in its place"
            )));
        }
    }
    Ok(())
}

fn is_noted(state: &State, table: &Table) -> Result<bool, StoreError> {
    Ok(state.table(&table.name)? == Some(table.id))
}

/// Whether it has the columns that ours has, and upserts.
fn is_as_made(link: &Link, table: &Table) -> Result<bool, StoreError> {
    let ours: Vec<(&str, &str)> = match table.name.as_str() {
        READINGS => COLUMNS
            .iter()
            .map(|(name, kind, _)| (*name, *kind))
            .collect(),
        HOURS => hours::COLUMNS.to_vec(),
        DATASTREAMS => names::COLUMNS.to_vec(),
        _ => return Ok(false),
    };
    let found = columns(link, &table.name)?;
    let has = |name: &str, kind: &str| found.iter().any(|(it, of)| it == name && of == kind);
    Ok(table.has_keys && ours.iter().all(|(name, kind)| has(name, kind)))
}

/// Somebody else's table has a name of ours.
pub(super) fn not_ours(name: &str) -> StoreError {
    unusable(format!(
        "it has a table {name} that is not ours; rename it, or use another server"
    ))
}
