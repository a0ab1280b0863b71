//! A Modbus master on recorded traffic of its bus.

use super::*;
use crate::{
    reading::Quality,
    sensors::{
        SharedLine,
        script::{NoDelay, Uart},
    },
};
use core::ops::RangeInclusive;
use embassy_futures::block_on;
use embassy_sync::mutex::Mutex;

/// A weather transmitter: wind speed in 0.01 m/s, direction in degrees, pressure in 0.1 hPa.
const CHANNELS: [Channel; 3] = [
    channel("wind_speed", "m/s", 2),
    channel("wind_direction", "deg", 0),
    channel("pressure", "hPa", 1),
];
const FIELDS: [Field; 3] = [
    field(0, Number::U16, (1, 1), 0..=7500),
    field(1, Number::U16, (1, 1), 0..=360),
    field(2, Number::I32, (1, 10), 5000..=12_000),
];
const MAP: Map = Map {
    unit: 1,
    table: Table::Holding,
    first: 0,
    count: 4,
    fields: &FIELDS,
    channels: &CHANNELS,
};
const REQUEST: [u8; 8] = [0x01, 0x03, 0x00, 0x00, 0x00, 0x04, 0x44, 0x09];

const fn channel(name: &'static str, unit: &'static str, decimals: u8) -> Channel {
    Channel {
        name,
        unit: Some(unit),
        decimals,
    }
}

const fn field(
    register: u8,
    number: Number,
    scale: (i32, i32),
    range: RangeInclusive<i32>,
) -> Field {
    Field {
        register,
        number,
        scale,
        none: Some(0x7fff),
        range,
    }
}

fn answer(registers: [u16; 4]) -> Vec<u8> {
    let mut bytes = vec![1, 3, 8];
    bytes.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
    let check = CHECK.checksum(&bytes).to_le_bytes();
    bytes.extend(check);
    bytes
}

fn sample(reply: &[u8]) -> [Value; 3] {
    let line = Uart::answering(&[(&REQUEST, reply)]);
    let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
    let mut values = [Value::MISSING; 3];
    block_on(sensor.sample(&mut values));
    values
}

#[test]
fn registers_become_values() {
    // 3.25 m/s from 270°, 100,860 Pa in hundredths of hPa: 0x0001_89fc.
    let values = sample(&answer([325, 270, 0x0001, 0x89fc]));
    assert_eq!(values, [325, 270, 10_086].map(Value::good));
}

#[test]
fn an_exchange_from_the_literature_is_read() {
    const FIELDS: [Field; 1] = [field(0, Number::U16, (1, 1), 0..=i32::MAX)];
    let map = Map {
        unit: 0x11,
        first: 0x6b,
        count: 3,
        fields: &FIELDS,
        channels: &[CHANNELS[0]],
        ..MAP
    };
    let line = Uart::answering(&[(
        &[0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87],
        &[
            0x11, 0x03, 0x06, 0xae, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xad,
        ],
    )]);
    let mut sensor = Modbus::new(line, NoDelay, map).unwrap();
    let mut values = [Value::MISSING];
    block_on(sensor.sample(&mut values));
    assert_eq!(values, [Value::good(0xae41)]);
}

#[test]
fn a_flipped_bit_and_an_exception_are_faults() {
    let mut reply = answer([325, 270, 1, 2]);
    reply[4] ^= 1;
    assert_eq!(sample(&reply), [Value::FAULT; 3]);
    // Illegal data address.
    assert_eq!(sample(&[0x01, 0x83, 0x02, 0xc0, 0xf1]), [Value::FAULT; 3]);
    let mut other = answer([325, 270, 1, 2]);
    other[0] = 2;
    assert_eq!(sample(&other), [Value::FAULT; 3]);
}

#[test]
fn noise_and_another_unit_are_passed_over() {
    let good = answer([325, 270, 0x0001, 0x89fc]);
    let mut other = good.clone();
    other[0] = 2;
    for noise in [&[0x00][..], &[0xff, 0x01], &[0x01, 0x03], &REQUEST, &other] {
        let values = sample(&[noise, &good].concat());
        assert_eq!(values, [325, 270, 10_086].map(Value::good), "{noise:x?}");
    }
}

#[test]
fn what_went_wrong_is_over_at_the_next_sample() {
    let good = answer([325, 270, 0x0001, 0x89fc]);
    let mut other = answer([1, 2, 3, 4]);
    other[0] = 2;
    let mut longer = answer([1, 2, 3, 4]);
    longer[2] = 6;
    for (at, wrong) in [other, longer, good[..9].to_vec()].iter().enumerate() {
        let line = Uart::answering(&[(&REQUEST, wrong), (&REQUEST, &good)]);
        let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
        let mut values = [Value::MISSING; 3];
        block_on(sensor.sample(&mut values));
        assert_ne!(values[0].quality, Quality::Good);
        block_on(sensor.sample(&mut values));
        assert_eq!(values, [325, 270, 10_086].map(Value::good), "{at}");
    }
}

#[test]
fn a_late_answer_is_not_taken_for_the_next() {
    let of = |speed| answer([speed, 270, 0x0001, 0x89fc]);
    let line = Uart::answering(&[(&REQUEST, &[]), (&REQUEST, &of(2)), (&REQUEST, &of(3))]);
    let mut sensor = Modbus::new(line, NoDelay, MAP).unwrap();
    let mut values = [Value::MISSING; 3];
    block_on(sensor.sample(&mut values));
    sensor.line.old.extend(of(1));
    for speed in [2, 3] {
        block_on(sensor.sample(&mut values));
        assert_eq!(values[0], Value::good(speed));
    }
}

#[test]
fn silence_is_missing() {
    assert_eq!(sample(&[]), [Value::MISSING; 3]);
    assert_eq!(sample(&answer([1, 2, 3, 4])[..7]), [Value::MISSING; 3]);
}

#[test]
fn one_absurd_register_leaves_its_neighbours_alone() {
    let values = sample(&answer([0x7fff, 400, 0x0001, 0x89fc]));
    assert_eq!(values[0], Value::MISSING);
    assert_eq!(
        (values[1].scaled, values[1].quality),
        (400, Quality::Suspect)
    );
    assert_eq!(values[2], Value::good(10_086));
}

#[test]
fn a_map_that_reads_outside_is_refused() {
    let map = Map { count: 3, ..MAP };
    assert!(Modbus::new(Uart::default(), NoDelay, map).is_none());
    const FAR: [Field; 1] = [field(255, Number::U32, (1, 1), 0..=1)];
    let map = Map {
        fields: &FAR,
        channels: &[CHANNELS[0]],
        ..MAP
    };
    assert!(Modbus::new(Uart::default(), NoDelay, map).is_none());
}

#[test]
fn frames_are_parted_by_three_and_a_half_characters_at_any_speed() {
    for (baud, us) in [
        (1_200, 32_084),
        (2_400, 16_042),
        (4_800, 8_021),
        (9_600, 4_011),
        (19_200, 2_006),
        (115_200, 1_750),
    ] {
        assert_eq!(silence_us(baud), us, "{baud}");
    }
    let line = Uart::default();
    let sensor = Modbus::new(line, NoDelay, MAP).unwrap().at_baud(2_400);
    assert_eq!(sensor.silence_us, 16_042);
}

#[test]
fn two_instruments_share_a_line_and_one_that_is_silent_leaves_it_to_the_other() {
    let mut request = [0x02, 0x03, 0x00, 0x00, 0x00, 0x04, 0, 0];
    let check = CHECK.checksum(&request[..6]).to_le_bytes();
    request[6..].copy_from_slice(&check);
    let good = answer([325, 270, 0x0001, 0x89fc]);
    let uart = Uart::answering(&[(&request, &[]), (&REQUEST, &good)]);
    let line = Mutex::new(uart);
    let map = Map { unit: 2, ..MAP };
    let mut silent = Modbus::new(SharedLine(&line), NoDelay, map).unwrap();
    let mut other = Modbus::new(SharedLine(&line), NoDelay, MAP).unwrap();
    let mut values = [Value::FAULT; 3];
    block_on(silent.sample(&mut values));
    assert_eq!(values, [Value::MISSING; 3]);
    block_on(other.sample(&mut values));
    assert_eq!(values, [325, 270, 10_086].map(Value::good));
}
