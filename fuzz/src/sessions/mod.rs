//! The session machine: several clients that do anything in any order, at a whole broker.
//!
//! Four clients connect, say whole packets and broken ones, fall silent and come again, while the
//! log commits when the input says so. What the broker sends is checked packet by packet
//! (`watch.rs`), whoever is still connected at the end must have all its answers, and the broker
//! must serve somebody new.

mod client;
mod expected;
mod house;
mod run;
mod said;
mod script;
mod watch;

use house::House;
use std::cell::RefCell;

thread_local! {
    /// One broker for all inputs of a thread. The names of clients differ from input to input.
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

/// Plays the bytes as a script; says whether anybody was connected at its end.
pub fn withstand(bytes: &[u8]) -> bool {
    HOUSE.with_borrow_mut(|house| house.get_or_insert_with(House::open).play(bytes))
}
