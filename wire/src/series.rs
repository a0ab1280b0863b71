//! The number of a datastream.

/// A datastream, as the registry numbers it: dense, from 0 on, never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);
