//! The corpus of the fuzz targets, mutated from a fixed seed: nothing panics, what comes out
//! keeps the promises of its types, and the same bytes always give the same readings.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use nhip_ingest::{
    decode::{DecodeError, Limits, Readings, Value, decode},
    mapping::{MappingRule, chirpstack_v4, the_things_stack_v3},
};
use nhip_wire::Format;
use std::{fs, path::Path};

const MUTATIONS_A_SEED: usize = 3000;
const NOW_US: i64 = 1_795_327_200_000_000;

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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target}");
    paths
        .into_iter()
        .map(|path| fs::read(path).unwrap())
        .collect()
}

fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const WORDS: [&[u8]; 10] = [
        b"{",
        b"[",
        b"\"",
        b"\\ud800",
        b"1e400",
        b"\xff",
        b"\xfb\xff\xff",
        b"\x9f",
        b"-",
        b",",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => {
                let end = at + random.below(bytes.len() - at);
                bytes.drain(at..end);
            }
            3 => {
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            _ => {
                let end = at + random.below(bytes.len() - at).min(16);
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

fn check(target: &str, read: impl Fn(&[u8], &mut Readings) -> Result<(), DecodeError>) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut taken, mut refused) = (0, 0);
    let mut out = Readings::default();
    let mut again = Readings::default();
    for seed in corpus(target) {
        assert_eq!(
            read(&seed, &mut out),
            Ok(()),
            "{target}: a seed is a good message"
        );
        for _ in 0..MUTATIONS_A_SEED {
            let bytes = mutated(&seed, &mut random);
            let outcome = read(&bytes, &mut out);
            assert_eq!(read(&bytes, &mut again), outcome);
            assert_eq!(out.items(), again.items());
            if outcome.is_err() {
                refused += 1;
                assert!(out.items().is_empty());
            } else {
                taken += 1;
            }
            promises(&out);
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{target}: {taken} taken, {refused} refused"
    );
}

fn promises(out: &Readings) {
    for reading in out.items() {
        match reading.value {
            Value::Number(number) => {
                assert!(number.is_finite() && (number != 0.0 || number.is_sign_positive()));
                assert!(nhip_wire::name::is_name(out.text(reading.datastream)));
            }
            Value::Invalid(bad) => assert!(!out.text(bad.detail).is_empty()),
        }
    }
}

fn check_format(target: &str, format: Format) {
    check(target, |bytes, out| {
        decode(format, bytes, NOW_US, &Limits::default(), out)
    });
}

#[test]
fn json_survives_mutations() {
    check_format("json", Format::Json);
}

#[test]
fn senml_json_survives_mutations() {
    check_format("senml_json", Format::SenmlJson);
}

#[test]
fn senml_cbor_survives_mutations() {
    check_format("senml_cbor", Format::SenmlCbor);
}

#[test]
fn compact_survives_mutations() {
    check_format("compact", Format::Compact);
}

#[test]
fn mapping_survives_mutations() {
    let rules =
        [chirpstack_v4(), the_things_stack_v3()].map(|raw| MappingRule::compile(&raw).unwrap());
    check("mapping", |bytes, out| {
        let rule = &rules[usize::from(bytes.windows(15).any(|part| part == b"end_device_ids\""))];
        rule.decode("a/b", bytes, &Limits::default(), out)
    });
}
