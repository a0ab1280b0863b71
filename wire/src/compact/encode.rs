//! Writing a compact payload into a caller's buffer.

use super::*;

/// A value as it is written.
#[derive(Clone, Copy)]
enum Number {
    Decimal(i64),
    Float(f64),
}

/// Writes one message, reading by reading, until the buffer is full.
pub struct Encoder<'b> {
    out: &'b mut [u8],
    length: usize,
    header: Header,
    channels: u8,
    decimals: [u8; CHANNELS_MAX],
    last: [i64; CHANNELS_MAX],
    time_ms: i64,
    step: i64,
    next_seq: u64,
}

impl<'b> Encoder<'b> {
    /// Begins a message. Names and units are the caller's to check ([`crate::name`]).
    pub fn new(
        out: &'b mut [u8],
        header: &Header,
        channels: &[Channel<'_>],
    ) -> Result<Self, EncodeError> {
        if channels.is_empty() || channels.len() > CHANNELS_MAX {
            return Err(EncodeError::Channels);
        }
        let mut encoder = Self {
            out,
            length: 0,
            header: *header,
            channels: channels.len() as u8,
            decimals: [0; CHANNELS_MAX],
            last: [0; CHANNELS_MAX],
            time_ms: header.base_ms.map_or(0, |base_ms| base_ms as i64),
            step: 0,
            next_seq: header.numbered.map_or(0, |(_, seq)| seq),
        };
        encoder.head()?;
        for (at, channel) in channels.iter().enumerate() {
            encoder.channel(at, channel)?;
        }
        Ok(encoder)
    }

    /// Adds a reading. After an error the message is as it was.
    pub fn push(&mut self, sample: &Sample) -> Result<(), EncodeError> {
        if !sample.value.is_finite() {
            return Err(EncodeError::NotFinite);
        }
        let quality = sample.quality.ok_or(EncodeError::Quality)?;
        let decimals = self.decimals.get(usize::from(sample.channel));
        let decimal = decimals.and_then(|&decimals| decimal(sample.value, decimals));
        let number = decimal.map_or(Number::Float(sample.value), Number::Decimal);
        self.add(
            sample.channel,
            sample.time_ms,
            (number, quality),
            sample.seq,
        )
    }

    /// As [`Self::push`]; the bytes are those of the same value as a float.
    pub fn push_scaled(&mut self, scaled: &Scaled) -> Result<(), EncodeError> {
        let value = (Number::Decimal(scaled.scaled.into()), scaled.quality);
        self.add(scaled.channel, scaled.time_ms, value, scaled.seq)
    }

    /// How many bytes of the buffer are the message so far.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is written; never so, for there is a header.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn put(&mut self, value: impl bincode::Encode) -> Result<(), EncodeError> {
        let free = self.out.get_mut(self.length..).unwrap_or_default();
        let written =
            bincode::encode_into_slice(value, free, config()).map_err(|_| EncodeError::Full)?;
        self.length += written;
        Ok(())
    }

    fn head(&mut self) -> Result<(), EncodeError> {
        let header = self.header;
        let millis = header.base_ms.unwrap_or(0) % 1000;
        let mut flags = VERSION | (header.tick as u8) << TICK_SHIFT;
        for (bit, set) in [
            (NUMBERED, header.numbered.is_some()),
            (TIMED, header.base_ms.is_some()),
            (MILLIS, millis != 0),
            (CLOCK_DOUBTFUL, header.clock_doubtful),
        ] {
            if set {
                flags |= bit;
            }
        }
        self.put(flags)?;
        if let Some((boot, seq)) = header.numbered {
            self.put((boot, seq))?;
        }
        if let Some(base_ms) = header.base_ms {
            self.put(base_ms / 1000)?;
        }
        if millis != 0 {
            self.put(millis as u16)?;
        }
        self.put(self.channels)
    }

    fn channel(&mut self, at: usize, channel: &Channel<'_>) -> Result<(), EncodeError> {
        if channel.decimals > DECIMALS_MAX {
            return Err(EncodeError::Channels);
        }
        self.decimals[at] = channel.decimals;
        let unit_bit = if channel.unit.is_some() { HAS_UNIT } else { 0 };
        self.put((channel.decimals | unit_bit, channel.name))?;
        match channel.unit {
            Some(unit) => self.put(unit),
            None => Ok(()),
        }
    }

    fn add(
        &mut self,
        channel: u8,
        time_ms: i64,
        value: (Number, Quality),
        seq: Option<u64>,
    ) -> Result<(), EncodeError> {
        let length = self.length;
        let outcome = self.write(channel, time_ms, value, seq);
        if outcome.is_err() {
            self.length = length;
        }
        outcome
    }

    fn write(
        &mut self,
        channel: u8,
        time_ms: i64,
        (number, quality): (Number, Quality),
        seq: Option<u64>,
    ) -> Result<(), EncodeError> {
        if channel >= self.channels {
            return Err(EncodeError::Channel);
        }
        let at = usize::from(channel);
        let step = self.step_to(time_ms)?;
        let skip = self.skip_to(seq)?;
        let step_code = match step {
            0 => 0,
            step if step == self.step => 1,
            _ => 2,
        };
        let mut control = channel.min(CHANNEL_FOLLOWS) | step_code << STEP_SHIFT;
        for (bit, set) in [
            (HAS_QUALITY, quality != Quality::Good),
            (IS_FLOAT, matches!(number, Number::Float(_))),
            (SEQ_SKIPS, skip > 0),
        ] {
            if set {
                control |= bit;
            }
        }
        self.put(control)?;
        if channel >= CHANNEL_FOLLOWS {
            self.put(channel)?;
        }
        if step_code == 2 {
            self.put(step)?;
        }
        if quality != Quality::Good {
            self.put(quality.code())?;
        }
        if skip > 0 {
            self.put(skip)?;
        }
        match number {
            Number::Decimal(decimal) => self.put(decimal - self.last[at])?,
            Number::Float(value) => self.put(value)?,
        }
        // Nothing can fail any more: only now the next reading builds on this one.
        if let Number::Decimal(decimal) = number {
            self.last[at] = decimal;
        }
        self.time_ms = time_ms;
        if step_code != 0 {
            self.step = step;
        }
        self.next_seq = self.next_seq.wrapping_add(skip).wrapping_add(1);
        Ok(())
    }

    fn step_to(&self, time_ms: i64) -> Result<i64, EncodeError> {
        let tick_ms = self.header.tick.ms();
        let step_ms = time_ms
            .checked_sub(self.time_ms)
            .ok_or(EncodeError::OffTick)?;
        if step_ms % tick_ms != 0 {
            return Err(EncodeError::OffTick);
        }
        Ok(step_ms / tick_ms)
    }

    fn skip_to(&self, seq: Option<u64>) -> Result<u64, EncodeError> {
        match (self.header.numbered, seq) {
            (Some(_), Some(seq)) => seq.checked_sub(self.next_seq).ok_or(EncodeError::Sequence),
            (None, None) => Ok(0),
            _ => Err(EncodeError::Sequence),
        }
    }
}

/// The integer that with so many decimals is exactly this value, if there is one.
fn decimal(value: f64, decimals: u8) -> Option<i64> {
    let power = *POWERS.get(usize::from(decimals))?;
    let scaled = value * power;
    let rounded = (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i64;
    let exact =
        rounded.unsigned_abs() <= EXACT_MAX.unsigned_abs() && rounded as f64 / power == value;
    exact.then_some(rounded)
}
