//! How the broker's tables are kept.

use nhip_database::{Database, Error, Keyspace, KeyspaceCreateOptions};

/// Bytes of a table in memory before it is written. What is in it costs memory while it runs
/// and is read from the journal at the start, so it is far below the database's own 64 MiB: a
/// hundred thousand sessions whose clients are away are on the disk.
const MEMTABLE_BYTES: u64 = 2 << 20;

/// Opens a keyspace, and makes it if there is none of that name.
pub(crate) fn open(database: &Database, name: &str) -> Result<Keyspace, Error> {
    database.keyspace(name, || {
        KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
    })
}
