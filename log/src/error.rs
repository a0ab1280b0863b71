//! Why the log can't be opened, and what troubles the committer.

use crate::{Stall, disk};
use std::io;
use thiserror::Error;

/// Why the log can't be opened. Nothing in its folder was changed that an intact log needs.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open: stop that one first.
    #[error("the log in {folder} is open in another process")]
    Locked {
        /// The log's folder.
        folder: String,
    },
    /// A segment between others is not there: restore it from a copy.
    #[error("the log in {folder} is not whole: {file} is missing, later segments are there")]
    Missing {
        /// The log's folder.
        folder: String,
        /// The name that the missing segment has.
        file: String,
    },
    /// Acknowledged records can't be read: restore the file from a copy.
    #[error("the log in {folder} is damaged in {file} at byte {position}: {reason}")]
    Damaged {
        /// The log's folder.
        folder: String,
        /// The segment's file.
        file: String,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The system refused: see to it, then try again.
    #[error("opening the log in {folder}, {doing}: {source}")]
    Io {
        /// The log's folder.
        folder: String,
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a commit did not come about.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Something that passes: to be tried again.
    Passing(Stall, String),
    /// For good.
    Broken(String),
}

impl Trouble {
    /// Tells the two kinds apart by what the system said.
    pub(crate) fn of(doing: &str, error: &io::Error) -> Self {
        let reason = format!("{doing}: {error}");
        match disk::stall(error) {
            Some(stall) => Self::Passing(stall, reason),
            None => Self::Broken(reason),
        }
    }
}
