//! Sequence numbers at equal distances.

/// The numbers `first`, `first + stride` … `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// At least 1; of no meaning for a run of one.
    pub(crate) stride: u32,
}

/// The widest distance that two numbers are taken for a run at; what is wider is a loss.
const STRIDE_MAX: u64 = 64;

impl Run {
    pub(crate) fn one(seq: u64) -> Self {
        Self {
            first: seq,
            last: seq,
            stride: 1,
        }
    }

    pub(crate) fn is_one(&self) -> bool {
        self.first == self.last
    }

    pub(crate) fn contains(&self, seq: u64) -> bool {
        self.first <= seq
            && seq <= self.last
            && (self.stride == 1 || (seq - self.first).is_multiple_of(u64::from(self.stride)))
    }

    /// How many numbers lie behind the first.
    pub(crate) fn steps(&self) -> u64 {
        (self.last - self.first) / u64::from(self.stride)
    }

    /// Takes `seq` at one of its ends, if it fits there; says whether it did.
    pub(crate) fn extend(&mut self, seq: u64) -> bool {
        let stride = u64::from(self.stride);
        if self.last.checked_add(stride) == Some(seq) {
            self.last = seq;
        } else if self.first.checked_sub(stride) == Some(seq) {
            self.first = seq;
        } else {
            return false;
        }
        true
    }

    /// Makes a run of two of a run of one, if `seq` is close enough; says whether it did.
    pub(crate) fn pair(&mut self, seq: u64) -> bool {
        let distance = self.first.abs_diff(seq);
        if !self.is_one() || distance == 0 || distance > STRIDE_MAX {
            return false;
        }
        let Ok(stride) = u32::try_from(distance) else {
            return false;
        };
        *self = Self {
            first: self.first.min(seq),
            last: self.last.max(seq),
            stride,
        };
        true
    }

    /// Appends a run that begins where this one would go on; says whether it did.
    pub(crate) fn join(&mut self, next: &Self) -> bool {
        let fits = self.last.checked_add(u64::from(self.stride)) == Some(next.first)
            && (next.is_one() || next.stride == self.stride);
        let fits_next = self.is_one()
            && self.last.checked_add(u64::from(next.stride)) == Some(next.first)
            && !next.is_one();
        if fits_next {
            self.stride = next.stride;
        }
        if fits || fits_next {
            self.last = next.last;
        }
        fits || fits_next
    }
}
