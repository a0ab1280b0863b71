//! The time of day from a time server, one datagram for another.

use crate::host::Host;
use embassy_net::{
    IpEndpoint, Stack,
    udp::{PacketMetadata, UdpSocket},
};
use embassy_time::Instant;
use nhip_node::{
    TimeSource, UnixTime, Unwelcome,
    sntp::{self, PACKET_BYTES, Question},
};

/// A time server.
pub struct Sntp<'d> {
    stack: Stack<'d>,
    host: Host,
    random: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SntpError {
    /// No cable, no radio, or no address yet.
    NoNetwork,
    /// The host's name has no address, or no name server answers.
    UnknownHost,
    /// The answer tells no time.
    NoTime(sntp::SntpError),
}

impl<'d> Sntp<'d> {
    /// A server that is asked through this network. `random` begins the numbers by which answers
    /// are told from forgeries: other ones at each start, which nobody can guess.
    pub fn new(stack: Stack<'d>, host: Host, random: u64) -> Self {
        Self {
            stack,
            host,
            random,
        }
    }

    /// SplitMix64: each number once.
    fn nonce(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

impl TimeSource for Sntp<'_> {
    type Error = SntpError;

    async fn now(&mut self) -> Result<UnixTime, SntpError> {
        if !self.stack.is_config_up() {
            return Err(SntpError::NoNetwork);
        }
        let server = self.host.find(self.stack).await;
        let server = server.ok_or(SntpError::UnknownHost)?;
        let (mut in_meta, mut out_meta) = ([PacketMetadata::EMPTY], [PacketMetadata::EMPTY]);
        let (mut incoming, mut outgoing) = ([0; PACKET_BYTES], [0; PACKET_BYTES]);
        let mut socket = UdpSocket::new(
            self.stack,
            &mut in_meta,
            &mut incoming,
            &mut out_meta,
            &mut outgoing,
        );
        // Port 0: any that is free.
        socket.bind(0).map_err(|_| SntpError::NoNetwork)?;
        let question = Question::new(self.nonce(), Instant::now().as_micros());
        let sent = socket.send_to(&question.bytes(), server).await;
        sent.map_err(|_| SntpError::NoNetwork)?;
        let answer = answer_of(server, &socket).await;
        let came_us = Instant::now().as_micros();
        question.answer(&answer, came_us).map_err(SntpError::NoTime)
    }

    fn unwelcome(error: &SntpError) -> Option<Unwelcome> {
        match error {
            SntpError::NoTime(sntp::SntpError::Rate) => Some(Unwelcome::SoOften),
            SntpError::NoTime(sntp::SntpError::Denied) => Some(Unwelcome::AtAll),
            _ => None,
        }
    }
}

/// Waits for the server's own packet; whatever else comes is passed over.
async fn answer_of(server: IpEndpoint, socket: &UdpSocket<'_>) -> [u8; PACKET_BYTES] {
    let mut answer = [0; PACKET_BYTES];
    loop {
        let received = socket.recv_from(&mut answer).await;
        if received.is_ok_and(|(length, from)| length == PACKET_BYTES && from.endpoint == server) {
            return answer;
        }
    }
}
