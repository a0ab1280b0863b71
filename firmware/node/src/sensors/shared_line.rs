//! One serial line for several instruments, as RS-485 is wired.

use embassy_sync::{blocking_mutex::raw::NoopRawMutex, mutex::Mutex};
use embedded_io_async::{ErrorType, Read, Write};

/// An instrument's share of a line. The node samples one instrument after the other, so that an
/// exchange is over, or given up, before the next begins; each instrument drains the line before it
/// asks.
///
/// ```ignore
/// static LINE: StaticCell<Mutex<NoopRawMutex, Uart>> = StaticCell::new();
/// let line = LINE.init(Mutex::new(uart));
/// sensors: (Modbus::new(SharedLine(line), Delay, WIND)?, Modbus::new(SharedLine(line), Delay, RAIN)?)
/// ```
pub struct SharedLine<'a, L>(pub &'a Mutex<NoopRawMutex, L>);

impl<L: ErrorType> ErrorType for SharedLine<'_, L> {
    type Error = L::Error;
}

impl<L: Read> Read for SharedLine<'_, L> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, L::Error> {
        self.0.lock().await.read(bytes).await
    }
}

impl<L: Write> Write for SharedLine<'_, L> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, L::Error> {
        self.0.lock().await.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), L::Error> {
        self.0.lock().await.flush().await
    }
}
