//! A log in memory: everything appended is durable.

use nhip_log::{
    AppendError, Batch, Committed, Figures, Log, Offset, Pin, ReadError, Reader, Records, State,
};
use parking_lot::Mutex;
use std::{future::Future, pin::Pin as FuturePin, sync::Arc, time::Duration};
use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct MemoryLog {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl MemoryLog {
    pub(crate) fn push(&self, record: Vec<u8>) -> u64 {
        let mut records = self.records.lock();
        records.push(record);
        records.len() as u64 - 1
    }
}

impl Log for MemoryLog {
    fn append(
        &self,
        batch: &mut Batch,
        _listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError> {
        let mut framed = batch.framed();
        let mut records = self.records.lock();
        while let Some((length, rest)) = framed.split_first_chunk() {
            let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            records.push(record.to_vec());
            framed = rest;
        }
        let last = records.len() as u64 - 1;
        batch.clear();
        Ok(Offset(last))
    }

    fn room(&self) -> FuturePin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn state(&self) -> State {
        State {
            durable_end: Offset(self.records.lock().len() as u64),
            ..State::default()
        }
    }

    fn watch(&self) -> watch::Receiver<State> {
        watch::Sender::new(self.state()).subscribe()
    }

    fn wait(&self, offset: Offset, _timeout: Duration) -> bool {
        let durable = offset < self.state().durable_end;
        if !durable {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        durable
    }

    fn reader(&self, from: Offset) -> Result<Box<dyn Reader>, ReadError> {
        Ok(Box::new(MemoryReader {
            records: Arc::clone(&self.records),
            position: from.0,
        }))
    }

    fn pin(&self, _name: &str, _from: Offset) -> Box<dyn Pin> {
        Box::new(NoPin)
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }
}

struct NoPin;

impl Pin for NoPin {
    fn advance(&self, _offset: Offset) {}
}

struct MemoryReader {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
    position: u64,
}

impl Reader for MemoryReader {
    fn read(&mut self, out: &mut Records, bytes_max: usize) -> Result<(), ReadError> {
        out.clear();
        let records = self.records.lock();
        let mut bytes = 0;
        for record in records.iter().skip(self.position as usize) {
            bytes += record.len();
            if !out.is_empty() && bytes > bytes_max {
                break;
            }
            out.push(Offset(self.position), record);
            self.position += 1;
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        Offset(self.position)
    }
}
