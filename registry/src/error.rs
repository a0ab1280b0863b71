//! Why the registry did not do as it was asked.

use std::io;
use thiserror::Error;

/// Why the registry did not do as it was asked.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// A name breaks the grammar: reject it.
    #[error("{what} {name:?}: names match {}", nhip_wire::name::GRAMMAR)]
    Name {
        /// `device`, `datastream`, `property`.
        what: &'static str,
        /// What was given, cut short.
        name: String,
    },
    /// A value can't be taken: reject it.
    #[error("{field}: {reason}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that is said of a datastream can't be taken: reject it.
    #[error("{error}")]
    Datastream {
        /// Its place in the list, from 0 on.
        at: usize,
        /// What is wrong.
        error: Box<RegistryError>,
    },
    /// A bound is reached: reject it, or raise the setting.
    #[error("no more than {max} {what} (setting registry.{setting})")]
    Limit {
        /// What there are too many of.
        what: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        max: u64,
    },
    /// There is no such device: reject it.
    #[error("there is no device {device:?}")]
    Unknown {
        /// Its name or number.
        device: String,
    },
    /// Stored readings have another unit: register a new datastream instead.
    #[error(
        "datastream {datastream:?} has readings in {unit}, so its unit can't become {asked}; \
         register a new datastream instead"
    )]
    UnitFixed {
        /// The datastream.
        datastream: String,
        /// The unit it has.
        unit: String,
        /// The unit that was asked for.
        asked: String,
    },
    /// The disk can't be written, or is nearly full: try again when it can.
    #[error("the registry can't be written: {0}")]
    Unavailable(#[source] io::Error),
    /// An earlier write failed: stop, a new start finds what is on the disk.
    #[error(
        "an earlier write of the database failed and it takes no more until the process is \
         started again"
    )]
    Poisoned,
    /// The database can't be read: look at the disk.
    #[error("the registry's database: {0}")]
    Database(#[source] nhip_database::Error),
    /// What is stored can't be read: stop, and restore from a copy.
    #[error("the registry is damaged at {place}: {reason}")]
    Damaged {
        /// Which record.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// The list of places can't be read: mend it.
    #[error("places, line {line}: {reason}")]
    Places {
        /// The line, from 1 on.
        line: usize,
        /// What is wrong in it.
        reason: String,
    },
}

impl From<nhip_database::Error> for RegistryError {
    fn from(error: nhip_database::Error) -> Self {
        match error {
            nhip_database::Error::Poisoned => Self::Poisoned,
            nhip_database::Error::Io(error) => Self::Unavailable(error),
            error => Self::Database(error),
        }
    }
}
