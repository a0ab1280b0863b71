//! A session against bytes that were written by hand from the standard.
#![allow(clippy::unwrap_used, reason = "a test fails that way")]

use super::*;
use core::{convert::Infallible, task::Poll};
use embassy_futures::{block_on, poll_once};
use embedded_io_async::{ErrorType, Read, Write};

/// Gives what it holds, so many bytes at a time; keeps what is written, as far as it takes it.
struct Wire {
    incoming: Vec<u8>,
    step: usize,
    written: Vec<u8>,
    /// Bytes that it still takes.
    takes: usize,
}

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Read for Wire {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        if self.incoming.is_empty() {
            return core::future::pending().await;
        }
        let count = bytes.len().min(self.step).min(self.incoming.len());
        bytes[..count].copy_from_slice(&self.incoming[..count]);
        self.incoming.drain(..count);
        Ok(count)
    }
}

impl Write for Wire {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let count = bytes.len().min(self.step).min(self.takes);
        self.takes -= count;
        self.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn wire(step: usize) -> Wire {
    Wire {
        incoming: Vec::new(),
        step,
        written: Vec::new(),
        takes: usize::MAX,
    }
}

const HELLO: Hello<'static> = Hello {
    client_id: "dev1",
    credentials: None,
    keep_alive_s: 60,
    session_expiry_s: 86_400,
    will_topic: "t/s",
    will: b"off",
};
/// CONNECT of [`HELLO`] by a device that takes 384 bytes, from a clean start or not.
fn connect(clean: bool) -> Vec<u8> {
    let mut packet = vec![0x10, 0x29, 0, 4, b'M', b'Q', b'T', b'T', 5];
    packet.push(if clean { 0x2e } else { 0x2c });
    packet.extend([0, 60, 13, 0x27, 0, 0, 1, 0x80]);
    packet.extend([0x11, 0, 1, 0x51, 0x80, 0x21, 0, 8]);
    packet.extend(b"\0\x04dev1\0\0\x03t/s\0\x03off");
    packet
}

const CONNACK_NEW: [u8; 5] = [0x20, 3, 0, 0, 0];
const CONNACK_KNOWN: [u8; 5] = [0x20, 3, 1, 0, 0];

/// Room for a session.
struct Room {
    receive: [u8; 384],
    transmit: [u8; 512],
}

impl Room {
    fn new() -> Self {
        Self {
            receive: [0; 384],
            transmit: [0; 512],
        }
    }

    fn session(&mut self) -> Session<'_> {
        Session::new(&mut self.receive, &mut self.transmit)
    }
}

/// What the session writes now.
fn written(session: &mut Session<'_>) -> Vec<u8> {
    let mut wire = wire(usize::MAX);
    block_on(session.write(&mut wire)).unwrap();
    session.written(0);
    wire.written
}

/// What it makes of a packet that comes.
fn came<'s>(session: &'s mut Session<'_>, packet: &[u8]) -> Result<Event<'s>, Fault> {
    let mut wire = wire(usize::MAX);
    wire.incoming = packet.to_vec();
    block_on(session.read(&mut wire))?;
    session.take()
}

fn open(session: &mut Session<'_>, connack: &[u8]) {
    session.begin(&HELLO).unwrap();
    written(session);
    assert!(matches!(came(session, connack), Ok(Event::Open(_))));
}

fn publish(first: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![first];
    let mut left = length;
    while left > 127 {
        packet.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    packet.push(left as u8);
    let begin = packet.len();
    packet.extend_from_slice(b"\0\x03a/b\x12\x34\0");
    packet.resize(begin + length, b'z');
    packet
}

#[test]
fn the_first_connection_asks_for_a_new_session_and_the_next_for_the_old_one() {
    let mut room = Room::new();
    let mut session = room.session();
    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(true));
    assert!(!session.is_open() && !session.may_publish());
    // It came to nothing: still nothing is known.
    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(true));
    assert_eq!(came(&mut session, &CONNACK_NEW), Ok(Event::Open(false)));
    assert!(session.is_open() && session.may_publish());
    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(false));
    assert_eq!(came(&mut session, &CONNACK_KNOWN), Ok(Event::Open(true)));
}

#[test]
fn user_and_password_follow_the_will() {
    let mut room = Room::new();
    let mut session = room.session();
    let credentials = Some(("u", &b"pw"[..]));
    session
        .begin(&Hello {
            credentials,
            ..HELLO
        })
        .unwrap();
    let mut expected = connect(true);
    expected[1] += 7;
    expected[9] |= 0xc0;
    expected.extend(b"\0\x01u\0\x02pw");
    assert_eq!(written(&mut session), expected);
}

#[test]
fn packets_are_those_of_the_standard() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    session.subscribe("c/+").unwrap();
    assert_eq!(session.publish("t/r", b"payload", How::Acknowledged), Ok(2));
    assert_eq!(session.publish("t/s", b"on", How::Retained), Ok(0));
    assert_eq!(session.publish("t/a", b"", How::Once), Ok(0));
    session.disconnect().unwrap();
    let mut expected = b"\x82\x09\0\x01\0\0\x03c/+\x09".to_vec();
    expected.extend(b"\x32\x0f\0\x03t/r\0\x02\0payload");
    expected.extend(b"\x31\x08\0\x03t/s\0on");
    expected.extend(b"\x30\x06\0\x03t/a\0");
    expected.extend(b"\xe0\0");
    assert_eq!(written(&mut session), expected);
}

#[test]
fn a_length_of_two_bytes_begins_at_128() {
    for (payload, head) in [(119, &[0x32, 127][..]), (120, &[0x32, 0x80, 1])] {
        let mut room = Room::new();
        let mut session = room.session();
        open(&mut session, &CONNACK_NEW);
        session
            .publish("t/r", &vec![b'p'; payload], How::Acknowledged)
            .unwrap();
        let sent = written(&mut session);
        assert_eq!(&sent[..head.len()], head);
        assert_eq!(sent.len(), head.len() + 8 + payload);
    }
}

#[test]
fn what_is_in_flight_is_repeated_with_dup_until_it_is_acknowledged() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let one = session.publish("t", b"1", How::Acknowledged).unwrap();
    let two = session.publish("t", b"2", How::Acknowledged).unwrap();
    session.publish("t", b"x", How::Once).unwrap();
    written(&mut session);
    // One that nothing was written of is no duplicate.
    session.publish("t", b"3", How::Acknowledged).unwrap();
    assert_eq!(came(&mut session, &[0x40, 2, 0, 1]), Ok(Event::Nothing));
    assert!(!session.is_pending(one) && session.is_pending(two));

    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(false));
    came(&mut session, &CONNACK_KNOWN).unwrap();
    let repeated = b"\x3a\x07\0\x01t\0\x02\x002\x32\x07\0\x01t\0\x03\x003";
    assert_eq!(written(&mut session), repeated);
    assert_eq!(came(&mut session, &[0x40, 2, 0, 2]), Ok(Event::Nothing));
    // Once more: it was acknowledged before.
    assert_eq!(came(&mut session, &[0x40, 2, 0, 2]), Ok(Event::Nothing));
    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(false));
    came(&mut session, &CONNACK_KNOWN).unwrap();
    assert_eq!(written(&mut session), b"\x3a\x07\0\x01t\0\x03\x003");
}

#[test]
fn a_connection_that_breaks_within_a_packet_repeats_it_whole_and_drops_the_rest() {
    for takes in 0..20 {
        let mut room = Room::new();
        let mut session = room.session();
        open(&mut session, &CONNACK_NEW);
        session.publish("t", b"1", How::Acknowledged).unwrap();
        session.publish("t", b"xx", How::Once).unwrap();
        let mut broken = Wire { takes, ..wire(3) };
        let _ = block_on(session.write(&mut broken));
        session.begin(&HELLO).unwrap();
        assert_eq!(written(&mut session), connect(false), "{takes}");
        came(&mut session, &CONNACK_KNOWN).unwrap();
        let first = if takes > 0 { 0x3a } else { 0x32 };
        let mut repeated = b"\x32\x07\0\x01t\0\x01\x001".to_vec();
        repeated[0] = first;
        assert_eq!(written(&mut session), repeated, "{takes}");
    }
}

#[test]
fn a_broker_that_has_forgotten_the_session_is_sent_nothing_again() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let id = session.publish("t", b"1", How::Acknowledged).unwrap();
    session.subscribe("c").unwrap();
    written(&mut session);
    came(&mut session, &[0x90, 4, 0, 2, 0, 1]).unwrap();
    assert!(session.is_subscribed());
    open(&mut session, &CONNACK_KNOWN);
    assert!(session.is_subscribed() && session.is_pending(id));
    open(&mut session, &CONNACK_NEW);
    assert!(!session.is_subscribed() && !session.is_pending(id));
    assert_eq!(written(&mut session), b"");
}

#[test]
fn what_the_broker_allows_is_kept_to() {
    // Two messages at a time, packets of 20 bytes, a ping every 20 s; other properties beside.
    let mut connack = vec![0x20, 0, 0, 0, 0];
    connack.extend(
        b"\x21\0\x02\x27\0\0\0\x14\x13\0\x14\x26\0\x01k\0\x01v\x1f\0\x02ok\x22\0\x05\x25\x01",
    );
    connack[1] = connack.len() as u8 - 2;
    connack[4] = connack.len() as u8 - 5;
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &connack);
    let long = session.publish("topic", b"0123456789a", How::Acknowledged);
    assert_eq!(long, Err(Unsent::TooLarge));
    for _ in 0..2 {
        assert!(session.may_publish());
        session
            .publish("topic", b"01234567", How::Acknowledged)
            .unwrap();
    }
    assert!(!session.may_publish());
    written(&mut session);
    assert_eq!(session.due_us(), 15_000_000);
    // The next broker takes less than what is in flight.
    session.begin(&HELLO).unwrap();
    written(&mut session);
    let less = [0x20, 8, 1, 0, 5, 0x27, 0, 0, 0, 10];
    assert_eq!(came(&mut session, &less), Err(Fault::TooLarge));
    // And one that takes fewer messages at a time.
    session.begin(&HELLO).unwrap();
    written(&mut session);
    let fewer = [0x20, 6, 1, 0, 3, 0x21, 0, 1];
    assert_eq!(came(&mut session, &fewer), Err(Fault::TooLarge));
    session.forget();
    session.begin(&HELLO).unwrap();
    assert_eq!(written(&mut session), connect(false));
    assert_eq!(came(&mut session, &less), Ok(Event::Open(true)));
}

#[test]
fn a_broker_that_never_acknowledges_or_refuses_is_no_broker() {
    for connack in [
        &[0x20, 3, 0, 0x87, 0][..],
        &[0x20, 5, 0, 0, 2, 0x24, 0],
        &[0x20, 6, 0, 0, 3, 0x21, 0, 0],
        &[0x20, 2, 0, 0],
        &[0x20, 5, 0, 0, 2, 0x99, 0],
        &[0xd0, 0],
        &[0xe0, 0],
    ] {
        let mut room = Room::new();
        let mut session = room.session();
        session.begin(&HELLO).unwrap();
        written(&mut session);
        assert_eq!(
            came(&mut session, connack),
            Err(Fault::Lost),
            "{connack:x?}"
        );
        assert!(!session.is_open());
    }
}

#[test]
fn refusals_are_told_and_end_what_they_refuse() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let id = session.publish("t", b"1", How::Acknowledged).unwrap();
    written(&mut session);
    let refused = [0x40, 4, 0, 1, 0x97, 0];
    assert_eq!(came(&mut session, &refused), Err(Fault::Refused));
    assert!(!session.is_pending(id));
    // No subscribers is no refusal.
    session.publish("t", b"1", How::Acknowledged).unwrap();
    written(&mut session);
    assert_eq!(
        came(&mut session, &[0x40, 3, 0, 2, 0x10]),
        Ok(Event::Nothing)
    );
    let suback = [0x90, 4, 0, 9, 0, 0x87];
    assert_eq!(came(&mut session, &suback), Err(Fault::Refused));
    assert_eq!(came(&mut session, &[0xe0, 1, 0x8e]), Err(Fault::Lost));
}

#[test]
fn a_message_is_handed_on_and_acknowledged_at_its_quality() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    // With a subscription identifier, which it doesn't look at.
    let event = came(&mut session, b"\x32\x0c\0\x03a/b\x12\x34\x02\x0b\x07{}").unwrap();
    let (topic, payload) = ("a/b", &b"{}"[..]);
    let retained = false;
    let message = Message {
        topic,
        payload,
        retained,
    };
    assert_eq!(event, Event::Message(message));
    assert_eq!(written(&mut session), [0x40, 2, 0x12, 0x34]);
    let event = came(&mut session, b"\x31\x08\0\x03a/b\0{}").unwrap();
    let retained = true;
    let message = Message {
        topic,
        payload,
        retained,
    };
    assert_eq!(event, Event::Message(message));
    assert_eq!(written(&mut session), b"");
    assert_eq!(
        came(&mut session, b"\x34\x0a\0\x03a/b\x12\x34\0{}"),
        Err(Fault::Lost)
    );
}

#[test]
fn packets_come_whole_in_pieces_of_any_size_across_reads_that_are_dropped() {
    let mut stream = publish(0x32, 384);
    stream.extend(publish(0x32, 8));
    stream.extend(publish(0x32, 200));
    for step in [1, 2, 7, 100, 1000] {
        let mut room = Room::new();
        let mut session = room.session();
        open(&mut session, &CONNACK_NEW);
        let mut wire = wire(step);
        let mut lengths = Vec::new();
        for bytes in stream.chunks(step) {
            wire.incoming.extend(bytes);
            // A read that finds too little is dropped.
            while let Poll::Ready(read) = poll_once(session.read(&mut wire)) {
                read.unwrap();
                let Ok(Event::Message(message)) = session.take() else {
                    panic!("no message");
                };
                lengths.push(message.payload.len());
                written(&mut session);
            }
        }
        assert_eq!(lengths, [376, 0, 192], "{step}");
    }
}

#[test]
fn of_a_message_that_is_too_long_topic_and_id_remain() {
    for length in [385, 1000, 70_000] {
        for step in [1, 3, 100] {
            let mut room = Room::new();
            let mut session = room.session();
            open(&mut session, &CONNACK_NEW);
            let mut wire = wire(step);
            wire.incoming = publish(0x32, length);
            wire.incoming.extend([0xd0, 0]);
            block_on(session.read(&mut wire)).unwrap();
            let (topic, payload) = ("a/b", &b"{"[..]);
            let cut = Event::Message(Message {
                topic,
                payload,
                retained: false,
            });
            assert_eq!(session.take(), Ok(cut), "{length} {step}");
            assert_eq!(written(&mut session), [0x40, 2, 0x12, 0x34]);
            block_on(session.read(&mut wire)).unwrap();
            assert_eq!(session.take(), Ok(Event::Nothing));
        }
    }
}

#[test]
fn of_one_whose_topic_alone_is_too_long_nothing_remains() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let mut packet = publish(0x32, 1000);
    packet[3..5].copy_from_slice(&500_u16.to_be_bytes());
    assert_eq!(came(&mut session, &packet), Ok(Event::Nothing));
    assert_eq!(written(&mut session), b"");
}

#[test]
fn a_ping_goes_before_the_broker_loses_patience_and_wants_an_answer() {
    const S: u64 = 1_000_000;
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    session.written(100 * S);
    assert_eq!(session.due_us(), 155 * S);
    session.tend(155 * S - 1).unwrap();
    assert!(!session.has_unwritten());
    session.tend(155 * S).unwrap();
    assert_eq!(written(&mut session), [0xc0, 0]);
    assert_eq!(session.due_us(), 160 * S);
    assert_eq!(came(&mut session, &[0xd0, 0]), Ok(Event::Nothing));
    session.written(155 * S);
    assert_eq!(session.due_us(), 210 * S);
    session.tend(210 * S).unwrap();
    written(&mut session);
    assert_eq!(session.tend(215 * S), Err(Fault::Lost));
}

#[test]
fn a_full_buffer_takes_nothing_and_spoils_nothing() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let payload = [b'p'; 240];
    session.publish("t", &payload, How::Acknowledged).unwrap();
    session.publish("t", &payload, How::Acknowledged).unwrap();
    assert_eq!(
        session.publish("t", &payload, How::Acknowledged),
        Err(Unsent::Full)
    );
    let sent = written(&mut session);
    assert_eq!(sent.len(), 2 * (3 + 6 + payload.len()));
    // Nor is there room for a CONNECT, before what is in flight is forgotten.
    assert_eq!(session.begin(&HELLO), Err(Unsent::Full));
    session.forget();
    assert_eq!(session.begin(&HELLO), Ok(()));
}

#[test]
fn no_two_messages_in_flight_have_one_id_and_none_has_0() {
    let mut room = Room::new();
    let mut session = room.session();
    open(&mut session, &CONNACK_NEW);
    let kept = session.publish("t", b"", How::Acknowledged).unwrap();
    for _ in 0..70_000 {
        let id = session.publish("t", b"", How::Acknowledged).unwrap();
        assert!(id != 0 && id != kept);
        written(&mut session);
        let [high, low] = id.to_be_bytes();
        came(&mut session, &[0x40, 2, high, low]).unwrap();
    }
}
