use super::*;
use crate::{
    city::Site,
    faults::Faults,
    fleet::{Format, Kind, Pace, Plan},
    report::Fate,
};

const FROM_US: i64 = 1_763_784_000_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn device(name: &str, faults: Faults) -> Device {
    Device::new(Plan {
        name: name.into(),
        kind: Kind::Water,
        site: Site::new(106.7, 10.78, 1),
        format: Format::Json,
        boot: 3,
        interval_s: 60.0,
        faults,
        seed: 5,
        from_us: FROM_US,
        to_us: FROM_US + HOUR_US,
    })
}

fn carrier(speed: Option<f64>, faults: Faults, storms_us: VecDeque<i64>) -> Carrier {
    let pace = Pace {
        start: Instant::now(),
        from_us: FROM_US,
        speed,
    };
    let devices = vec![device("a", faults.clone()), device("b", faults)];
    Carrier::new(Arc::new(City::new(1)), pace, devices, storms_us)
}

fn run(carrier: &mut Carrier, now: Instant) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Next::Send(message) = carrier.next(now) {
        carrier.acknowledged(message.token);
        messages.push(message);
    }
    messages
}

#[tokio::test(start_paused = true)]
async fn sends_what_is_due_and_waits_for_the_rest() {
    let mut carrier = carrier(Some(60.0), Faults::default(), VecDeque::new());
    let now = Instant::now();
    let Next::At(first) = carrier.next(now) else {
        panic!("nothing is due at the start");
    };
    assert!(first > now && first <= now + Duration::from_secs(1));
    let messages = run(&mut carrier, now + Duration::from_secs(30));
    assert!((58..=62).contains(&messages.len()), "{}", messages.len());
    assert!(matches!(
        carrier.next(now + Duration::from_secs(30)),
        Next::At(_)
    ));
    run(&mut carrier, now + Duration::from_secs(61));
    assert!(matches!(
        carrier.next(now + Duration::from_secs(61)),
        Next::Done
    ));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_the_same_bytes_and_counted() {
    let faults = Faults {
        duplicate: 0.5,
        ..Faults::default()
    };
    let mut carrier = carrier(None, faults, VecDeque::new());
    let messages = run(&mut carrier, Instant::now());
    let mut payloads: Vec<_> = messages.iter().map(|m| (&m.topic, &m.payload)).collect();
    payloads.sort();
    payloads.dedup();
    let repeated = messages.len() - payloads.len();
    assert!(repeated > 20);
    assert_eq!(carrier.duplicate, repeated as u64);
    let totals: u64 = carrier
        .into_devices()
        .iter()
        .map(|device| device.ledger().totals().acknowledged)
        .sum();
    assert_eq!(totals, payloads.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_storm_drops_the_connection_once() {
    let storms = VecDeque::from([FROM_US + 1]);
    let mut carrier = carrier(None, Faults::default(), storms);
    assert!(matches!(carrier.next(Instant::now()), Next::Drop(_)));
    assert!(matches!(carrier.next(Instant::now()), Next::Send(_)));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_message_is_nobodys_reading() {
    let faults = Faults {
        malformed: 1.0,
        ..Faults::default()
    };
    let mut carrier = carrier(None, faults, VecDeque::new());
    let messages = run(&mut carrier, Instant::now());
    let malformed = messages.iter().filter(|m| m.token == MALFORMED).count();
    assert_eq!(malformed as u64, carrier.malformed);
    assert_eq!(messages.len(), 2 * malformed);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_acknowledgement() {
    let mut carrier = carrier(None, Faults::default(), VecDeque::new());
    let Next::Send(message) = carrier.next(Instant::now()) else {
        panic!("something is due");
    };
    carrier.refused(message.token, "QuotaExceeded");
    let (device, number) = split(message.token).unwrap();
    let entry = carrier.devices[device].ledger().entry(number, 0).unwrap();
    assert_eq!(entry.fate, Fate::Refused);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_again_counts_in_readings() {
    let mut carrier = carrier(None, Faults::default(), VecDeque::new());
    let Next::Send(message) = carrier.next(Instant::now()) else {
        panic!("something is due");
    };
    carrier.written_again(message.token);
    carrier.written_again(MALFORMED);
    assert_eq!(carrier.duplicate, 1);
}
