//! Golden vectors, which freeze the format, and round trips.

use super::*;
use proptest::prelude::*;

extern crate std;
use std::{string::String, vec, vec::Vec};

const BASE_MS: u64 = 1_795_327_200_000;

fn sample(channel: u8, time_ms: i64, value: f64, seq: Option<u64>) -> Sample {
    Sample {
        channel,
        time_ms,
        value,
        quality: Some(Quality::Good),
        seq,
    }
}

fn encoded(header: &Header, channels: &[Channel<'_>], samples: &[Sample]) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let mut encoder = Encoder::new(&mut out, header, channels).unwrap();
    for sample in samples {
        encoder.push(sample).unwrap();
    }
    let length = encoder.len();
    out.truncate(length);
    out
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn check(header: &Header, channels: &[Channel<'_>], samples: &[Sample], golden: &str) {
    let bytes = encoded(header, channels, samples);
    assert_eq!(hex(&bytes), golden);
    let decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.header(), header);
    assert_eq!(decoder.channels().as_slice(), channels);
    let decoded: Vec<_> = decoder.map(Result::unwrap).collect();
    assert_eq!(decoded, samples);
}

const PM: Channel<'_> = Channel {
    name: "pm2_5",
    unit: None,
    decimals: 1,
};

proptest! {
    #[test]
    fn an_integer_is_written_as_its_float_is(
        scaled in proptest::collection::vec(any::<i32>(), 1..20),
        decimals in 0_u8..10,
    ) {
        let channel = [Channel { decimals, ..PM }];
        let header = Header::default();
        let (mut one, mut other) = (vec![0; 512], vec![0; 512]);
        let mut floats = Encoder::new(&mut one, &header, &channel).unwrap();
        let mut integers = Encoder::new(&mut other, &header, &channel).unwrap();
        for &scaled in &scaled {
            let value = f64::from(scaled) / 10_f64.powi(decimals.into());
            floats.push(&sample(0, 0, value, None)).unwrap();
            let quality = Quality::Good;
            integers.push_scaled(&Scaled { channel: 0, time_ms: 0, scaled, quality, seq: None }).unwrap();
        }
        prop_assert_eq!(floats.len(), integers.len());
        prop_assert_eq!(one, other);
    }
}

#[test]
fn golden_one_reading() {
    let header = Header {
        numbered: Some((7, 1234)),
        base_ms: Some(BASE_MS),
        ..Header::default()
    };
    let samples = [sample(0, BASE_MS as i64, 31.2, Some(1234))];
    check(
        &header,
        &[PM],
        &samples,
        "5307fbd204fce084026b010105706d325f3500fb7002",
    );
}

#[test]
fn golden_ten_minutes_of_one_channel() {
    let header = Header {
        numbered: Some((7, 1234)),
        base_ms: Some(BASE_MS),
        ..Header::default()
    };
    let samples: Vec<_> = (0..10)
        .map(|n| {
            sample(
                0,
                BASE_MS as i64 + n * 60_000,
                (312 + n % 3) as f64 / 10.0,
                Some(1234 + n as u64),
            )
        })
        .collect();
    check(
        &header,
        &[PM],
        &samples,
        "5307fbd204fce084026b010105706d325f3500fb700210780208020803080208020803080208020803",
    );
}

#[test]
fn golden_every_feature() {
    let header = Header {
        numbered: Some((70_000, 5_000_000_000)),
        base_ms: Some(BASE_MS + 250),
        tick: Tick::Millisecond,
        clock_doubtful: true,
    };
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let channels = names.map(|name| Channel {
        name,
        unit: Some("Cel"),
        decimals: 2,
    });
    let base = BASE_MS as i64 + 250;
    let mut fault = sample(7, base - 1500, -0.25, Some(5_000_000_000));
    fault.quality = Some(Quality::Fault);
    let samples = [
        fault,
        sample(1, base - 1500, 1.0 / 3.0, Some(5_000_000_009)),
    ];
    check(
        &header,
        &channels,
        &samples,
        "67fc70110100fd00f2052a01000000fce084026bfa081201610343656c1201620343656c1201630343656c\
         1201640343656c1201650343656c1201660343656c1201670343656c1201680343656c\
         3707fbb70b0431c108555555555555d53f",
    );
}

#[test]
fn golden_without_clock_and_counter() {
    let header = Header {
        tick: Tick::Minute,
        ..Header::default()
    };
    let samples = [sample(0, -600_000, 0.5, None), sample(0, 0, 0.25, None)];
    check(
        &header,
        &[PM],
        &samples,
        "58010105706d325f3510130a5014000000000000d03f",
    );
}

#[test]
fn a_full_buffer_leaves_the_message_as_it_was() {
    let header = Header {
        base_ms: Some(BASE_MS),
        ..Header::default()
    };
    for size in 0..64 {
        let mut out = vec![0; size];
        let Ok(mut encoder) = Encoder::new(&mut out, &header, &[PM]) else {
            continue;
        };
        let mut taken = 0;
        while encoder
            .push(&sample(
                0,
                BASE_MS as i64 + taken * 7000,
                taken as f64 * 1.1,
                None,
            ))
            .is_ok()
        {
            taken += 1;
        }
        let length = encoder.len();
        assert_eq!(
            Decoder::new(&out[..length])
                .unwrap()
                .filter(|s| s.is_ok())
                .count(),
            taken as usize
        );
    }
}

#[test]
fn says_what_it_can_not_encode() {
    let mut out = [0; 64];
    let header = Header {
        numbered: Some((1, 10)),
        base_ms: Some(BASE_MS),
        ..Header::default()
    };
    assert_eq!(
        Encoder::new(&mut out, &header, &[]).err(),
        Some(EncodeError::Channels)
    );
    let mut encoder = Encoder::new(&mut out, &header, &[PM]).unwrap();
    let now = BASE_MS as i64;
    for (bad, error) in [
        (sample(1, now, 1.0, Some(10)), EncodeError::Channel),
        (sample(0, now, f64::NAN, Some(10)), EncodeError::NotFinite),
        (sample(0, now + 1, 1.0, Some(10)), EncodeError::OffTick),
        (sample(0, now, 1.0, Some(9)), EncodeError::Sequence),
        (sample(0, now, 1.0, None), EncodeError::Sequence),
        (
            Sample {
                quality: None,
                ..sample(0, now, 1.0, Some(10))
            },
            EncodeError::Quality,
        ),
    ] {
        assert_eq!(encoder.push(&bad), Err(error));
    }
    assert_eq!(encoder.push(&sample(0, now, 1.0, Some(10))), Ok(()));
    assert_eq!(
        encoder.push(&sample(0, now, 1.0, Some(10))),
        Err(EncodeError::Sequence)
    );
}

#[test]
fn names_the_problem_and_its_place() {
    let problem = |bytes: &[u8]| match Decoder::new(bytes) {
        Ok(mut decoder) => decoder.find_map(Result::err).map(|e| (e.problem, e.at)),
        Err(error) => Some((error.problem, error.at)),
    };
    assert_eq!(problem(b""), Some((Problem::Field, 0)));
    assert_eq!(problem(&[0x80]), Some((Problem::Version, 0)));
    assert_eq!(problem(&[0x40, 0]), Some((Problem::Channels, 2)));
    assert_eq!(problem(&[0x40, 17]), Some((Problem::Channels, 2)));
    assert_eq!(problem(&[0x40, 1, 0xff]), Some((Problem::Channels, 3)));
    assert_eq!(problem(&[0x40, 1, 0, 1, 0xff]), Some((Problem::Field, 3)));
    assert_eq!(
        problem(&[0x40, 1, 0, 1, b'a', 1, 0]),
        Some((Problem::Channel, 6))
    );
    assert_eq!(
        problem(&[0x40, 1, 0, 1, b'a', 0x18, 0]),
        Some((Problem::Field, 6))
    );
    assert_eq!(
        problem(&[0x40, 1, 0, 1, b'a', 0]),
        Some((Problem::Field, 6))
    );
    assert_eq!(problem(&[0x40, 1, 0, 1, b'a', 0, 2]), None);
}

fn decimals() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-100_000_i32..100_000, 0_u8..6).prop_map(|(m, d)| f64::from(m) / POWERS[usize::from(d)]),
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
    ]
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        numbered in proptest::option::of((any::<u32>(), 0_u64..1 << 60)),
        base_ms in proptest::option::of(0_u64..1 << 45),
        doubtful in any::<bool>(),
        specs in proptest::collection::vec((0_u8..=15, "[a-z][a-z0-9_]{0,20}", proptest::option::of("[a-zA-Z/%]{1,8}")), 1..=16),
        steps in proptest::collection::vec((0_usize..16, -100_000_i64..100_000, decimals(), 0_usize..6, 0_u64..3), 0..40),
    ) {
        let header = Header { numbered, base_ms, tick: Tick::Millisecond, clock_doubtful: doubtful };
        let channels: Vec<_> = specs.iter()
            .map(|(decimals, name, unit)| Channel { name, unit: unit.as_deref(), decimals: *decimals })
            .collect();
        let mut time_ms = base_ms.unwrap_or(0) as i64;
        let mut seq = numbered.map_or(0, |(_, seq)| seq);
        let mut samples = Vec::new();
        for (channel, step, value, quality, skip) in steps {
            time_ms += step;
            seq += skip;
            samples.push(Sample {
                channel: (channel % channels.len()) as u8,
                time_ms,
                value,
                quality: Some(Quality::ALL[quality]),
                seq: numbered.map(|_| seq),
            });
            seq += 1;
        }
        let bytes = encoded(&header, &channels, &samples);
        let decoder = Decoder::new(&bytes).unwrap();
        prop_assert_eq!(decoder.header(), &header);
        prop_assert_eq!(decoder.channels().as_slice(), &channels[..]);
        let decoded: Vec<_> = decoder.map(Result::unwrap).collect();
        prop_assert_eq!(decoded, samples);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), flags in 0x40_u8..0x80) {
        let mut forced = bytes.clone();
        if let Some(first) = forced.first_mut() { *first = flags; }
        for bytes in [&bytes, &forced] {
            if let Ok(decoder) = Decoder::new(bytes) {
                prop_assert!(decoder.count() <= bytes.len());
            }
        }
    }
}
