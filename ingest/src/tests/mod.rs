//! The fold as a whole, over stand-ins that lose what a crash would lose.

mod anew;
mod batches;
mod crashes;
mod dedupe;
mod feed;
mod letters;
mod outages;
mod validation;
