//! What differs between the kinds of live streams.

use super::end::End;
use crate::fragment::Fragment;
use bytes::Bytes;
use nhip_ingest::FeedEvent;

/// Writes readings as one kind of stream has them, and takes them to the client.
pub(super) trait Carrier: Send {
    /// Appends a reading to a chunk.
    fn write(&self, chunk: &mut Vec<u8>, event: &FeedEvent, fragment: &Fragment);

    /// Takes a chunk to the client as soon as there is room; gives up when there is none for
    /// too long.
    fn send(&mut self, chunk: Bytes) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Says that the stream is there.
    fn beat(&mut self) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Resolves when the client has left. May be dropped and called again.
    fn left(&mut self) -> impl Future<Output = ()> + Send;

    /// Says why it ends, behind what was begun, as long as the connection takes bytes.
    fn end(self, end: End) -> impl Future<Output = ()> + Send;
}

/// What was to be sent is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The client has left.
    Closed,
    /// It took nothing for too long.
    Full,
}
