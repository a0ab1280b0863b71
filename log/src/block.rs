//! The bytes of a block: a header with checksums, then framed records.

/// Bytes of a block's header.
pub(crate) const HEADER_BYTES: usize = 48;

const MAGIC: [u8; 4] = *b"nblk";

/// Bytes that a body takes with the zeros that bring the next block to a multiple of 8.
pub(crate) const fn padded(body_bytes: usize) -> usize {
    body_bytes.next_multiple_of(8)
}

/// What seeds the header checksums of a segment's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn new(salt: u64, sequence: u64) -> Self {
        let salted = crc32c::crc32c(&salt.to_le_bytes());
        Self(crc32c::crc32c_append(salted, &sequence.to_le_bytes()))
    }
}

/// A block's header, without its own checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) body_checksum: u32,
    pub(crate) body_bytes: u32,
    pub(crate) records: u32,
    pub(crate) previous: u32,
    pub(crate) base: u64,
    pub(crate) durable: u64,
    pub(crate) life: u64,
}

impl BlockHeader {
    /// Writes the header into the first bytes of `block` and returns its checksum.
    pub(crate) fn encode(&self, seed: Seed, block: &mut [u8]) -> u32 {
        block[0..4].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&self.body_checksum.to_le_bytes());
        block[12..16].copy_from_slice(&self.body_bytes.to_le_bytes());
        block[16..20].copy_from_slice(&self.records.to_le_bytes());
        block[20..24].copy_from_slice(&self.previous.to_le_bytes());
        block[24..32].copy_from_slice(&self.base.to_le_bytes());
        block[32..40].copy_from_slice(&self.durable.to_le_bytes());
        block[40..48].copy_from_slice(&self.life.to_le_bytes());
        let checksum = header_checksum(seed, block);
        block[4..8].copy_from_slice(&checksum.to_le_bytes());
        checksum
    }

    /// Reads a header and its checksum from the beginning of `bytes`; `None` if there is none
    /// of this segment.
    pub(crate) fn decode(seed: Seed, bytes: &[u8]) -> Option<(Self, u32)> {
        if bytes.len() < HEADER_BYTES || bytes[0..4] != MAGIC {
            return None;
        }
        let checksum = u32_at(bytes, 4);
        if checksum != header_checksum(seed, bytes) {
            return None;
        }
        let header = Self {
            body_checksum: u32_at(bytes, 8),
            body_bytes: u32_at(bytes, 12),
            records: u32_at(bytes, 16),
            previous: u32_at(bytes, 20),
            base: u64_at(bytes, 24),
            durable: u64_at(bytes, 32),
            life: u64_at(bytes, 40),
        };
        Some((header, checksum))
    }

    /// Bytes of the whole block, to the beginning of the next.
    pub(crate) fn span(&self) -> usize {
        HEADER_BYTES + padded(self.body_bytes as usize)
    }

    /// The offset behind its last record.
    pub(crate) fn end(&self) -> u64 {
        self.base + u64::from(self.records)
    }
}

fn header_checksum(seed: Seed, block: &[u8]) -> u32 {
    let checksum = crc32c::crc32c_append(seed.0, &block[0..4]);
    crc32c::crc32c_append(checksum, &block[8..HEADER_BYTES])
}

/// Takes the next framed record from the front of `body`; `None` at its end or if a length
/// leads beyond it.
pub(crate) fn take_record<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *body = rest;
    Some(record)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
