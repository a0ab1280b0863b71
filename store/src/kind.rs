//! Which store keeps the readings of a data folder.

use crate::StoreError;
use crate::embedded::{keyspace, refused};
use nhip_database::{Batch, Database, Keyspace};
use std::fmt;

/// The kind, in `store.meta`; a folder that no copy has touched has none.
const KIND: &[u8] = b"store.kind";
/// Folders of QuestDB that are older than `KIND` have this.
const CITY: &[u8] = b"questdb.city";

/// Who keeps the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The platform's own database.
    Embedded,
    /// A QuestDB server.
    QuestDb,
}

impl StoreKind {
    /// Who keeps the readings of a database; none if it has none yet.
    pub fn of(database: &Database) -> Result<Option<Self>, StoreError> {
        let meta = keyspace(database, "store.meta", 1 << 20)?;
        let state = keyspace(database, "store.state", 8 << 20)?;
        if let Some(name) = meta.get(KIND).map_err(refused)? {
            let kind = std::str::from_utf8(&name).ok().and_then(Self::named);
            return kind.map(Some).ok_or_else(|| StoreError::Damaged {
                place: "store.meta store.kind".to_owned(),
                reason: "it is no kind of ours".to_owned(),
            });
        }
        if meta.get(CITY).map_err(refused)?.is_some() {
            return Ok(Some(Self::QuestDb));
        }
        Ok(state.iter().next().map(|_| Self::Embedded))
    }

    /// As in the setting `store.kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::QuestDb => "questdb",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Embedded, Self::QuestDb]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Embedded => Self::QuestDb,
            Self::QuestDb => Self::Embedded,
        }
    }

    /// Refuses a database whose readings are elsewhere.
    pub(crate) fn require(self, database: &Database) -> Result<(), StoreError> {
        match Self::of(database)? {
            Some(kind) if kind != self => Err(StoreError::Refused {
                what: "this data folder".to_owned(),
                reason: format!(
                    "its readings are in {}; set store.kind = \"{}\", move them with nhip store \
                     copy, or name another folder with --data",
                    kind.told(),
                    kind.name()
                ),
            }),
            _ => Ok(()),
        }
    }

    /// Says in a batch who keeps the readings from now on.
    pub(crate) fn set(self, batch: &mut Batch, meta: &Keyspace) {
        batch.insert(meta, KIND, self.name().as_bytes());
    }

    /// As in a sentence.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::Embedded => "the embedded store",
            Self::QuestDb => "QuestDB",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
