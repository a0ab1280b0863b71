//! An ear on a device's connection: which readings went out, which were acknowledged, and which
//! answers are still on their way. It takes acknowledgements away that are to be lost.

use super::network::State;
use nhip_wire::{
    compact::Decoder,
    topic::{self, Topic},
};
use std::time::Instant;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;
/// Reason codes from here on are refusals (MQTT 5, clause 2.4).
const REFUSED: u8 = 0x80;

/// A message that waits for its PUBACK.
struct Flight {
    id: u16,
    seqs: Vec<u64>,
    since: Instant,
    /// Its acknowledgement gets lost, or was.
    fate: Fate,
}

/// What becomes of an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    GetsLost,
    Lost,
}

/// What passed on one connection.
pub(super) struct Tap {
    /// When the connection was made, µs of the device's time.
    since_us: u64,
    out: Vec<u8>,
    incoming: Vec<u8>,
    /// Bytes for the device, and how many of them it has taken.
    ready: Vec<u8>,
    taken: usize,
    flights: Vec<Flight>,
    /// CONNECT, SUBSCRIBE and PINGREQ without an answer.
    questions: u32,
}

impl Tap {
    /// For a connection made at a time of the device, µs.
    pub(super) fn new(since_us: u64) -> Self {
        Self {
            since_us,
            out: Vec::new(),
            incoming: Vec::new(),
            ready: Vec::new(),
            taken: 0,
            flights: Vec::new(),
            questions: 0,
        }
    }

    pub(super) fn since_us(&self) -> u64 {
        self.since_us
    }

    /// Bytes went out.
    pub(super) fn sent(&mut self, bytes: &[u8], state: &State) {
        let mut out = std::mem::take(&mut self.out);
        out.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(packet) = Packet::first(&out[from..]) {
            from += packet.length;
            self.packet_out(&packet, state);
        }
        out.drain(..from);
        self.out = out;
        self.tell(state);
    }

    /// Bytes came.
    pub(super) fn received(&mut self, bytes: &[u8], state: &State) {
        let mut incoming = std::mem::take(&mut self.incoming);
        incoming.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(packet) = Packet::first(&incoming[from..]) {
            let whole = &incoming[from..from + packet.length];
            from += packet.length;
            if self.packet_in(&packet, state) {
                self.ready.extend_from_slice(whole);
            }
        }
        incoming.drain(..from);
        self.incoming = incoming;
        self.tell(state);
    }

    /// Gives the device what came; 0 if there is nothing.
    pub(super) fn deliver(&mut self, into: &mut [u8]) -> usize {
        let left = &self.ready[self.taken..];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.taken = 0;
        }
        count
    }

    fn tell(&self, state: &State) {
        let flights = self
            .flights
            .iter()
            .filter(|flight| flight.fate != Fate::Lost);
        state
            .time
            .await_answers(self.questions + flights.count() as u32);
    }

    fn packet_out(&mut self, packet: &Packet<'_>, state: &State) {
        match packet.kind {
            CONNECT | SUBSCRIBE | PINGREQ => self.questions += 1,
            PUBLISH => {
                self.publish(packet, state);
            }
            _ => {}
        }
    }

    fn publish(&mut self, packet: &Packet<'_>, state: &State) -> Option<()> {
        let (topic, rest) = take_text(packet.body)?;
        if packet.flags & 0b110 == 0 {
            return Some(());
        }
        let (id, rest) = rest.split_first_chunk()?;
        let (properties, rest) = varint(rest)?;
        let mut flight = Flight {
            id: u16::from_be_bytes(*id),
            seqs: Vec::new(),
            since: Instant::now(),
            fate: Fate::Arrives,
        };
        let payload = rest.get(properties..)?;
        if matches!(topic::parse(topic), Ok(Topic::Readings { .. })) {
            let again = readings(&mut flight, payload, state);
            let mut traffic = state.traffic.borrow_mut();
            traffic.sent += u64::from(!again);
            traffic.resent += u64::from(again);
            let first = flight.seqs.first().copied().unwrap_or_default();
            if state.loses_ack(first, self.since_us) {
                flight.fate = Fate::GetsLost;
            }
        }
        self.flights.retain(|known| known.id != flight.id);
        self.flights.push(flight);
        Some(())
    }

    /// Whether the device gets it.
    fn packet_in(&mut self, packet: &Packet<'_>, state: &State) -> bool {
        if packet.kind != PUBACK {
            // CONNACK, SUBACK and PINGRESP answer; PUBLISH and DISCONNECT don't.
            let answers = matches!(packet.kind, 2 | 9 | 13);
            self.questions = self.questions.saturating_sub(answers.into());
            state.traffic.borrow_mut().connections += u64::from(packet.kind == 2);
            return true;
        }
        let Some(id) = packet.body.first_chunk() else {
            return true;
        };
        let id = u16::from_be_bytes(*id);
        let Some(at) = self.flights.iter().position(|flight| flight.id == id) else {
            return true;
        };
        let reason = packet.body.get(2).copied().unwrap_or_default();
        let mut ledger = state.ledger.borrow_mut();
        let flight = &mut self.flights[at];
        let mut traffic = state.traffic.borrow_mut();
        if reason >= REFUSED {
            traffic.refused += 1;
        } else {
            // Lost on its way or not: the platform has promised.
            ledger.acknowledged(&flight.seqs);
            traffic.acknowledged += u64::from(!flight.seqs.is_empty());
            traffic.latency.record(flight.since.elapsed());
        }
        if flight.fate == Fate::Arrives {
            self.flights.remove(at);
            return true;
        }
        flight.fate = Fate::Lost;
        false
    }
}

/// Notes the readings of a message; whether all of them had been sent before.
fn readings(flight: &mut Flight, payload: &[u8], state: &State) -> bool {
    let mut ledger = state.ledger.borrow_mut();
    let Ok(decoder) = Decoder::new(payload) else {
        ledger.problem("a device sent a payload that can't be decoded");
        return false;
    };
    let header = *decoder.header();
    let boot = header.numbered.map_or(0, |(boot, _)| boot);
    let mut again = true;
    for sample in decoder {
        let Ok(sample) = sample else {
            ledger.problem("a device sent a reading that can't be decoded");
            return false;
        };
        let seq = sample.seq.unwrap_or_default();
        again &= ledger.sent(boot, seq, &sample, header.base_ms.is_some());
        flight.seqs.push(seq);
    }
    again
}

/// An MQTT control packet.
struct Packet<'a> {
    kind: u8,
    flags: u8,
    body: &'a [u8],
    length: usize,
}

impl<'a> Packet<'a> {
    /// The packet that the bytes begin with, if it is whole.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (length, rest) = varint(rest)?;
        let body = rest.get(..length)?;
        Some(Self {
            kind: first >> 4,
            flags: first & 15,
            body,
            length: bytes.len() - rest.len() + length,
        })
    }
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

fn take_text(body: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = body.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let text = std::str::from_utf8(rest.get(..length)?).ok()?;
    Some((text, &rest[length..]))
}
