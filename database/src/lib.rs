//! The platform's one database, and the room that writing leaves on its disk.
//!
//! fjall takes no write any more for the life of the process once one has met a full disk. So
//! there is one way to write, [`Batch`], which asks the file system first. No other crate of
//! ours depends on fjall, and clippy refuses a keyspace's own ways of writing.
#![forbid(unsafe_code)]

mod batch;
mod database;

pub use batch::Batch;
pub use database::{Config, Database};
pub use fjall::{
    CompressionType, Error, Guard, Iter, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode,
    Readable, Slice, Snapshot, config,
};
