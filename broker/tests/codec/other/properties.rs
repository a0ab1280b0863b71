//! Properties of theirs as ours, and ours as theirs.

use mqtt_protocol_core::mqtt::packet::{self as other, Properties as Others, Property as Other};
use nhip_broker::codec::{Properties, Property, PropertyList};
use other::PayloadFormat;

/// Theirs, as ours.
pub fn ours(list: &[Other]) -> PropertyList {
    let mut ours = PropertyList::default();
    for property in list {
        ours.push(one(property));
    }
    ours
}

fn one(property: &Other) -> Property<'_> {
    match property {
        Other::PayloadFormatIndicator(p) => Property::PayloadFormat(p.val() == 1),
        Other::MessageExpiryInterval(p) => Property::MessageExpiry(p.val()),
        Other::ContentType(p) => Property::ContentType(p.val()),
        Other::ResponseTopic(p) => Property::ResponseTopic(p.val()),
        Other::CorrelationData(p) => Property::CorrelationData(p.val()),
        Other::SubscriptionIdentifier(p) => Property::SubscriptionIdentifier(p.val()),
        Other::SessionExpiryInterval(p) => Property::SessionExpiry(p.val()),
        Other::AssignedClientIdentifier(p) => Property::AssignedClientId(p.val()),
        Other::ServerKeepAlive(p) => Property::ServerKeepAlive(p.val()),
        Other::AuthenticationMethod(p) => Property::AuthenticationMethod(p.val()),
        Other::AuthenticationData(p) => Property::AuthenticationData(p.val()),
        Other::RequestProblemInformation(p) => Property::RequestProblemInformation(p.val() == 1),
        Other::WillDelayInterval(p) => Property::WillDelay(p.val()),
        Other::RequestResponseInformation(p) => Property::RequestResponseInformation(p.val() == 1),
        Other::ResponseInformation(p) => Property::ResponseInformation(p.val()),
        Other::ServerReference(p) => Property::ServerReference(p.val()),
        Other::ReasonString(p) => Property::ReasonString(p.val()),
        Other::ReceiveMaximum(p) => Property::ReceiveMaximum(p.val()),
        Other::TopicAliasMaximum(p) => Property::TopicAliasMaximum(p.val()),
        Other::TopicAlias(p) => Property::TopicAlias(p.val()),
        Other::MaximumQos(p) => Property::MaximumQos(p.val() == 1),
        Other::RetainAvailable(p) => Property::RetainAvailable(p.val() == 1),
        Other::UserProperty(p) => Property::UserProperty(p.key(), p.val()),
        Other::MaximumPacketSize(p) => Property::MaximumPacketSize(p.val()),
        Other::WildcardSubscriptionAvailable(p) => Property::WildcardAvailable(p.val() == 1),
        Other::SubscriptionIdentifierAvailable(p) => {
            Property::SubscriptionIdentifiersAvailable(p.val() == 1)
        }
        Other::SharedSubscriptionAvailable(p) => Property::SharedAvailable(p.val() == 1),
    }
}

/// Ours, as theirs.
pub fn theirs(list: Properties<'_>) -> Others {
    list.iter().map(other_one).collect()
}

/// `$ours(value) => Type` for each property whose value is made with `Type::new`.
macro_rules! made {
    ($property:expr, { $($ours:ident($value:ident $(, $second:ident)?) => $theirs:ident($made:expr)),* $(,)? }) => {
        match $property {
            $(Property::$ours($value $(, $second)?) => other::$theirs::new($made).unwrap().into(),)*
            Property::UserProperty(name, value) => other::UserProperty::new(name, value).unwrap().into(),
        }
    };
}

fn other_one(property: Property<'_>) -> Other {
    made!(property, {
        PayloadFormat(v) => PayloadFormatIndicator(if v { PayloadFormat::String } else { PayloadFormat::Binary }),
        MessageExpiry(v) => MessageExpiryInterval(v),
        ContentType(v) => ContentType(v),
        ResponseTopic(v) => ResponseTopic(v),
        CorrelationData(v) => CorrelationData(v.to_vec()),
        SubscriptionIdentifier(v) => SubscriptionIdentifier(v),
        SessionExpiry(v) => SessionExpiryInterval(v),
        AssignedClientId(v) => AssignedClientIdentifier(v),
        ServerKeepAlive(v) => ServerKeepAlive(v),
        AuthenticationMethod(v) => AuthenticationMethod(v),
        AuthenticationData(v) => AuthenticationData(v.to_vec()),
        RequestProblemInformation(v) => RequestProblemInformation(u8::from(v)),
        WillDelay(v) => WillDelayInterval(v),
        RequestResponseInformation(v) => RequestResponseInformation(u8::from(v)),
        ResponseInformation(v) => ResponseInformation(v),
        ServerReference(v) => ServerReference(v),
        ReasonString(v) => ReasonString(v),
        ReceiveMaximum(v) => ReceiveMaximum(v),
        TopicAliasMaximum(v) => TopicAliasMaximum(v),
        TopicAlias(v) => TopicAlias(v),
        MaximumQos(v) => MaximumQos(u8::from(v)),
        RetainAvailable(v) => RetainAvailable(u8::from(v)),
        MaximumPacketSize(v) => MaximumPacketSize(v),
        WildcardAvailable(v) => WildcardSubscriptionAvailable(u8::from(v)),
        SubscriptionIdentifiersAvailable(v) => SubscriptionIdentifierAvailable(u8::from(v)),
        SharedAvailable(v) => SharedSubscriptionAvailable(u8::from(v)),
    })
}
