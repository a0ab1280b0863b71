//! Buses that answer as a script says, byte by byte.

use crate::{reading::Value, sensor::Sensor};
use core::{
    pin::pin,
    task::{Context, Waker},
};
use embedded_hal_async::i2c;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use std::collections::VecDeque;

/// Polls that an exchange takes at most, where the line never waits longer than a moment.
const POLLS_MAX: usize = 1_000;

/// Samples as the node does: what takes too long is dropped, and `missing`.
pub(crate) fn in_time(sensor: &mut impl Sensor, values: &mut [Value]) {
    let mut context = Context::from_waker(Waker::noop());
    let done = {
        let mut sampling = pin!(sensor.sample(values));
        (0..POLLS_MAX).any(|_| sampling.as_mut().poll(&mut context).is_ready())
    };
    if !done {
        values.fill(Value::MISSING);
    }
}

/// One exchange: what the driver writes, and what comes back.
pub(crate) struct Exchange {
    pub(crate) write: Vec<u8>,
    pub(crate) reply: Vec<u8>,
}

/// A UART: each complete write of the script lets its reply come; what has come before is there
/// to be read at once. When nothing is left, the line is silent: a read waits, as a real one does.
#[derive(Default)]
pub(crate) struct Uart {
    pub(crate) incoming: VecDeque<u8>,
    pub(crate) script: VecDeque<Exchange>,
    /// What came before anybody listened.
    pub(crate) old: VecDeque<u8>,
    /// What is incoming takes a moment yet.
    waits: bool,
    written: Vec<u8>,
}

impl Uart {
    /// A line on which these bytes are about to come.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        Self {
            incoming: bytes.iter().copied().collect(),
            waits: true,
            ..Self::default()
        }
    }

    pub(crate) fn answering(exchanges: &[(&[u8], &[u8])]) -> Self {
        let script = exchanges
            .iter()
            .map(|(write, reply)| Exchange {
                write: write.to_vec(),
                reply: reply.to_vec(),
            })
            .collect();
        Self {
            script,
            ..Self::default()
        }
    }
}

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read for Uart {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.old.is_empty() && core::mem::take(&mut self.waits) {
            embassy_futures::yield_now().await;
        }
        let came = match self.old.is_empty() {
            true => &mut self.incoming,
            false => &mut self.old,
        };
        if came.is_empty() {
            return core::future::pending().await;
        }
        let count = bytes.len().min(came.len());
        for (byte, came) in bytes.iter_mut().zip(came.drain(..count)) {
            *byte = came;
        }
        Ok(count)
    }
}

impl Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.written.extend_from_slice(bytes);
        if let Some(next) = self.script.front()
            && self.written.len() >= next.write.len()
        {
            assert_eq!(self.written, next.write, "not what the script says");
            self.incoming.extend(next.reply.iter());
            self.script.pop_front();
            self.written.clear();
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// An I²C bus with one device: writes and reads in the order of the script. An
/// empty reply to a read is a device that doesn't answer.
pub(crate) struct I2c {
    pub(crate) address: u8,
    pub(crate) script: VecDeque<Exchange>,
}

impl I2c {
    pub(crate) fn answering(address: u8, exchanges: &[(&[u8], &[u8])]) -> Self {
        let Uart { script, .. } = Uart::answering(exchanges);
        Self { address, script }
    }
}

impl i2c::ErrorType for I2c {
    type Error = i2c::ErrorKind;
}

impl i2c::I2c for I2c {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [i2c::Operation<'_>],
    ) -> Result<(), i2c::ErrorKind> {
        assert_eq!(address, self.address);
        let silent = i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Address);
        for operation in operations {
            let next = self.script.pop_front().ok_or(silent)?;
            match operation {
                i2c::Operation::Write(bytes) => assert_eq!(*bytes, next.write),
                i2c::Operation::Read(bytes) if bytes.len() == next.reply.len() => {
                    bytes.copy_from_slice(&next.reply);
                }
                i2c::Operation::Read(_) => return Err(silent),
            }
        }
        Ok(())
    }
}

/// Waits that take no time.
pub(crate) struct NoDelay;

impl embedded_hal_async::delay::DelayNs for NoDelay {
    async fn delay_ns(&mut self, _ns: u32) {}
}
