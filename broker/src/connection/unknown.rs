//! What is held for clients that haven't been let in yet.

use parking_lot::Mutex;
use std::{cmp::Reverse, collections::BTreeMap, future::pending};
use tokio::sync::oneshot;

/// Bytes held for all of them. Whoever holds most gives way: a crowd that sends a lot and never
/// comes to an end can't lock out those whose first packet is short, wherever it comes from.
#[derive(Debug, Default)]
pub(crate) struct Unknown {
    pool: Mutex<Pool>,
}

/// Bytes, and who came first among those that hold as many.
type Share = (usize, Reverse<u64>);

#[derive(Debug, Default)]
struct Pool {
    bytes: usize,
    /// A number for the next one.
    next: u64,
    /// What each holds; dropping its sender tells it to go.
    shares: BTreeMap<Share, oneshot::Sender<()>>,
}

/// What is held for one of them; given back when it drops.
pub(super) struct Held<'a> {
    all: &'a Unknown,
    share: Option<(Share, oneshot::Receiver<()>)>,
}

impl Unknown {
    pub(super) fn client(&self) -> Held<'_> {
        Held {
            all: self,
            share: None,
        }
    }
}

impl Held<'_> {
    /// Counts a buffer that has grown to `bytes`. If all of them together have more than
    /// `bytes_max` by that, those that hold most are told to go, the oldest first; `false` if
    /// this is one of them.
    pub(super) fn grow(&mut self, bytes: usize, bytes_max: usize) -> bool {
        let mut pool = self.all.pool.lock();
        let (number, stay, go) = match self.share.take() {
            None => {
                pool.next += 1;
                let (stay, go) = oneshot::channel();
                (Reverse(pool.next), stay, go)
            }
            Some((share, go)) => match pool.take(share) {
                Some(stay) => (share.1, stay, go),
                None => return false,
            },
        };
        let share = (bytes, number);
        pool.bytes += bytes;
        pool.shares.insert(share, stay);
        let mut stays = true;
        while pool.bytes > bytes_max
            && let Some(((most, number), _)) = pool.shares.pop_last()
        {
            pool.bytes -= most;
            stays &= (most, number) != share;
        }
        self.share = Some((share, go));
        stays
    }

    /// Comes when what is held must be given up.
    pub(super) async fn given_up(&mut self) {
        match &mut self.share {
            // Nobody sends: the other end goes.
            Some((_, go)) => drop(go.await),
            None => pending().await,
        }
    }
}

impl Pool {
    fn take(&mut self, share: Share) -> Option<oneshot::Sender<()>> {
        let stay = self.shares.remove(&share)?;
        self.bytes -= share.0;
        Some(stay)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some((share, _)) = self.share.take() {
            self.all.pool.lock().take(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn what_is_held_counts_until_its_client_is_in_or_gone() {
        let all = Unknown::default();
        let mut one = all.client();
        assert!(one.grow(600, 1000));
        let mut other = all.client();
        assert!(other.grow(400, 1000), "at the bound");
        drop(other);
        assert!(one.grow(1000, 1000));
        drop(one);
        assert!(all.client().grow(1000, 1000));
        let pool = all.pool.lock();
        assert_eq!((pool.bytes, pool.shares.len()), (0, 0));
    }

    #[test]
    fn whoever_holds_most_gives_way_and_of_equals_the_oldest() {
        let all = Unknown::default();
        let mut large: Vec<_> = (0..2).map(|_| all.client()).collect();
        assert!(large.iter_mut().all(|held| held.grow(500, 1000)));
        let mut small = all.client();
        assert!(small.grow(100, 1000));
        assert!(large[0].given_up().now_or_never().is_some(), "the oldest");
        assert!(!large[0].grow(600, 1000), "it has to go");
        assert!(large[1].given_up().now_or_never().is_none());
        assert!(!small.grow(501, 1000), "it would have most itself");
        assert!(large[1].given_up().now_or_never().is_none());
        drop(large);
        drop(small);
        assert_eq!(all.pool.lock().bytes, 0, "nothing is counted twice");
    }
}
