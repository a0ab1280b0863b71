//! What is to be carried.

use std::time::Duration;
use tokio::time::Instant;

/// What a courier carries and for whom.
pub trait Errand: Send {
    /// What to do next. Called again after each message, and when a wait is over.
    fn next(&mut self, now: Instant) -> Next;
    /// The server acknowledged the message of this token.
    fn acknowledged(&mut self, token: u64);
    /// The server refused the message of this token (MQTT 5); it isn't sent again.
    fn refused(&mut self, token: u64, reason: &str);
    /// The message of this token was written once more, since no acknowledgement had come.
    fn written_again(&mut self, token: u64);
}

/// What an errand wants.
#[derive(Debug)]
pub enum Next {
    /// Send this.
    Send(Message),
    /// Nothing until then.
    At(Instant),
    /// Drop the connection without a goodbye and stay away for so long.
    Drop(Duration),
    /// Nothing ever again.
    Done,
}

/// A QoS 1 message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// What the errand calls it.
    pub token: u64,
}
