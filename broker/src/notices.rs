//! Log lines about clients that did something wrong: few enough that no client fills a disk.

use crate::codec::Reason;
use std::{
    fmt::Display,
    net::SocketAddr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Lines a second about single clients; those beyond are summed up in one.
const LINES_A_SECOND: u32 = 10;

/// Says which client was refused or cut and why, and which lost messages, as long as that isn't
/// too often. Those who are refused again and again don't hide those who lose something.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    refusals: Lines,
    losses: Lines,
}

/// Whether the log lines name a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Named {
    #[default]
    No,
    /// It is in a sum.
    Counted,
    Yes,
}

/// Lines of one kind.
#[derive(Debug)]
struct Lines {
    left: AtomicU32,
    unsaid: AtomicU64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            left: AtomicU32::new(LINES_A_SECOND),
            unsaid: AtomicU64::new(0),
        }
    }
}

impl Notices {
    /// A connection that did not become a client, with what is wrong as exactly as is known.
    pub(crate) fn refused(&self, peer: SocketAddr, client: &str, reason: &dyn Display) {
        if self.refusals.may_say() {
            tracing::warn!(%peer, client, %reason, "refused a client");
        }
    }

    /// A client that was cut; what happens to a well-behaved one is no warning.
    pub(crate) fn cut(&self, peer: SocketAddr, client: &str, reason: Reason) {
        let (ordinary, name) = (
            matches!(
                reason,
                Reason::SERVER_SHUTTING_DOWN | Reason::KEEP_ALIVE_TIMEOUT
            ),
            reason.name(),
        );
        if ordinary {
            tracing::debug!(%peer, client, reason = name, "closing a connection");
        } else if self.refusals.may_say() {
            tracing::warn!(%peer, client, reason = name, "cut a client");
        }
    }

    /// A session that has lost messages, since it was away or behind for too long.
    pub(crate) fn trimmed(&self, client: &str) {
        if self.losses.may_say() {
            tracing::warn!(
                client,
                "a session ended: the log is trimmed beyond its messages"
            );
        }
    }

    /// A subscriber that misses messages with QoS 0; said once a connection. If too much is said
    /// in this second it is counted, and named with one that it misses later.
    pub(crate) fn slow(&self, client: &str, named: &mut Named) {
        if *named == Named::Yes {
            return;
        }
        let may_say = match *named {
            Named::No => self.losses.may_say(),
            _ => self.losses.take_line(),
        };
        *named = match may_say {
            true => Named::Yes,
            false => Named::Counted,
        };
        if may_say {
            tracing::warn!(client, "a slow subscriber misses messages with QoS 0");
        }
    }

    /// Begins another second; sums up what the last one left unsaid.
    pub(crate) fn next_second(&self) {
        let clients = self.refusals.next_second();
        if clients > 0 {
            tracing::warn!(clients, "refused or cut more clients, not named here");
        }
        let clients = self.losses.next_second();
        if clients > 0 {
            tracing::warn!(clients, "more subscribers lose messages, not named here");
        }
    }
}

impl Lines {
    fn may_say(&self) -> bool {
        let took = self.take_line();
        if !took {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
        }
        took
    }

    fn take_line(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    /// How many were left unsaid in the second that is over.
    fn next_second(&self) -> u64 {
        self.left.store(LINES_A_SECOND, Ordering::Relaxed);
        self.unsaid.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_refusals_is_named_in_part_counted_in_whole_and_hides_no_loss() {
        let notices = Notices::default();
        let said = (0..1_000).filter(|_| notices.refusals.may_say()).count() as u64;
        assert_eq!(said, u64::from(LINES_A_SECOND));
        assert!(notices.losses.may_say());
        assert_eq!(notices.refusals.next_second(), 1_000 - said);
        assert_eq!(notices.losses.next_second(), 0);
        assert!(notices.refusals.may_say());
    }

    #[test]
    fn a_crowd_of_slow_subscribers_is_counted_once_and_named_one_after_the_other() {
        let notices = Notices::default();
        let mut crowd = [Named::No; 25];
        for seconds in [10, 20, 25] {
            for _ in 0..100 {
                for named in &mut crowd {
                    notices.slow("slow", named);
                }
            }
            let said = crowd.iter().filter(|named| **named == Named::Yes).count();
            assert_eq!(said, seconds);
            let counted = notices.losses.next_second();
            assert_eq!(counted, if seconds == 10 { 15 } else { 0 });
        }
    }
}
