//! The packets that a script has its clients say.

use super::script::Script;
use nhip_broker::codec::{
    Ack, Connect, Disconnect, Filters, Packet, Properties, Property, PropertyList, Publish, Reason,
    RetainHandling, Subscribe, SubscribeOptions, Unsubscribe, Version, Will,
};

const TOPICS: [&str; 6] = ["a", "a/b", "b/c/d", "$SYS/x", "a/b/c/d/e/f", "đo"];
const FILTERS: [&str; 10] = [
    "a",
    "a/b",
    "+",
    "a/#",
    "#",
    "$share/g/a",
    "$share/g/#",
    "a/#/b",
    "$SYS/#",
    "b/+/d",
];

impl Script<'_> {
    pub(super) fn connect(&mut self, who: usize, asked: u8) -> (Version, Vec<u8>) {
        let flags = self.byte();
        let version = match asked {
            3 => Version::V311,
            _ => Version::V5,
        };
        // Two clients may have one name.
        let number = if flags & 1 != 0 { who } else { who & 2 };
        let name = format!("f{}-{number}", self.run);
        let list = self.asked(flags);
        let mut delay = PropertyList::default();
        if flags & 32 != 0 {
            delay.push(Property::WillDelay(1));
        }
        let will = Will {
            qos: (flags >> 6).min(2),
            retain: flags & 64 != 0,
            topic: "a",
            payload: b"will",
            properties: of(version, &delay),
        };
        let connect = Connect {
            version,
            clean_start: flags & 128 != 0,
            keep_alive_s: 0,
            client_id: &name,
            will: (flags & 16 != 0).then_some(will),
            username: None,
            password: None,
            properties: of(version, &list),
        };
        (version, written(version, Packet::Connect(connect)))
    }

    /// What a CONNECT asks for.
    fn asked(&mut self, flags: u8) -> PropertyList {
        let mut list = PropertyList::default();
        if flags & 2 != 0 {
            list.push(Property::SessionExpiry(1 + u32::from(flags >> 6)));
        }
        if flags & 4 != 0 {
            list.push(Property::ReceiveMaximum(1 + u16::from(flags >> 5)));
            list.push(Property::TopicAliasMaximum(u16::from(flags >> 6)));
        }
        if flags & 8 != 0 {
            list.push(Property::MaximumPacketSize(30 + u32::from(self.byte())));
            list.push(Property::RequestProblemInformation(true));
        }
        list
    }

    pub(super) fn publish(&mut self, who: usize) -> Vec<u8> {
        let (flags, shape) = (self.byte(), self.byte());
        let version = self.versions[who];
        let mut list = PropertyList::default();
        if shape & 8 != 0 {
            list.push(Property::TopicAlias(u16::from(shape >> 4 & 3)));
        }
        if shape & 64 != 0 {
            list.push(Property::MessageExpiry(u32::from(shape >> 4 & 3)));
            list.push(Property::UserProperty("name", "value"));
        }
        let qos = (flags & 3).min(2);
        let length = match flags >> 5 {
            7 => 3000,
            short => usize::from(short) * 9,
        };
        let payload = vec![b'x'; length];
        let publish = Publish {
            dup: flags & 4 != 0 && qos > 0,
            qos,
            retain: flags & 8 != 0,
            topic: match shape & 128 != 0 && version == Version::V5 {
                true => "",
                false => TOPICS[usize::from(shape & 7) % TOPICS.len()],
            },
            packet_id: if qos > 0 {
                1 + u16::from(shape >> 4 ^ flags >> 4)
            } else {
                0
            },
            properties: of(version, &list),
            payload: &payload,
        };
        written(version, Packet::Publish(publish))
    }

    pub(super) fn subscribe(&mut self, who: usize) -> Vec<u8> {
        let (first, second, options) = (self.byte(), self.byte(), self.byte());
        let version = self.versions[who];
        let qos = (options & 3).min(2);
        let asked = match version {
            Version::V311 => SubscribeOptions {
                qos,
                ..SubscribeOptions::default()
            },
            Version::V5 => SubscribeOptions {
                qos,
                no_local: options & 4 != 0,
                retain_as_published: options & 8 != 0,
                retain_handling: match options >> 4 & 3 {
                    0 | 3 => RetainHandling::Send,
                    1 => RetainHandling::SendIfNew,
                    _ => RetainHandling::Never,
                },
            },
        };
        let names = [first, second].map(|byte| FILTERS[usize::from(byte) % FILTERS.len()]);
        let names = &names[..1 + usize::from(options >> 7)];
        let mut list = PropertyList::default();
        if options & 64 != 0 && version == Version::V5 {
            list.push(Property::SubscriptionIdentifier(1 + u32::from(first)));
        }
        let mut buffer = Vec::new();
        let each = names.iter().map(|name| (*name, asked));
        let subscribe = Subscribe {
            packet_id: 1 + u16::from(second),
            properties: list.list(),
            filters: Filters::of(each, true, version, &mut buffer),
        };
        written(version, Packet::Subscribe(subscribe))
    }

    pub(super) fn unsubscribe(&mut self, who: usize) -> Vec<u8> {
        let version = self.versions[who];
        let first = self.byte();
        let name = FILTERS[usize::from(first) % FILTERS.len()];
        let mut buffer = Vec::new();
        let each = [(name, SubscribeOptions::default())];
        let unsubscribe = Unsubscribe {
            packet_id: 1 + u16::from(first),
            properties: Properties::EMPTY,
            filters: Filters::of(each, false, version, &mut buffer),
        };
        written(version, Packet::Unsubscribe(unsubscribe))
    }

    /// An acknowledgement of anything, owed or not.
    pub(super) fn ack(&mut self, who: usize) -> Vec<u8> {
        let (kind, low) = (self.byte(), self.byte());
        let id = u16::from(low) + 1 + u16::from(kind >> 7) * 32_767;
        let ack = match self.versions[who] {
            Version::V5 if kind & 4 != 0 => Ack::with(id, Reason(0x92)),
            Version::V5 if kind & 8 != 0 => Ack::with(id, Reason(0x80)),
            _ => Ack::success(id),
        };
        let packet = [
            Packet::Puback,
            Packet::Pubrec,
            Packet::Pubrel,
            Packet::Pubcomp,
        ];
        written(self.versions[who], packet[usize::from(kind & 3)](ack))
    }

    pub(super) fn goodbye(&mut self, who: usize) -> Vec<u8> {
        let byte = self.byte();
        let mut list = PropertyList::default();
        if byte & 2 != 0 {
            list.push(Property::SessionExpiry(u32::from(byte >> 6)));
        }
        let version = self.versions[who];
        let disconnect = Disconnect {
            reason: if byte & 1 != 0 {
                Reason::DISCONNECT_WITH_WILL
            } else {
                Reason::SUCCESS
            },
            properties: list.list(),
        };
        written(version, Packet::Disconnect(disconnect))
    }
}

pub fn written(version: Version, packet: Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.write(version, &mut bytes);
    bytes
}

fn of(version: Version, list: &PropertyList) -> Properties<'_> {
    match version {
        Version::V5 => list.list(),
        Version::V311 => Properties::EMPTY,
    }
}
