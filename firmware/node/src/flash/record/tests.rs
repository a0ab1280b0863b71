//! What is written comes back, and takes as few bytes as the document says.

use super::*;

fn reading(channel: u8, scaled: i32, ms: i64) -> Reading {
    Reading {
        channel,
        value: Value::good(scaled),
        stamp: Stamp {
            ms,
            basis: Basis::Exact,
        },
    }
}

#[test]
fn readings_come_back_as_they_were() {
    let readings = [
        reading(0, 312, 1_795_327_200_000),
        reading(31, i32::MIN, 1_795_327_200_000),
        Reading {
            value: Value::FAULT,
            ..reading(4, 0, 1_795_327_260_125)
        },
        reading(2, i32::MAX, 1_795_327_199_000),
    ];
    let run = Run {
        boots: 7,
        seq: 123_456,
        stamp: readings[0].stamp,
    };
    let mut out = [0; BODY_BYTES_MAX];
    let mut writer = RunWriter::new(&mut out, &run, &Base::ZERO).unwrap();
    for reading in &readings {
        writer.push(reading).unwrap();
    }
    let length = writer.len();
    let (record, found) = read(&out[..length], &Base::ZERO).unwrap();
    assert_eq!(record, Record::Readings(run));
    assert!(found.eq(readings));
}

#[test]
fn one_reading_of_a_long_life_takes_a_record_of_16_bytes() {
    let run = Run {
        boots: 99,
        seq: 1_500_000,
        stamp: reading(0, 0, 1_795_327_200_000).stamp,
    };
    let mut out = [0; BODY_BYTES_MAX];
    let mut writer = RunWriter::new(&mut out, &run, &Base::ZERO).unwrap();
    writer.push(&reading(3, 312, 1_795_327_200_000)).unwrap();
    assert_eq!(PREFIX_BYTES + writer.len(), 16);
}

#[test]
fn what_the_page_says_is_left_out_and_comes_back() {
    let base = Base {
        boots: 99,
        seq: 1_500_000,
        seconds: 1_795_327_200,
    };
    let bytes = |boots, seq, ms, base: &Base| {
        let first = reading(3, 312, ms);
        let stamp = first.stamp;
        let run = Run { boots, seq, stamp };
        let mut out = [0; BODY_BYTES_MAX];
        let mut writer = RunWriter::new(&mut out, &run, base).unwrap();
        writer.push(&first).unwrap();
        let length = writer.len();
        let (record, mut readings) = read(&out[..length], base).unwrap();
        assert_eq!(record, Record::Readings(run));
        assert_eq!(readings.next(), Some(first));
        PREFIX_BYTES + length
    };
    let begun_ms = 1_795_327_200_000;
    assert_eq!(bytes(99, 1_500_338, begun_ms + 20_280_000, &base), 12);
    assert_eq!(bytes(99, 1_516_383, begun_ms + 65_535_000, &base), 12);
    assert_eq!(bytes(99, 1_500_000, begun_ms + 250, &base), 13);
    // Of another boot, before the page's time, too long after it, of an earlier number.
    assert_eq!(bytes(100, 1_500_001, begun_ms, &base), 16);
    assert_eq!(bytes(99, 1_500_001, begun_ms - 1000, &base), 16);
    assert_eq!(bytes(99, 1_500_001, begun_ms + 65_536_000, &base), 16);
    assert_eq!(bytes(99, 1_499_999, begun_ms, &base), 16);
}

#[test]
fn a_reading_that_does_not_fit_leaves_the_body_as_it_was() {
    let first = reading(0, 1, 1_795_327_200_000);
    let run = Run {
        boots: 1,
        seq: 0,
        stamp: first.stamp,
    };
    let mut out = [0; 11];
    let mut writer = RunWriter::new(&mut out, &run, &Base::ZERO).unwrap();
    writer.push(&first).unwrap();
    assert_eq!(writer.push(&reading(0, 1_000_000, 0)), None);
    let length = writer.len();
    assert_eq!(read(&out[..length], &Base::ZERO).unwrap().1.count(), 1);
}

#[test]
fn a_body_that_ends_early_gives_what_is_whole() {
    assert!(read(&[], &Base::ZERO).is_none());
    assert!(read(&[READINGS, 1], &Base::ZERO).is_none());
    assert!(read(&[0], &Base::ZERO).is_none());
}
