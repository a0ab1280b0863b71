//! A queue of text that is bounded in bytes.

use super::carrier::Refused;
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

/// The end that is filled.
pub(super) struct Queue {
    room: Arc<Semaphore>,
    bytes_max: usize,
    chunks: mpsc::UnboundedSender<Bytes>,
    last_word: Arc<OnceLock<Bytes>>,
}

/// A queue of at most `bytes_max`, and what comes out of it.
pub(super) fn bounded(
    bytes_max: usize,
) -> (Queue, impl Stream<Item = Result<Bytes, Infallible>> + Send) {
    let bytes_max = bytes_max.clamp(1, Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(bytes_max));
    let (chunks, taken) = mpsc::unbounded_channel();
    let last_word = Arc::new(OnceLock::new());
    let queue = Queue {
        room: room.clone(),
        bytes_max,
        chunks,
        last_word: last_word.clone(),
    };
    let out = stream::unfold(Some((taken, room, last_word)), |ends| async {
        let (mut taken, room, last_word) = ends?;
        let chunk: Option<Bytes> = taken.recv().await;
        if let Some(last) = last_word.get() {
            return Some((Ok(last.clone()), None));
        }
        let chunk = chunk?;
        room.add_permits(chunk.len());
        Some((Ok(chunk), Some((taken, room, last_word))))
    });
    (queue, out)
}

impl Queue {
    /// Adds a chunk, no longer than the bound, as soon as there is room; gives up when there
    /// is none for so long.
    pub(super) async fn push(&self, chunk: Bytes, patience: Duration) -> Result<(), Refused> {
        let bytes = u32::try_from(chunk.len().min(self.bytes_max)).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            room = self.room.acquire_many(bytes) => match room {
                Ok(room) => room.forget(),
                Err(_) => return Err(Refused::Closed),
            },
            () = self.chunks.closed() => return Err(Refused::Closed),
            () = tokio::time::sleep(patience) => return Err(Refused::Full),
        }
        self.chunks.send(chunk).map_err(|_| Refused::Closed)
    }

    /// Resolves when nobody takes from the other end any more.
    pub(super) async fn closed(&self) {
        self.chunks.closed().await;
    }

    /// Ends it: what waits is thrown away, and `last` comes out instead.
    pub(super) fn end(self, last: Bytes) {
        let _ = self.last_word.set(last);
    }

    /// Ends it behind what waits.
    pub(super) fn finish(self, last: Bytes) {
        let _ = self.chunks.send(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_and_its_last_word_comes_first() {
        let (queue, out) = bounded(8);
        assert!(
            queue
                .push(Bytes::from_static(b"12345"), PATIENCE)
                .await
                .is_ok()
        );
        let refused = queue.push(Bytes::from_static(b"67890"), PATIENCE).await;
        assert!(matches!(refused, Err(Refused::Full)));
        queue.end(Bytes::from_static(b"why"));
        let out: Vec<_> = out.collect().await;
        assert_eq!(out, [Ok(Bytes::from_static(b"why"))]);
    }

    #[tokio::test(start_paused = true)]
    async fn taking_makes_room() {
        let (queue, out) = bounded(8);
        let mut out = Box::pin(out);
        for text in [&b"12345"[..], b"678", b"90123456"] {
            let pushed = queue.push(Bytes::from_static(b"12345678"), PATIENCE).await;
            assert!(pushed.is_ok(), "{text:?}");
            assert!(out.next().await.is_some());
        }
        drop(out);
        let refused = queue.push(Bytes::from_static(b"x"), PATIENCE).await;
        assert!(matches!(refused, Err(Refused::Closed)));
    }
}
