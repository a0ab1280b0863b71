use super::*;
use nhip_wire::compact::Decoder;
use serde_json::{Value, json};

const TIME_MS: i64 = 1_763_784_000_045;

fn write(format: Format, values: &[f64]) -> Vec<u8> {
    let names: [Arc<str>; 2] = ["pm2_5".into(), "pm10".into()];
    format.write(&Content {
        boot: 7,
        seq: 12,
        time_ms: TIME_MS,
        datastreams: &names,
        values,
    })
}

fn parse(format: Format, values: &[f64]) -> Value {
    serde_json::from_slice(&write(format, values)).unwrap()
}

#[test]
fn json_is_as_the_contract_shows_it() {
    let got = parse(Format::Json, &[31.2, 44.5]);
    let expected = json!({"boot": 7, "seq": 12, "time": TIME_MS,
        "readings": {"pm2_5": 31.2, "pm10": 44.5}});
    assert_eq!(got, expected);
    assert_eq!(
        parse(Format::Json, &[f64::NAN, 1.5])["readings"],
        json!({"pm10": 1.5})
    );
}

#[test]
fn senml_has_a_base_time_and_a_record_a_reading() {
    let expected =
        json!([{"bt": 1_763_784_000.045, "n": "pm2_5", "v": 31.2}, {"n": "pm10", "v": 0.5}]);
    assert_eq!(parse(Format::SenmlJson, &[31.2, 0.5]), expected);
}

#[test]
fn compact_numbers_each_reading_and_skips_those_it_does_not_have() {
    for (values, expected) in [
        ([31.2, 1.0 / 3.0], vec![(0, 12, 31.2), (1, 13, 1.0 / 3.0)]),
        ([f64::NAN, 0.5], vec![(1, 13, 0.5)]),
    ] {
        let bytes = write(Format::Compact, &values);
        let decoder = Decoder::new(&bytes).unwrap();
        assert_eq!(decoder.header().numbered.map(|(boot, _)| boot), Some(7));
        let names = decoder.channels().as_slice().iter().map(|c| c.name);
        assert!(names.eq(["pm2_5", "pm10"]));
        let got: Vec<_> = decoder
            .map(Result::unwrap)
            .inspect(|sample| assert_eq!(sample.time_ms, TIME_MS))
            .map(|sample| (sample.channel, sample.seq.unwrap(), sample.value))
            .collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn senml_in_cbor_is_what_the_labels_say() {
    let bytes = write(Format::SenmlCbor, &[31.2, 0.5]);
    let mut expected = vec![0x9f, 0xa3, 0x22, 0xfb];
    expected.extend(1_763_784_000.045_f64.to_be_bytes());
    for (name, value, lead) in [("pm2_5", 31.2_f64, None), ("pm10", 0.5, Some(0xa2))] {
        expected.extend(lead);
        expected.extend([0x00, 0x78, name.len() as u8]);
        expected.extend(name.as_bytes());
        expected.extend([0x02, 0xfb]);
        expected.extend(value.to_be_bytes());
    }
    expected.push(0xff);
    assert_eq!(bytes, expected);
}

#[test]
fn a_share_is_a_known_format_and_a_number() {
    let share: FormatShare = "senml-cbor=0.25".parse().unwrap();
    assert_eq!((share.format, share.share), (Format::SenmlCbor, 0.25));
    assert_eq!("compact".parse::<FormatShare>().unwrap().share, 1.0);
    for text in ["xml", "json=0", "json=-1", "json=NaN", "json=", ""] {
        assert!(text.parse::<FormatShare>().is_err(), "{text}");
    }
}
