//! What the fuzzer found worth keeping, in every test run, and seeded changes of it.

use nhip_fuzz::{TARGETS, Target};
use std::{fs, path::Path};

/// Changed inputs a target.
const MUTATIONS: usize = 10_000;
/// Of `sessions`, which plays each to a whole broker.
const SESSION_MUTATIONS: usize = 300;
const BYTES_MAX: u64 = 300 << 10;

/// xorshift64*: the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end.max(1)
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths: Vec<_> = fs::read_dir(folder.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutated(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let end = at + random.below(bytes.len() - at).min(16);
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.extend_from_slice(&other[random.below(other.len())..]),
        }
    }
    bytes
}

fn withstands(name: &str, target: Target) {
    let seeds = corpus(name);
    let good = seeds.iter().filter(|seed| target(seed)).count();
    assert!(good > 0, "{name}: nothing of the corpus is good");
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut taken = 0;
    let mutations = match name {
        "sessions" => SESSION_MUTATIONS,
        _ => MUTATIONS,
    };
    for _ in 0..mutations {
        let [seed, other] = [(); 2].map(|()| &seeds[random.below(seeds.len())]);
        let bytes = mutated(seed, other, &mut random);
        match std::panic::catch_unwind(|| target(&bytes)) {
            Ok(good) => taken += usize::from(good),
            Err(_) => panic!("{name} does not withstand b\"{}\"", bytes.escape_ascii()),
        }
    }
    assert!(
        (mutations / 100..mutations - mutations / 100).contains(&taken),
        "{name}: the changes reach too little, {taken} of {mutations} are good"
    );
}

#[test]
fn every_target_withstands_its_corpus_and_changes_of_it() {
    let threads = TARGETS.map(|(name, target)| {
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || withstands(name, target))
            .unwrap()
    });
    let failed = threads.map(|thread| thread.join().is_err());
    assert_eq!(failed, [false; TARGETS.len()]);
}

#[test]
fn the_corpus_is_small_and_every_folder_of_it_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bytes = 0;
    for target in fs::read_dir(folder).unwrap() {
        let target = target.unwrap();
        let name = target.file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "{name}");
        for file in fs::read_dir(target.path()).unwrap() {
            bytes += file.unwrap().metadata().unwrap().len();
        }
    }
    assert!(bytes < BYTES_MAX, "{bytes} B");
}
