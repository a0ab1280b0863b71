//! What a broker may send, packet by packet.

use super::expected::{Held, Said};
use nhip_broker::codec::{Connack, Packet, Property, Publish, Version, filter_matches};
use std::collections::{HashMap, HashSet, VecDeque};

/// An answer that the client owes.
#[derive(Clone, Copy, Debug)]
pub enum Owed {
    Puback(u16),
    Pubrec(u16),
    Pubcomp(u16),
}

/// What one connection has been sent.
#[derive(Debug, Default)]
pub struct Watch {
    pub let_in: bool,
    resumed: bool,
    /// Nothing may follow.
    over: bool,
    pub owed: VecDeque<Owed>,
    pub messages: usize,
    aliases: HashMap<u16, String>,
    /// Packet ids of what it was sent. A PUBREL of an earlier connection doesn't count against
    /// Receive Maximum (MQTT 5 section 4.9).
    published: HashSet<u16>,
}

impl Watch {
    /// Fails if the broker may not send `packet`, of so many bytes, now.
    pub fn take(&mut self, packet: Packet<'_>, bytes: usize, said: &mut Said) {
        assert!(!self.over, "{packet:?} behind the last packet");
        assert!(bytes <= said.packet_bytes_max, "{packet:?} is too large");
        if let Packet::Connack(connack) = packet {
            return self.connack(connack);
        }
        assert!(self.let_in, "{packet:?} before CONNACK");
        match packet {
            Packet::Publish(publish) => self.publish(&publish, said),
            Packet::Puback(ack) => assert_eq!(said.pubacks.pop_front(), Some(ack.packet_id)),
            Packet::Pubrec(ack) => assert_eq!(said.pubrecs.pop_front(), Some(ack.packet_id)),
            Packet::Pubcomp(ack) => assert_eq!(said.pubcomps.pop_front(), Some(ack.packet_id)),
            Packet::Pubrel(ack) => self.released(ack.packet_id, said),
            Packet::Suback(suback) => {
                let answered = (suback.packet_id, suback.codes.len());
                assert_eq!(said.subacks.pop_front(), Some(answered));
            }
            Packet::Unsuback(unsuback) => {
                let (id, count) = said.unsubacks.pop_front().expect("UNSUBACK of nothing");
                let codes = match said.version {
                    Some(Version::V311) => 0,
                    _ => count,
                };
                assert_eq!((unsuback.packet_id, unsuback.codes.len()), (id, codes));
            }
            Packet::Pingresp => {
                said.pings = said.pings.checked_sub(1).expect("PINGRESP of nothing");
            }
            Packet::Disconnect(_) => {
                assert_eq!(said.version, Some(Version::V5));
                self.over = true;
            }
            other => panic!("{other:?} from a server"),
        }
    }

    fn connack(&mut self, connack: Connack<'_>) {
        assert!(!self.let_in, "CONNACK again");
        self.let_in = connack.code == 0;
        self.resumed = connack.session_present;
        self.over = connack.code != 0;
    }

    fn released(&mut self, id: u16, said: &mut Said) {
        self.owed.push_back(Owed::Pubcomp(id));
        if said.held.get(&id) == Some(&Held::Received) {
            return;
        }
        match said.strays.iter().position(|stray| *stray == id) {
            Some(stray) => drop(said.strays.swap_remove(stray)),
            None => {
                assert!(self.resumed, "PUBREL of nothing: {id}");
                said.held.insert(id, Held::Received);
            }
        }
    }

    fn publish(&mut self, publish: &Publish<'_>, said: &mut Said) {
        self.messages += 1;
        let topic = self.topic(publish, said.alias_max);
        // A session that was resumed may have filters from before.
        let asked = said
            .filters
            .iter()
            .any(|filter| filter_matches(filter, &topic));
        assert!(
            asked || self.resumed,
            "{topic} is for none of {:?}",
            said.filters
        );
        let (held, owed) = match publish.qos {
            0 => return,
            1 => (Held::Once, Owed::Puback(publish.packet_id)),
            _ => (Held::Twice, Owed::Pubrec(publish.packet_id)),
        };
        let before = said.held.insert(publish.packet_id, held);
        assert_eq!(before, None, "packet id {} twice", publish.packet_id);
        self.published.insert(publish.packet_id);
        let open = |id: &&u16| said.held.contains_key(id) && !said.guessed.contains(id);
        let count = self.published.iter().filter(open).count();
        assert!(count <= said.receive_max, "over Receive Maximum");
        self.owed.push_back(owed);
    }

    fn topic(&mut self, publish: &Publish<'_>, alias_max: u16) -> String {
        let alias = publish
            .properties
            .iter()
            .find_map(|property| match property {
                Property::TopicAlias(alias) => Some(alias),
                _ => None,
            });
        let Some(alias) = alias else {
            assert!(!publish.topic.is_empty(), "neither topic nor alias");
            return publish.topic.to_owned();
        };
        assert!((1..=alias_max).contains(&alias), "alias {alias}");
        if !publish.topic.is_empty() {
            self.aliases.insert(alias, publish.topic.to_owned());
        }
        self.aliases
            .get(&alias)
            .expect("an alias of nothing")
            .clone()
    }
}
