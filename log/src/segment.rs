//! A segment's name and header.

use crate::block::{Seed, u32_at, u64_at};

/// Bytes before a segment's first block.
pub(crate) const HEADER_BYTES: u64 = 4096;
/// Bytes of the header that mean something.
pub(crate) const HEADER_USED_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"nhip log";
const VERSION: u32 = 1;

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) sequence: u64,
    pub(crate) salt: u64,
    pub(crate) base: u64,
    pub(crate) previous_end: u64,
    pub(crate) created_us: i64,
    pub(crate) previous: u32,
}

impl SegmentHeader {
    fn encode(&self) -> [u8; HEADER_USED_BYTES] {
        let mut bytes = [0; HEADER_USED_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.base.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.previous_end.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.created_us.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.previous.to_le_bytes());
        let checksum = checksum(&bytes);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header with the zeros up to the first block.
    pub(crate) fn page(&self) -> Vec<u8> {
        let mut page = self.encode().to_vec();
        page.resize(HEADER_BYTES as usize, 0);
        page
    }

    /// Reads the header of the segment that is named `sequence`; says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8], sequence: u64) -> Result<Self, String> {
        if bytes.len() < HEADER_USED_BYTES {
            return Err("the file ends within the segment header".to_owned());
        }
        if bytes[0..8] != MAGIC {
            return Err("this is not a segment header".to_owned());
        }
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return Err(format!(
                "format version {version} is not known here, only {VERSION}"
            ));
        }
        if u32_at(bytes, 12) != checksum(bytes) {
            return Err("the segment header's checksum is wrong".to_owned());
        }
        let header = Self {
            sequence: u64_at(bytes, 16),
            salt: u64_at(bytes, 24),
            base: u64_at(bytes, 32),
            previous_end: u64_at(bytes, 40),
            created_us: u64_at(bytes, 48).cast_signed(),
            previous: u32_at(bytes, 56),
        };
        if header.sequence != sequence {
            return Err(format!("the header is of segment {}", header.sequence));
        }
        Ok(header)
    }

    /// What seeds the checksums of its blocks.
    pub(crate) fn seed(&self) -> Seed {
        Seed::new(self.salt, self.sequence)
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let checksum = crc32c::crc32c(&bytes[0..12]);
    crc32c::crc32c_append(checksum, &bytes[16..HEADER_USED_BYTES])
}

/// The name of a segment's file.
pub(crate) fn segment_name(sequence: u64) -> String {
    format!("{sequence:020}.log")
}

/// The name of the spare that segment `sequence` becomes.
pub(crate) fn spare_name(sequence: u64) -> String {
    format!("spare-{sequence:020}.log")
}

/// What a file of the folder is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment(u64),
    Spare,
    Unfinished,
    Other,
}

impl FileKind {
    pub(crate) fn of(name: &str) -> Self {
        if name.starts_with("new-") && name.ends_with(".tmp") {
            return Self::Unfinished;
        }
        let Some(stem) = name.strip_suffix(".log") else {
            return Self::Other;
        };
        let (number, spare) = match stem.strip_prefix("spare-") {
            Some(number) => (number, true),
            None => (stem, false),
        };
        let digits = number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit());
        match (digits.then(|| number.parse().ok()).flatten(), spare) {
            (Some(_), true) => Self::Spare,
            (Some(sequence), false) => Self::Segment(sequence),
            (None, _) => Self::Other,
        }
    }
}
