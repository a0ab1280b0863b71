//! The packets of SNTP (RFC 5905, sections 7.3 and 14): a question and its answer.
//!
//! A board sends [`Question::bytes`] to port 123 by UDP, notes both moments, and gives what comes
//! back to [`Question::answer`].

use crate::platform::UnixTime;
use core::fmt;

/// Bytes of a packet.
pub const PACKET_BYTES: usize = 48;

/// Seconds from 1900 to 1970.
const UNIX_S: i64 = 2_208_988_800;
/// Half of an era of 2^32 s: a time before 1968 is one after 2036.
const ERA_S: i64 = 1 << 32;
const HALF_ERA: i64 = 1 << 31;
/// A longer way there and back says nothing of use about the time, µs.
pub const ROUND_TRIP_MAX_US: u64 = 2_000_000;

/// A server that is further from its source doesn't know the time.
const STRATUM_MAX: u8 = 15;
/// A server that says that it may be wrong by this much doesn't know the time, µs (RFC 5905,
/// MAXDISP).
const DOUBT_MAX_US: u64 = 16_000_000;

/// Leap indicator 0, version 4, mode 3 (client).
const CLIENT: u8 = 4 << 3 | 3;
const SERVER: u8 = 4;
const UNSYNCHRONISED: u8 = 3;

/// A question to a time server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What the answer has to repeat, so that nobody who can't read the question can answer it.
    nonce: u64,
    sent_us: u64,
}

/// Why an answer isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SntpError {
    /// No packet of a time server.
    Malformed,
    /// The answer to another question.
    Stray,
    /// The server doesn't know the time itself.
    Unsynchronised,
    /// A kiss of death: it wants to be asked less often.
    Rate,
    /// A kiss of death: it doesn't want to be asked at all.
    Denied,
    /// It was on the way for too long.
    Slow,
}

impl fmt::Display for SntpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "no packet of a time server",
            Self::Stray => "the answer to another question",
            Self::Unsynchronised => "the time server does not know the time",
            Self::Rate => "the time server wants to be asked less often",
            Self::Denied => "the time server refuses to answer",
            Self::Slow => "the answer was on the way for too long",
        })
    }
}

impl core::error::Error for SntpError {}

impl Question {
    /// A question that is sent at this uptime. The nonce is random.
    pub const fn new(nonce: u64, sent_us: u64) -> Self {
        Self { nonce, sent_us }
    }

    /// The packet to send.
    pub fn bytes(&self) -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = CLIENT;
        packet[40..].copy_from_slice(&self.nonce.to_be_bytes());
        packet
    }

    /// The time at the moment in which this answer came.
    pub fn answer(&self, packet: &[u8], came_us: u64) -> Result<UnixTime, SntpError> {
        let packet: &[u8; PACKET_BYTES] = packet.first_chunk().ok_or(SntpError::Malformed)?;
        if packet[0] & 7 != SERVER {
            return Err(SntpError::Malformed);
        }
        if packet[24..32] != self.nonce.to_be_bytes() {
            return Err(SntpError::Stray);
        }
        match (packet[1], &packet[12..16]) {
            (0, b"RATE") => return Err(SntpError::Rate),
            (0, b"DENY" | b"RSTR") => return Err(SntpError::Denied),
            _ => {}
        }
        // The server's own doubt: half of its way to its source, and what it adds to that.
        let doubt_us = short(packet, 4) / 2 + short(packet, 8);
        let stratum = 1..=STRATUM_MAX;
        if packet[0] >> 6 == UNSYNCHRONISED
            || !stratum.contains(&packet[1])
            || doubt_us >= DOUBT_MAX_US
        {
            return Err(SntpError::Unsynchronised);
        }
        let received = timestamp(packet, 32).ok_or(SntpError::Unsynchronised)?;
        let transmitted = timestamp(packet, 40).ok_or(SntpError::Unsynchronised)?;
        let held_us = u64::try_from(transmitted - received).map_err(|_| SntpError::Malformed)?;
        let away_us = came_us.saturating_sub(self.sent_us).saturating_sub(held_us);
        if away_us > ROUND_TRIP_MAX_US {
            return Err(SntpError::Slow);
        }
        Ok(UnixTime {
            us: transmitted + (away_us / 2) as i64,
            uncertainty_us: u32::try_from(away_us / 2 + doubt_us).unwrap_or(u32::MAX),
        })
    }
}

/// A timestamp of 32 bits of seconds and 32 of fractions, as µs since 1970; none if it is 0.
fn timestamp(packet: &[u8; PACKET_BYTES], at: usize) -> Option<i64> {
    let seconds = u32::from_be_bytes(*packet.get(at..)?.first_chunk()?);
    let fraction = u32::from_be_bytes(*packet.get(at + 4..)?.first_chunk()?);
    if seconds == 0 && fraction == 0 {
        return None;
    }
    let mut since_1900 = i64::from(seconds);
    if since_1900 < HALF_ERA {
        since_1900 += ERA_S;
    }
    let us = (u64::from(fraction) * 1_000_000) >> 32;
    Some((since_1900 - UNIX_S) * 1_000_000 + us as i64)
}

/// A time of 16 bits of seconds and 16 of fractions, µs.
fn short(packet: &[u8; PACKET_BYTES], at: usize) -> u64 {
    let value = packet
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |b| u32::from_be_bytes(*b));
    (u64::from(value) * 1_000_000) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u64 = 0x0123_4567_89ab_cdef;
    /// 2026-11-22T06:00:00Z, s since 1970.
    const NOW_S: i64 = 1_795_327_200;

    fn packet(nonce: u64, received: (i64, u32), transmitted: (i64, u32)) -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = 4 << 3 | SERVER;
        packet[1] = 2;
        packet[4..8].copy_from_slice(&0x0000_0200_u32.to_be_bytes());
        packet[8..12].copy_from_slice(&0x0000_0100_u32.to_be_bytes());
        packet[24..32].copy_from_slice(&nonce.to_be_bytes());
        for (at, (seconds, fraction)) in [(32, received), (40, transmitted)] {
            let seconds = (seconds + UNIX_S) as u32;
            packet[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
            packet[at + 4..at + 8].copy_from_slice(&fraction.to_be_bytes());
        }
        packet
    }

    #[test]
    fn the_time_is_that_of_the_answer_and_half_of_the_way() {
        let question = Question::new(NONCE, 1_000_000);
        assert_eq!(question.bytes()[0], 0x23);
        let packet = packet(NONCE, (NOW_S, 0), (NOW_S, 1 << 31));
        // 600 ms, of which the server held it for 500.
        let time = question.answer(&packet, 1_600_000).unwrap();
        assert_eq!(time.us, NOW_S * 1_000_000 + 500_000 + 50_000);
        // Half of the way, half of 7.8 ms of root delay, 3.9 ms of dispersion.
        assert_eq!(time.uncertainty_us, 50_000 + 3_906 + 3_906);
    }

    #[test]
    fn a_time_of_the_next_era_is_one_after_2036() {
        let later = NOW_S + 12 * 365 * 86_400;
        let packet = packet(NONCE, (later, 0), (later, 0));
        let time = Question::new(NONCE, 0).answer(&packet, 0).unwrap();
        assert_eq!(time.us, later * 1_000_000);
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_refused() {
        let question = Question::new(NONCE, 0);
        let good = packet(NONCE, (NOW_S, 0), (NOW_S, 0));
        assert_eq!(question.answer(&good[..47], 0), Err(SntpError::Malformed));
        assert_eq!(
            question.answer(&question.bytes(), 0),
            Err(SntpError::Malformed)
        );
        let stray = packet(NONCE + 1, (NOW_S, 0), (NOW_S, 0));
        assert_eq!(question.answer(&stray, 0), Err(SntpError::Stray));
        let mut kiss = good;
        kiss[1] = 0;
        assert_eq!(question.answer(&kiss, 0), Err(SntpError::Unsynchronised));
        for (code, error) in [
            (b"RATE", SntpError::Rate),
            (b"DENY", SntpError::Denied),
            (b"RSTR", SntpError::Denied),
        ] {
            kiss[12..16].copy_from_slice(code);
            assert_eq!(question.answer(&kiss, 0), Err(error));
        }
        let mut vague = good;
        vague[9] = 16;
        assert_eq!(question.answer(&vague, 0), Err(SntpError::Unsynchronised));
        let mut unset = good;
        unset[0] |= 3 << 6;
        assert_eq!(question.answer(&unset, 0), Err(SntpError::Unsynchronised));
        assert_eq!(question.answer(&good, 3_000_000), Err(SntpError::Slow));
        let backwards = packet(NONCE, (NOW_S + 1, 0), (NOW_S, 0));
        assert_eq!(question.answer(&backwards, 0), Err(SntpError::Malformed));
    }
}
