//! Normalised readings in the order of the log, for any number of subscribers.

mod again;
mod reader;
mod ring;

pub(crate) use again::{Again, Sources};
pub(crate) use reader::subscribe;
pub(crate) use ring::{Feed, Found};
