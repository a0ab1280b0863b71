//! One accepted PUBLISH as the log keeps it: who sent what, where, when.
//!
//! The broker writes envelopes and ingest reads them; the log sees opaque bytes. All
//! integers are little-endian.
//!
//! ```text
//! 0  u8   kind: 1 published, 2 replayed dead letter, 3 session event
//! 1  u8   flags: bit 0 retain, bits 1-2 QoS, bit 3 MQTT 5
//! 2  u64  received, µs since 1970 UTC, whole milliseconds
//! 10 u64  origin: 0; for a replay the log offset of the record it replays; for a PUBLISH
//!          with QoS 2 of a session that outlives its connection the packet id
//! 18 u16  client id length
//! 20 u16  topic length
//! 22 u16  properties length (MQTT 5 PUBLISH properties as they came, without their length)
//! 24      client id, topic, properties, payload (to the end)
//! ```

/// Bytes before the client id.
pub const HEADER_BYTES: usize = 24;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client published it.
    Published,
    /// An operator sent a dead letter through the fold again.
    Replayed,
    /// Something happened to an MQTT session: the broker's own, and no message to anybody.
    Session,
}

/// One message as the log keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Where it came from.
    pub kind: Kind,
    /// The RETAIN flag of the PUBLISH.
    pub retain: bool,
    /// The QoS of the PUBLISH: 0, 1 or 2.
    pub qos: u8,
    /// Whether the client spoke MQTT 5.
    pub v5: bool,
    /// When the platform read it from the socket, µs since 1970 UTC.
    pub received_us: u64,
    /// The offset of the record that a replay sends again, or the packet id of a PUBLISH with
    /// QoS 2 whose session outlives its connection; 0 otherwise.
    pub origin: u64,
    /// The MQTT client id.
    pub client: &'a str,
    /// The topic as published.
    pub topic: &'a str,
    /// MQTT 5 PUBLISH properties as they came.
    pub properties: &'a [u8],
    /// The application message.
    pub payload: &'a [u8],
}

/// Why bytes are no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Fewer bytes than the header or its lengths say.
    Short,
    /// A kind or QoS that this version does not know.
    Unknown,
    /// Client id or topic is not UTF-8.
    NotText,
}

impl<'a> Envelope<'a> {
    /// The fixed header for this envelope.
    ///
    /// The caller appends client id, topic, properties and payload, each at most 65,535
    /// bytes but for the payload.
    pub fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0] = match self.kind {
            Kind::Published => 1,
            Kind::Replayed => 2,
            Kind::Session => 3,
        };
        header[1] = u8::from(self.retain) | (self.qos & 3) << 1 | u8::from(self.v5) << 3;
        header[2..10].copy_from_slice(&self.received_us.to_le_bytes());
        header[10..18].copy_from_slice(&self.origin.to_le_bytes());
        header[18..20].copy_from_slice(&length(self.client.as_bytes()));
        header[20..22].copy_from_slice(&length(self.topic.as_bytes()));
        header[22..24].copy_from_slice(&length(self.properties));
        header
    }

    /// Its parts in the order they are written, so that a writer needs no buffer.
    pub fn parts(&self) -> [&'a [u8]; 4] {
        [
            self.client.as_bytes(),
            self.topic.as_bytes(),
            self.properties,
            self.payload,
        ]
    }

    /// Reads an envelope from a log record.
    pub fn read(record: &'a [u8]) -> Result<Self, EnvelopeError> {
        let header: &[u8; HEADER_BYTES] = record.first_chunk().ok_or(EnvelopeError::Short)?;
        let kind = match header[0] {
            1 => Kind::Published,
            2 => Kind::Replayed,
            3 => Kind::Session,
            _ => return Err(EnvelopeError::Unknown),
        };
        let qos = header[1] >> 1 & 3;
        if qos == 3 {
            return Err(EnvelopeError::Unknown);
        }
        let u64_at = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let rest = &record[HEADER_BYTES..];
        let (client, rest) = split(rest, u16_at(18))?;
        let (topic, rest) = split(rest, u16_at(20))?;
        let (properties, payload) = split(rest, u16_at(22))?;
        Ok(Self {
            kind,
            retain: header[1] & 1 != 0,
            qos,
            v5: header[1] & 8 != 0,
            received_us: u64_at(2),
            origin: u64_at(10),
            client: core::str::from_utf8(client).map_err(|_| EnvelopeError::NotText)?,
            topic: core::str::from_utf8(topic).map_err(|_| EnvelopeError::NotText)?,
            properties,
            payload,
        })
    }
}

fn length(part: &[u8]) -> [u8; 2] {
    u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes()
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), EnvelopeError> {
    bytes.split_at_checked(at).ok_or(EnvelopeError::Short)
}
