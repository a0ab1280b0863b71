//! Reading a compact payload without copying it.

use super::*;

/// Reads one message: its header at once, its readings one after another.
///
/// As an iterator it ends after the first error: what follows it has no known beginning.
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    header: Header,
    channels: Channels<'a>,
    last: [i64; CHANNELS_MAX],
    time_ms: i64,
    step: i64,
    next_seq: Option<u64>,
    failed: bool,
}

/// The channels of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channels<'a> {
    list: [Channel<'a>; CHANNELS_MAX],
    count: u8,
}

impl<'a> Channels<'a> {
    /// All of them, in the order of their index.
    pub fn as_slice(&self) -> &[Channel<'a>] {
        &self.list[..usize::from(self.count)]
    }
}

impl<'a> Decoder<'a> {
    /// Reads the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CompactError> {
        let mut decoder = Self {
            bytes,
            at: 0,
            header: Header::default(),
            channels: Channels::default(),
            last: [0; CHANNELS_MAX],
            time_ms: 0,
            step: 0,
            next_seq: None,
            failed: false,
        };
        decoder.head()?;
        Ok(decoder)
    }

    /// What holds for the whole message.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The channels that readings refer to.
    pub fn channels(&self) -> &Channels<'a> {
        &self.channels
    }

    /// The byte it is at.
    pub fn place(&self) -> usize {
        self.at
    }

    fn error(&self, problem: Problem) -> CompactError {
        CompactError {
            problem,
            at: self.at,
        }
    }

    #[inline]
    fn take<T: bincode::BorrowDecode<'a, ()>>(&mut self) -> Result<T, CompactError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (value, length) = bincode::borrow_decode_from_slice(rest, config())
            .map_err(|_| self.error(Problem::Field))?;
        self.at += length;
        Ok(value)
    }

    fn head(&mut self) -> Result<(), CompactError> {
        let flags: u8 = self.take()?;
        if flags & VERSION_BITS != VERSION {
            self.at = 0;
            return Err(self.error(Problem::Version));
        }
        self.header.tick = Tick::ALL[usize::from(flags >> TICK_SHIFT & 3)];
        self.header.clock_doubtful = flags & CLOCK_DOUBTFUL != 0;
        if flags & NUMBERED != 0 {
            let (boot, seq) = self.take()?;
            self.header.numbered = Some((boot, seq));
            self.next_seq = Some(seq);
        }
        if flags & TIMED != 0 {
            let seconds: u64 = self.take()?;
            let millis: u16 = if flags & MILLIS != 0 { self.take()? } else { 0 };
            self.time_ms = i64::try_from(seconds)
                .ok()
                .and_then(|seconds| seconds.checked_mul(1000)?.checked_add(i64::from(millis)))
                .ok_or_else(|| self.error(Problem::Range))?;
            self.header.base_ms = Some(self.time_ms as u64);
        } else if flags & MILLIS != 0 {
            return Err(self.error(Problem::Field));
        }
        let count: u8 = self.take()?;
        if count == 0 || usize::from(count) > CHANNELS_MAX {
            return Err(self.error(Problem::Channels));
        }
        self.channels.count = count;
        for at in 0..usize::from(count) {
            self.channels.list[at] = self.channel()?;
        }
        Ok(())
    }

    fn channel(&mut self) -> Result<Channel<'a>, CompactError> {
        let form: u8 = self.take()?;
        if form & !(HAS_UNIT | 15) != 0 {
            return Err(self.error(Problem::Channels));
        }
        Ok(Channel {
            name: self.take()?,
            unit: if form & HAS_UNIT != 0 {
                Some(self.take()?)
            } else {
                None
            },
            decimals: form & 15,
        })
    }

    fn sample(&mut self) -> Result<Sample, CompactError> {
        let control: u8 = self.take()?;
        let mut channel = control & 7;
        if channel == CHANNEL_FOLLOWS {
            channel = self.take()?;
        }
        if channel >= self.channels.count {
            return Err(self.error(Problem::Channel));
        }
        self.advance(control >> STEP_SHIFT & 3)?;
        let quality = if control & HAS_QUALITY != 0 {
            Quality::from_code(self.take()?)
        } else {
            Some(Quality::Good)
        };
        let seq = self.number(control)?;
        let value = self.value(usize::from(channel), control & IS_FLOAT != 0)?;
        Ok(Sample {
            channel,
            time_ms: self.time_ms,
            value,
            quality,
            seq,
        })
    }

    fn advance(&mut self, step_code: u8) -> Result<(), CompactError> {
        match step_code {
            0 => return Ok(()),
            1 => {}
            2 => self.step = self.take()?,
            _ => return Err(self.error(Problem::Field)),
        }
        self.time_ms = self
            .step
            .checked_mul(self.header.tick.ms())
            .and_then(|step_ms| self.time_ms.checked_add(step_ms))
            .ok_or_else(|| self.error(Problem::Range))?;
        Ok(())
    }

    fn number(&mut self, control: u8) -> Result<Option<u64>, CompactError> {
        let skip: u64 = if control & SEQ_SKIPS != 0 {
            self.take()?
        } else {
            0
        };
        if self.header.numbered.is_none() {
            return Ok(None);
        }
        let seq = self
            .next_seq
            .and_then(|next| next.checked_add(skip))
            .ok_or_else(|| self.error(Problem::Range))?;
        // None behind the last number there is: another reading is an error.
        self.next_seq = seq.checked_add(1);
        Ok(Some(seq))
    }

    fn value(&mut self, channel: usize, is_float: bool) -> Result<f64, CompactError> {
        if is_float {
            return self.take();
        }
        let change: i64 = self.take()?;
        let decimal = self.last[channel]
            .checked_add(change)
            .filter(|decimal| decimal.unsigned_abs() <= EXACT_MAX.unsigned_abs())
            .ok_or_else(|| self.error(Problem::Range))?;
        self.last[channel] = decimal;
        // Both are exact, so the one division gives the float nearest to the decimal.
        Ok(decimal as f64 / POWERS[usize::from(self.channels.list[channel].decimals)])
    }
}

impl Iterator for Decoder<'_> {
    type Item = Result<Sample, CompactError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.at >= self.bytes.len() {
            return None;
        }
        let sample = self.sample();
        self.failed = sample.is_err();
        Some(sample)
    }
}
