//! What happens to a session that outlives its connection, as the log keeps it
//! (`docs/sessions.md`).

use super::fields::{Fields, put_bytes};
use super::place::{KeptWill, Place, put_will, read_will};
use crate::codec::{SubscribeOptions, Version};
use crate::session::whole_ms;
use nhip_log::Batch;
use nhip_wire::envelope::{Envelope, Kind};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Opened {
        expiry_s: u32,
        will: Option<KeptWill>,
    },
    Resumed {
        expiry_s: u32,
        will: Option<KeptWill>,
    },
    Subscribed {
        /// `u64::MAX` for the event's own offset.
        since: u64,
        options: SubscribeOptions,
        identifier: Option<u32>,
        filter: &'a str,
    },
    Unsubscribed {
        filter: &'a str,
    },
    Held(u16),
    Released(u16),
    Received {
        offset: u64,
        cursor: u64,
    },
    Completed {
        offset: u64,
    },
    Left {
        generation: u64,
        at_us: u64,
        expiry_s: u32,
        /// Seconds until the will is due; none if there is no will to wait for.
        will_due_s: Option<u32>,
        /// None if nobody knows, since the process died.
        place: Option<Place>,
    },
    Ended {
        generation: u64,
    },
    WillPublished {
        generation: u64,
    },
    /// A retained message for a new subscription, which stands in the log for its client.
    Given {
        qos: u8,
        identifier: Option<u32>,
        /// Its envelope.
        record: &'a [u8],
    },
}

impl<'a> Event<'a> {
    /// Adds the event to `batch` as a record about the session of `client`.
    pub(crate) fn push(&self, batch: &mut Batch, client: &str, now_us: i64) {
        let mut payload = Vec::with_capacity(32);
        self.write(&mut payload);
        let envelope = Envelope {
            kind: Kind::Session,
            retain: false,
            qos: 0,
            v5: false,
            received_us: whole_ms(now_us),
            origin: 0,
            client,
            topic: "",
            properties: &[],
            payload: &payload,
        };
        let header = envelope.header();
        batch.push(&[&header, client.as_bytes(), &payload]);
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened { expiry_s, will } => put_entry(out, 1, *expiry_s, will.as_ref()),
            Self::Resumed { expiry_s, will } => put_entry(out, 2, *expiry_s, will.as_ref()),
            Self::Subscribed {
                since,
                options,
                identifier,
                filter,
            } => {
                out.push(3);
                out.extend_from_slice(&since.to_le_bytes());
                out.push(options.byte());
                out.extend_from_slice(&identifier.unwrap_or(0).to_le_bytes());
                put_bytes(out, filter.as_bytes());
            }
            Self::Unsubscribed { filter } => {
                out.push(4);
                put_bytes(out, filter.as_bytes());
            }
            Self::Held(id) => put_numbers(out, 5, &id.to_le_bytes(), &[]),
            Self::Released(id) => put_numbers(out, 6, &id.to_le_bytes(), &[]),
            Self::Received { offset, cursor } => put_numbers(out, 7, &[], &[*offset, *cursor]),
            Self::Completed { offset } => put_numbers(out, 8, &[], &[*offset]),
            Self::Left {
                generation,
                at_us,
                expiry_s,
                will_due_s,
                place,
            } => {
                put_numbers(out, 9, &[], &[*generation, *at_us]);
                out.extend_from_slice(&expiry_s.to_le_bytes());
                out.extend_from_slice(&will_due_s.unwrap_or(u32::MAX).to_le_bytes());
                if let Some(place) = place {
                    place.write(out);
                }
            }
            Self::Ended { generation } => put_numbers(out, 10, &[], &[*generation]),
            Self::WillPublished { generation } => put_numbers(out, 11, &[], &[*generation]),
            Self::Given {
                qos,
                identifier,
                record,
            } => {
                out.extend_from_slice(&[12, *qos]);
                out.extend_from_slice(&identifier.unwrap_or(0).to_le_bytes());
                put_bytes(out, record);
            }
        }
    }

    /// Reads the payload of an event's envelope; `None` for bytes of a later version.
    pub(crate) fn read(payload: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        Some(match fields.u8()? {
            1 => Self::Opened {
                expiry_s: fields.u32()?,
                will: read_will(&mut fields)?,
            },
            2 => Self::Resumed {
                expiry_s: fields.u32()?,
                will: read_will(&mut fields)?,
            },
            3 => Self::Subscribed {
                since: fields.u64()?,
                options: SubscribeOptions::read(fields.u8()?, Version::V5).ok()?,
                identifier: Some(fields.u32()?).filter(|identifier| *identifier > 0),
                filter: fields.text()?,
            },
            4 => Self::Unsubscribed {
                filter: fields.text()?,
            },
            5 => Self::Held(fields.u16()?),
            6 => Self::Released(fields.u16()?),
            7 => Self::Received {
                offset: fields.u64()?,
                cursor: fields.u64()?,
            },
            8 => Self::Completed {
                offset: fields.u64()?,
            },
            9 => Self::Left {
                generation: fields.u64()?,
                at_us: fields.u64()?,
                expiry_s: fields.u32()?,
                will_due_s: Some(fields.u32()?).filter(|due_s| *due_s < u32::MAX),
                place: Place::read(&mut fields),
            },
            10 => Self::Ended {
                generation: fields.u64()?,
            },
            11 => Self::WillPublished {
                generation: fields.u64()?,
            },
            12 => Self::Given {
                qos: fields.u8()?.min(2),
                identifier: Some(fields.u32()?).filter(|identifier| *identifier > 0),
                record: fields.bytes()?,
            },
            _ => return None,
        })
    }
}

fn put_entry(out: &mut Vec<u8>, kind: u8, expiry_s: u32, will: Option<&KeptWill>) {
    out.push(kind);
    out.extend_from_slice(&expiry_s.to_le_bytes());
    put_will(out, will);
}

fn put_numbers(out: &mut Vec<u8>, kind: u8, first: &[u8], rest: &[u64]) {
    out.push(kind);
    out.extend_from_slice(first);
    for number in rest {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            cursor: 3,
            sent_end: 9,
            finished: vec![5, 7],
            completing: vec![5],
        }
    }

    fn each() -> Vec<Event<'static>> {
        let will = KeptWill {
            delay_s: 4,
            record: b"envelope"[..].into(),
        };
        vec![
            Event::Opened {
                expiry_s: 60,
                will: None,
            },
            Event::Resumed {
                expiry_s: 60,
                will: Some(will),
            },
            Event::Subscribed {
                since: u64::MAX,
                options: SubscribeOptions {
                    qos: 2,
                    no_local: true,
                    ..SubscribeOptions::default()
                },
                identifier: Some(7),
                filter: "đo/+",
            },
            Event::Unsubscribed { filter: "a" },
            Event::Held(1),
            Event::Released(u16::MAX),
            Event::Received {
                offset: 9,
                cursor: 3,
            },
            Event::Completed { offset: 9 },
            Event::Left {
                generation: 1,
                at_us: 2,
                expiry_s: 3,
                will_due_s: Some(0),
                place: Some(place()),
            },
            Event::Left {
                generation: 1,
                at_us: 2,
                expiry_s: 3,
                will_due_s: None,
                place: None,
            },
            Event::Ended { generation: 1 },
            Event::WillPublished { generation: 1 },
            Event::Given {
                qos: 2,
                identifier: Some(5),
                record: b"envelope",
            },
        ]
    }

    #[test]
    fn every_event_is_read_as_it_was_written() {
        for event in each() {
            let mut payload = Vec::new();
            event.write(&mut payload);
            assert_eq!(Event::read(&payload), Some(event));
        }
    }

    #[test]
    fn bytes_that_are_cut_are_no_event() {
        for event in each() {
            let mut payload = Vec::new();
            event.write(&mut payload);
            let cut = Event::read(&payload[..payload.len() - 1]);
            assert!(cut != Some(event), "{cut:?}");
        }
    }
}
