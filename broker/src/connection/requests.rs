//! Packets of a client, one by one.

use super::scratch::Scratch;
use super::{ClientStream, Connection, End, Turn};
use crate::codec::{DecodeError, Disconnect, Frame, Kind, Packet, Property, Reason, frame};

impl<S: ClientStream> Connection<S> {
    /// Takes whole packets from `bytes`; says how many bytes they were, and whether something
    /// must be done before the next.
    pub(super) fn take_packets(
        &mut self,
        bytes: &[u8],
        scratch: &mut Scratch,
        now_us: u64,
    ) -> (usize, Option<Turn>) {
        let packet_bytes_max = self.core.config.packet_bytes_max;
        let mut taken = 0;
        scratch.verdict.forget();
        loop {
            if self.allowance.lacks_publishes() {
                return (taken, None);
            }
            let left = &bytes[taken..];
            let frame = match frame(left, packet_bytes_max) {
                Ok(Some(frame)) => frame,
                Ok(None) => return (taken, None),
                Err(error) => return (taken, Some(self.decode_failed(error))),
            };
            taken += frame.bytes();
            let body = &left[frame.header_bytes..frame.bytes()];
            let turn = match frame.first >> 4 {
                3 => match self.publish(frame.first, body, scratch, now_us) {
                    // It is judged again when the log has room.
                    Err(Turn::Full) => return (taken - frame.bytes(), Some(Turn::Full)),
                    published => {
                        self.allowance.publish();
                        published.err()
                    }
                },
                _ => self.request(frame, body, scratch).err(),
            };
            if turn.is_some() {
                return (taken, turn);
            }
        }
    }

    fn decode_failed(&self, error: DecodeError) -> Turn {
        tracing::debug!(client = %self.session.client, %error, "closing on a bad packet");
        Turn::End(End::Closed(error.reason()))
    }

    fn request(&mut self, frame: Frame, body: &[u8], scratch: &mut Scratch) -> Result<(), Turn> {
        let kind = Kind::of(frame.first).map_err(|error| self.decode_failed(error))?;
        let protocol_error = Turn::End(End::Closed(Reason::PROTOCOL_ERROR));
        // A second CONNECT (MQTT-3.1.0-2) and what only a server sends end the connection.
        if kind.server_only() || kind == Kind::Connect {
            return Err(protocol_error);
        }
        let packet = Packet::read(self.version, frame, body);
        match packet.map_err(|error| self.decode_failed(error))? {
            Packet::Pingreq => self.out.extend_from_slice(&[0xd0, 0]),
            Packet::Puback(ack) => self.acknowledged(ack.packet_id),
            Packet::Subscribe(_) => return Err(Turn::Subscribe(body.to_vec())),
            Packet::Unsubscribe(_) => return Err(Turn::Unsubscribe(body.to_vec())),
            Packet::Disconnect(disconnect) => return Err(self.goodbye(&disconnect)),
            Packet::Pubrel(ack) => self.released(&ack, &mut scratch.batch),
            Packet::Pubrec(ack) => self.received(&ack, &mut scratch.batch),
            Packet::Pubcomp(ack) => self.completed(&ack, &mut scratch.batch),
            _ => return Err(protocol_error),
        }
        Ok(())
    }

    /// To a later connection of the client the id may mean another message.
    fn acknowledged(&self, packet_id: u16) {
        let mut state = self.session.state.lock();
        if !state.is_served_by(&self.link) {
            return;
        }
        state
            .outbox
            .acknowledged(packet_id, 1, || self.core.now_us());
        state.look_at_groups();
    }

    fn goodbye(&mut self, disconnect: &Disconnect<'_>) -> Turn {
        for property in disconnect.properties.iter() {
            if let Property::SessionExpiry(expiry_s) = property {
                // 0 at CONNECT may not become something else (section 3.14.2.2.2).
                if self.expiry_s == 0 && expiry_s > 0 {
                    return Turn::End(End::Closed(Reason::PROTOCOL_ERROR));
                }
                self.expiry_s = expiry_s.min(self.core.config.session_expiry_max_s);
            }
        }
        let will = disconnect.reason != Reason::SUCCESS;
        Turn::End(End::Goodbye { will })
    }
}
