//! Handing readings to the server: line protocol over HTTP, one request one transaction.

use super::QuestDbConfig;
use super::row::Kept;
use crate::{Source, StoreError};
use questdb::ingress::{
    Buffer, ColumnName, Protocol, ProtocolVersion, Sender, SenderBuilder, TableName,
    TimestampMicros,
};
use std::time::Duration;

/// The table of readings.
pub(crate) const READINGS: &str = "readings";
/// What a row takes in a request at most, bytes.
const ROW_BYTES_MAX: usize = 200;

/// One connection that readings are sent on.
pub(crate) struct Writer {
    sender: Sender,
    buffer: Buffer,
}

impl Writer {
    /// Prepares a connection; none is made before it is needed.
    pub(crate) fn new(config: &QuestDbConfig) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Refused {
            what: format!("the address {:?} (store.questdb.http)", config.http),
            reason,
        };
        let (protocol, address) = match config.http.split_once("://") {
            Some(("http", address)) => (Protocol::Http, address),
            Some(("https", address)) => (Protocol::Https, address),
            _ => {
                return Err(refused(
                    "it begins with neither http:// nor https://".into(),
                ));
            }
        };
        let (host, port) = address
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(|| refused("it has no port".into()))?;
        let sender = sender(config, SenderBuilder::new(protocol, host, port))
            .map_err(|error| refused(error.msg().to_owned()))?;
        let buffer = sender.new_buffer();
        Ok(Self { sender, buffer })
    }

    /// Sends rows in one transaction and waits for the reply.
    pub(crate) fn send(&mut self, rows: &[Kept]) -> Result<(), StoreError> {
        self.send_with(|buffer| rows.iter().try_for_each(|kept| write(buffer, kept)))
    }

    /// Sends what `fill` writes, all of one table, in one transaction and waits for the reply.
    pub(crate) fn send_with(
        &mut self,
        fill: impl FnOnce(&mut Buffer) -> questdb::Result<()>,
    ) -> Result<(), StoreError> {
        self.buffer.clear();
        fill(&mut self.buffer).map_err(not_taken)?;
        self.sender.flush(&mut self.buffer).map_err(not_taken)
    }
}

fn sender(config: &QuestDbConfig, builder: SenderBuilder) -> questdb::Result<Sender> {
    let rows = config.request_rows_max as usize;
    let mut builder = builder
        .protocol_version(ProtocolVersion::V2)?
        .request_timeout(Duration::from_secs(config.request_timeout_s.into()))?
        .request_min_throughput(0)?
        // The fold tries again, and meanwhile says that it waits.
        .retry_timeout(Duration::ZERO)?
        .max_buf_size(rows.saturating_mul(ROW_BYTES_MAX).max(1 << 20))?;
    if let Some(token) = &config.token {
        builder = builder.token(token)?;
    } else if let Some(password) = &config.password {
        builder = builder.username(&config.user)?.password(password)?;
    }
    builder.build()
}

fn write(buffer: &mut Buffer, kept: &Kept) -> questdb::Result<()> {
    let column = ColumnName::new_unchecked;
    let row = &kept.row;
    buffer
        .table(TableName::new_unchecked(READINGS))?
        .symbol(column("quality"), row.quality.name())?
        .column_i64(column("series"), i64::from(row.series.0))?
        .column_i64(column("boot"), i64::from(row.boot))?;
    if let Some(seq) = kept.seq() {
        buffer.column_i64(column("seq"), seq)?;
    }
    buffer
        .column_f64(column("value"), row.value)?
        .column_ts(column("received"), TimestampMicros::new(row.received_us))?;
    if row.source == Source::Arrival {
        buffer.column_bool(column("arrival"), true)?;
    }
    buffer.at(TimestampMicros::new(row.time_us))
}

/// Whatever the server has against a request, its rows wait: they were checked before, so it is
/// the server or its table that has to be mended, and no reading that has to go.
fn not_taken(error: questdb::Error) -> StoreError {
    StoreError::Unavailable {
        reason: format!("QuestDB takes no readings: {}", error.msg().trim()),
    }
}
