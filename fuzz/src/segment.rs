//! The log's folder after a crash: the bytes of its segments.

use nhip_log::{
    Batch, Config, Log, Metrics, Offset, Records, Step, SteppedLog, Surroundings,
    disk::{Disk, SimulatedDisk},
};
use std::sync::Arc;

const SEGMENT_BYTES: usize = 8 << 10;
/// Before the first block of a segment.
const HEADER_BYTES: usize = 4096;
const HEADER_USED_BYTES: usize = 64;
const BLOCK_HEADER_BYTES: usize = 48;

/// Whatever is found: what was read is read again after a second start, and the log goes on
/// behind it.
///
/// The bytes are one segment, without the zeros between its header and its first block, or,
/// split at `\nnext\n`, several; their checksums are made right, where a magic number stands,
/// since random bytes would never get past them.
pub fn withstand(bytes: &[u8]) -> bool {
    let disk = SimulatedDisk::new(1);
    for (sequence, segment) in (1..).zip(segments(bytes).into_iter().take(4)) {
        let file = disk.create(&format!("{sequence:020}.log")).unwrap();
        file.write_at(0, &sound(segment, sequence)).unwrap();
        file.sync_data().unwrap();
    }
    disk.sync_dir().unwrap();
    let Some(mut first) = open(&disk) else {
        return false;
    };
    let before = read(&first);
    let end = first.durable_end();
    let mut batch = Batch::default();
    batch.push(&[b"behind it"]);
    let appended = first.log.append(&mut batch, None);
    assert_eq!(appended.unwrap(), end);
    if first.commit() != Step::Committed {
        return false;
    }
    drop(first);
    disk.crash();
    let again = read(&open(&disk).expect("what was opened opens again"));
    assert_eq!(again.0[..before.0.len()], before.0);
    if !before.1 && !again.1 {
        let last = again
            .0
            .last()
            .map(|(offset, record)| (*offset, &record[..]));
        assert_eq!(last, Some((end.0, &b"behind it"[..])));
    }
    !before.0.is_empty()
}

fn open(disk: &SimulatedDisk) -> Option<SteppedLog> {
    let surroundings = Surroundings {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(|| 0),
        random: Box::new(|| 7),
    };
    let config = Config {
        segment_bytes: SEGMENT_BYTES as u64,
        free_bytes_min: 0,
        ..Config::default()
    };
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    SteppedLog::open(surroundings, config, metrics).ok()
}

/// Every record, and whether damage ended the reading.
fn read(log: &SteppedLog) -> (Vec<(u64, Vec<u8>)>, bool) {
    let mut found = Vec::new();
    let mut reader = log.log.reader(log.log.state().start).unwrap();
    let mut records = Records::default();
    loop {
        match reader.read(&mut records, 1 << 20) {
            Ok(()) if records.is_empty() => return (found, false),
            Ok(()) => {}
            Err(_) => return (found, true),
        }
        for (Offset(offset), record) in records.iter() {
            assert!(found.last().is_none_or(|(last, _)| *last < offset));
            found.push((offset, record.to_vec()));
        }
    }
}

fn segments(bytes: &[u8]) -> Vec<&[u8]> {
    const NEXT: &[u8] = b"\nnext\n";
    let mut segments = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        segments.push(&rest[..at]);
        rest = &rest[at + NEXT.len()..];
    }
    segments.push(rest);
    segments
}

/// The segment as a file, with right checksums.
fn sound(segment: &[u8], sequence: u64) -> Vec<u8> {
    let (header, blocks) = segment.split_at(segment.len().min(HEADER_USED_BYTES));
    let mut file = header.to_vec();
    file.resize(HEADER_BYTES, 0);
    file.extend_from_slice(&blocks[..blocks.len().min(SEGMENT_BYTES - HEADER_BYTES)]);
    file.resize(SEGMENT_BYTES, 0);
    // No log ever gets as far as the last offsets.
    file[39] = 0;
    if file.starts_with(b"nhip log") {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&file[..12]), &file[16..64]);
        file[12..16].copy_from_slice(&checksum.to_le_bytes());
    }
    let salted = crc32c::crc32c(&file[24..32]);
    let seed = crc32c::crc32c_append(salted, &sequence.to_le_bytes());
    let mut previous = word(&file, 56);
    let mut at = HEADER_BYTES;
    while at + BLOCK_HEADER_BYTES <= file.len() && file[at..].starts_with(b"nblk") {
        let end = at + BLOCK_HEADER_BYTES + word(&file, at + 12) as usize;
        if let Some(body) = file.get(at + BLOCK_HEADER_BYTES..end) {
            let checksum = crc32c::crc32c(body);
            file[at + 8..at + 12].copy_from_slice(&checksum.to_le_bytes());
        }
        file[at + 20..at + 24].copy_from_slice(&previous.to_le_bytes());
        file[at + 31] = 0;
        let checksum = crc32c::crc32c_append(seed, &file[at..at + 4]);
        previous = crc32c::crc32c_append(checksum, &file[at + 8..at + BLOCK_HEADER_BYTES]);
        file[at + 4..at + 8].copy_from_slice(&previous.to_le_bytes());
        at = end.next_multiple_of(8);
    }
    file
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
