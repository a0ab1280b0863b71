//! Rules for the two LoRaWAN servers that cities use most.
//!
//! Their frame counters (`fCnt`, `f_cnt`) are not taken as sequence numbers: they begin again
//! with every session and nothing in the message counts sessions, so that (device, boot, seq)
//! would call new readings duplicates. A repeated uplink has the same time and the same
//! values, and is known by them.

use super::{RawField, RawRule};

/// Every ready-made rule by its name in the configuration.
pub fn ready_made(name: &str) -> Option<RawRule> {
    match name {
        "chirpstack-v4" => Some(chirpstack_v4()),
        "the-things-stack-v3" => Some(the_things_stack_v3()),
        _ => None,
    }
}

/// Uplinks of ChirpStack v4's MQTT integration, JSON: `application/+/device/+/event/up`.
///
/// Every number of `object` (the codec's output) becomes a datastream; `rssi` and `snr` are
/// those of the first gateway listed.
pub fn chirpstack_v4() -> RawRule {
    RawRule {
        name: "chirpstack-v4".to_owned(),
        filter: "application/+/device/+/event/up".to_owned(),
        device: "/deviceInfo/devEui".to_owned(),
        time: Some("/time".to_owned()),
        values: Some("/object".to_owned()),
        fields: radio("/rxInfo/0"),
        ..RawRule::default()
    }
}

/// Uplinks of The Things Stack v3's MQTT server: `v3/+/devices/+/up`.
///
/// Every number of `decoded_payload` becomes a datastream; `rssi` and `snr` are those of the
/// first gateway listed. The time is when the network server received the uplink, which is the
/// same in every copy of it.
pub fn the_things_stack_v3() -> RawRule {
    RawRule {
        name: "the-things-stack-v3".to_owned(),
        filter: "v3/+/devices/+/up".to_owned(),
        device: "/end_device_ids/device_id".to_owned(),
        time: Some("/uplink_message/received_at".to_owned()),
        values: Some("/uplink_message/decoded_payload".to_owned()),
        fields: radio("/uplink_message/rx_metadata/0"),
        ..RawRule::default()
    }
}

fn radio(at: &str) -> Vec<RawField> {
    let field = |name: &str, unit: Option<&str>| RawField {
        pointer: format!("{at}/{name}"),
        datastream: name.to_owned(),
        unit: unit.map(str::to_owned),
        scale: None,
    };
    // Older platforms have registered `snr` as a plain number: its own unit is meant.
    vec![field("rssi", Some("dB[mW]")), field("snr", None)]
}
