//! The first packet, from somebody who isn't a client yet, and saying no to it.

use super::FAREWELL;
use super::unknown::Held;
use crate::codec::{Connack, DecodeError, Explained, Frame, Packet, Reason, Version, frame};
use crate::core::Core;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes behind a refused CONNECT that are read and dropped, within the time for a handshake.
const UNREAD_BYTES_MAX: usize = 128 * 1024;

/// MQTT-3.1.2-1.
const PROTOCOL_NAME: &[u8] = b"\0\x04MQTT";

/// What is made room for at once, bytes.
const ROOM_BYTES: usize = 512;

/// Reads until the first packet is whole, or can't be CONNECT; `None` when the client is gone, or
/// there is no room for what it sends.
pub(super) async fn read_connect<S>(
    core: &Core,
    io: &mut S,
    peer: SocketAddr,
    input: &mut Vec<u8>,
    held: &mut Held<'_>,
) -> Option<Result<Frame, DecodeError>>
where
    S: AsyncRead + Unpin,
{
    loop {
        if input.first().is_some_and(|first| *first != 0x10) {
            // MQTT-3.1.0-1: not MQTT, or not CONNECT first.
            return Some(Err(DecodeError::Protocol("the first packet is no CONNECT")));
        }
        match frame(input, core.config.connect_bytes_max) {
            Ok(Some(frame)) => return Some(Ok(frame)),
            Ok(None) => {}
            // The version stands in its first bytes, and the answer depends on it.
            Err(DecodeError::TooLarge { .. }) if PROTOCOL_NAME.starts_with(body(input)) => {}
            Err(error) => return Some(Err(error)),
        }
        // Room grows with what has come, never with what was claimed.
        if input.len() == input.capacity() {
            input.reserve(ROOM_BYTES);
            if !held.grow(input.capacity(), core.config.unauthenticated_bytes_max) {
                return no_room(core, peer);
            }
        }
        let read = tokio::select! {
            biased;
            read = io.read_buf(input) => read,
            () = held.given_up() => return no_room(core, peer),
        };
        if read.ok()? == 0 {
            return None;
        }
    }
}

fn no_room<T>(core: &Core, peer: SocketAddr) -> Option<T> {
    core.metrics.refuse(Reason::SERVER_BUSY);
    let reason = "too many bytes of clients that aren't let in yet";
    core.notices.refused(peer, "", &reason);
    None
}

/// What follows the fixed header, as far as it has come.
fn body(input: &[u8]) -> &[u8] {
    let length_bytes = input.iter().skip(1).take_while(|byte| **byte >= 0x80);
    input.get(2 + length_bytes.count()..).unwrap_or_default()
}

/// The protocol level of a CONNECT whose first bytes these are.
fn level(input: &[u8]) -> Option<u8> {
    body(input).strip_prefix(PROTOCOL_NAME)?.first().copied()
}

/// CONNECT that can't be read is answered if its version is known (MQTT-3.1.2-2).
pub(super) async fn refuse_unread<S>(
    core: &Core,
    io: &mut S,
    peer: SocketAddr,
    error: DecodeError,
    input: &[u8],
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    core.metrics.refuse(error.reason());
    core.notices.refused(peer, "", &error);
    match (error, level(input)) {
        (DecodeError::UnsupportedVersion(level), _) => {
            let version = if level > 5 {
                Version::V5
            } else {
                Version::V311
            };
            refuse(io, version, error.reason(), Explained::NOT).await;
        }
        (_, Some(5)) => refuse(io, Version::V5, error.reason(), Explained::NOT).await,
        _ => {}
    }
}

/// Says no in the words of the client's version and ends the stream. A client that takes its time
/// with it keeps its place no longer for that.
pub(super) async fn refuse<S>(io: &mut S, version: Version, reason: Reason, explained: Explained)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let words = explained.words(reason);
    let connack = Connack {
        session_present: false,
        code: match version {
            Version::V311 => reason.v311_connack(),
            Version::V5 => reason.0,
        },
        properties: words.list(),
    };
    let mut out = Vec::new();
    Packet::Connack(connack).write(version, &mut out);
    let _ = tokio::time::timeout(FAREWELL, async {
        io.write_all(&out).await?;
        io.shutdown().await?;
        // Closing on bytes that were not read resets the connection, and the answer with it.
        let mut unread = [0; 512];
        for _ in 0..UNREAD_BYTES_MAX / unread.len() {
            if io.read(&mut unread).await? == 0 {
                break;
            }
        }
        Ok::<_, std::io::Error>(())
    })
    .await;
}
