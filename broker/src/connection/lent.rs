//! What a connection at rest lends to the committer, so that acknowledgements go to the socket
//! without waking a task for each connection.
//!
//! A task lends its writing side only when it has nothing to write and waits for the client,
//! and takes it back before it does anything else. So there is one writer at any time, and the
//! order of packets is as if the task had written them all.

use super::acks::Acks;
use crate::codec::{Explained, Version};
use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::tcp::OwnedWriteHalf;

/// A byte stream to a client.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Gives its writing side away, if it has one that can be written to without a task.
    fn lend(&mut self) -> Option<OwnedWriteHalf> {
        None
    }

    /// Gets it again. Until then nothing may be written.
    fn take_back(&mut self, _: OwnedWriteHalf) {}
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(super) write: OwnedWriteHalf,
    pub(super) acks: Acks,
    /// What the socket did not take.
    pub(super) left: Vec<u8>,
    pub(super) version: Version,
    pub(super) explained: Explained,
    pub(super) sent_bytes: IntCounter,
}

impl Lent {
    /// Writes what is due when everything before `durable_end` is durable, as far as the socket
    /// takes it at once. Says whether that leaves the connection's task nothing to do.
    pub(crate) fn acknowledge(&mut self, durable_end: u64) -> bool {
        if !self.left.is_empty() || !self.acks.are_packets() {
            return false;
        }
        self.acks
            .resolve(durable_end, self.version, self.explained, &mut self.left);
        if self.left.is_empty() {
            return true;
        }
        // An error is the task's to find.
        if let Ok(taken) = self.write.try_write(&self.left) {
            self.sent_bytes.inc_by(taken as u64);
            self.left.drain(..taken);
        }
        let whole = self.left.is_empty();
        if whole {
            self.left = Vec::new();
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::super::acks::Due;
    use super::*;
    use crate::codec::Reason;
    use crate::link::Link;
    use nhip_log::{Committed, Offset};
    use std::{
        sync::Arc,
        sync::atomic::{AtomicU32, Ordering},
        task::{Wake, Waker},
    };
    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream},
    };

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a task has lent, due behind the offset 0, and the client's side.
    async fn lent(dues: impl IntoIterator<Item = (u16, Due)>) -> (Lent, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (_, write) = listener.accept().await.unwrap().0.into_split();
        write.writable().await.unwrap();
        let mut acks = Acks::default();
        for (packet_id, due) in dues {
            acks.push(packet_id, due, Reason::SUCCESS);
        }
        acks.group(1);
        let lent = Lent {
            write,
            acks,
            left: Vec::new(),
            version: Version::V311,
            explained: Explained::NOT,
            sent_bytes: IntCounter::new("sent", "sent").unwrap(),
        };
        (lent, client)
    }

    fn watched(lent: Lent) -> (Link, Arc<Woken>) {
        let (link, woken) = (Link::new(0), Arc::<Woken>::default());
        link.register(&Waker::from(Arc::clone(&woken)));
        link.lend(Box::new(lent));
        (link, woken)
    }

    #[tokio::test]
    async fn a_commit_acknowledges_without_waking_the_task() {
        let (lent, mut client) = lent([(7, Due::Puback), (8, Due::Pubrec)]).await;
        let (link, woken) = watched(lent);
        link.committed(Offset(0));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        let mut answers = [0; 8];
        client.read_exact(&mut answers).await.unwrap();
        assert_eq!(answers, [0x40, 2, 0, 7, 0x50, 2, 0, 8]);
        assert!(link.take_back().unwrap().acks.is_empty());
    }

    #[tokio::test]
    async fn what_changes_the_session_is_left_to_the_task() {
        let (lent, client) = lent([(7, Due::Puback), (8, Due::Free)]).await;
        let (link, woken) = watched(lent);
        link.committed(Offset(0));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(link.take_back().unwrap().acks.len(), 2);
        assert!(client.try_read(&mut [0]).is_err(), "nothing is written");
    }

    #[tokio::test]
    async fn what_the_socket_does_not_take_is_left_to_the_task_from_there_on() {
        const MANY: usize = 4 << 20;
        let dues = (0..MANY).map(|number| (number as u16, Due::Puback));
        let (lent, mut client) = lent(dues).await;
        let (link, woken) = watched(lent);
        link.committed(Offset(0));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        let left = link.take_back().unwrap().left;
        assert!(!left.is_empty(), "16 MiB are more than a socket takes");
        let mut all = vec![0; 4 * MANY - left.len()];
        client.read_exact(&mut all).await.unwrap();
        all.extend_from_slice(&left);
        for (number, answer) in all.chunks_exact(4).enumerate() {
            let [high, low] = (number as u16).to_be_bytes();
            assert_eq!(answer, [0x40, 2, high, low]);
        }
    }
}
