//! What is held for clients that haven't been let in yet.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes held for all of them.
#[derive(Debug, Default)]
pub(crate) struct Unknown {
    held_bytes: AtomicUsize,
}

/// What is held for one of them; given back when it drops.
pub(super) struct Held<'a> {
    all: &'a Unknown,
    bytes: usize,
}

impl Unknown {
    pub(super) fn client(&self) -> Held<'_> {
        Held {
            all: self,
            bytes: 0,
        }
    }
}

impl Held<'_> {
    /// Counts a buffer that has grown to `bytes`; `false` if all of them together would have more
    /// than `bytes_max` by that.
    pub(super) fn grow(&mut self, bytes: usize, bytes_max: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let before = self.all.held_bytes.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        before + more <= bytes_max
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Unknown;

    #[test]
    fn what_is_held_counts_until_its_client_is_in_or_gone() {
        let all = Unknown::default();
        let mut one = all.client();
        assert!(one.grow(600, 1000));
        let mut other = all.client();
        assert!(other.grow(400, 1000), "at the bound");
        assert!(!other.grow(401, 1000), "one more");
        drop(other);
        assert!(one.grow(1000, 1000));
        drop(one);
        assert!(all.client().grow(1000, 1000));
    }
}
