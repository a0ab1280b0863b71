//! The codec: what is written is read back, and no bytes harm it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on must panic"
)]

#[path = "../../fuzz/exercise.rs"]
mod exercise;
mod packets;
mod round_trip;
mod strict;

use exercise::exercise;
use nhip_broker::codec::Version;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/packets");
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn the_corpus_is_withstood_and_most_of_it_is_read() {
    let seeds = corpus();
    let read = |(_, bytes): &&(String, Vec<u8>)| {
        exercise(Version::V311, bytes) + exercise(Version::V5, bytes) > 0
    };
    assert!(seeds.len() > 30);
    assert_eq!(seeds.iter().filter(read).count(), seeds.len() - 7);
}

#[test]
fn a_hundred_thousand_mutations_of_the_corpus_are_withstood() {
    let seeds = corpus();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut read = 0;
    for _ in 0..100_000 {
        let mut bytes = seeds[random(seeds.len())].1.clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(5) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = random(256) as u8,
                2 => bytes.insert(at, random(256) as u8),
                3 => bytes.truncate(at.max(1)),
                _ => {
                    let other = &seeds[random(seeds.len())].1;
                    let from = random(other.len());
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        read += exercise(Version::V311, &bytes) + exercise(Version::V5, &bytes);
    }
    assert!(read > 10_000, "the mutations reach nothing: {read}");
}
