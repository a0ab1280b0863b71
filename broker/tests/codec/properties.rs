//! Generated properties.

use nhip_broker::codec::{Place, Property, PropertyList, Version};
use proptest::{collection::vec, prelude::*};

/// What a property is made of: its identifier, and values of every type.
pub type Listed = (u8, u32, String, Vec<u8>);

/// The identifiers of Authentication Method and Authentication Data.
pub const METHOD: u8 = 0x15;
const DATA: u8 = 0x16;

pub fn properties() -> impl Strategy<Value = Vec<Listed>> {
    vec(
        (
            0..0x2b_u8,
            any::<u32>(),
            "[^\0+#]{1,8}",
            vec(any::<u8>(), 0..8),
        ),
        0..10,
    )
}

fn property<'a>((id, number, text, data): &'a Listed) -> Option<Property<'a>> {
    let (flag, short) = (number & 1 == 1, *number as u16);
    Some(match *id {
        0x01 => Property::PayloadFormat(flag),
        0x02 => Property::MessageExpiry(*number),
        0x03 => Property::ContentType(text),
        0x08 => Property::ResponseTopic(text),
        0x09 => Property::CorrelationData(data),
        0x0b => Property::SubscriptionIdentifier((number & 0x0fff_ffff).max(1)),
        0x11 => Property::SessionExpiry(*number),
        0x12 => Property::AssignedClientId(text),
        0x13 => Property::ServerKeepAlive(short),
        METHOD => Property::AuthenticationMethod(text),
        DATA => Property::AuthenticationData(data),
        0x17 => Property::RequestProblemInformation(flag),
        0x18 => Property::WillDelay(*number),
        0x19 => Property::RequestResponseInformation(flag),
        0x1a => Property::ResponseInformation(text),
        0x1c => Property::ServerReference(text),
        0x1f => Property::ReasonString(text),
        0x21 => Property::ReceiveMaximum(short.max(1)),
        0x22 => Property::TopicAliasMaximum(short),
        0x23 => Property::TopicAlias(short),
        0x24 => Property::MaximumQos(flag),
        0x25 => Property::RetainAvailable(flag),
        0x26 => Property::UserProperty(text, "value"),
        0x27 => Property::MaximumPacketSize((*number).max(1)),
        0x28 => Property::WildcardAvailable(flag),
        0x29 => Property::SubscriptionIdentifiersAvailable(flag),
        0x2a => Property::SharedAvailable(flag),
        _ => return None,
    })
}

/// Those of `given` that may stand in `place`, as often as they may.
pub fn list(given: &[Listed], place: Place, version: Version) -> PropertyList {
    let mut list = PropertyList::default();
    let mut seen = Vec::new();
    for property in given.iter().filter_map(property) {
        let again = seen.contains(&property.id()) && !property.repeats(place);
        let lost = property.id() == DATA && !seen.contains(&METHOD);
        if version == Version::V5 && property.allowed(place) && !again && !lost {
            seen.push(property.id());
            list.push(property);
        }
    }
    list
}
