//! Topics, names, units, and the envelope of a log record.

use nhip_wire::{envelope::Envelope, name, topic, unit};

/// What is an envelope is written back as it was; what isn't is read as a topic, and as two
/// units of which one is to become the other.
pub fn withstand(bytes: &[u8]) -> bool {
    if let Ok(envelope) = Envelope::read(bytes) {
        let written: Vec<u8> = [&envelope.header()[..]]
            .into_iter()
            .chain(envelope.parts())
            .flatten()
            .copied()
            .collect();
        assert_eq!(Envelope::read(&written), Ok(envelope));
        return true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let is_topic = topic::parse(text).is_ok();
    let (from, to) = text.split_once(' ').unwrap_or((text, "1"));
    let conversion = unit::Conversion::new(from, to, None);
    if let Ok(conversion) = &conversion {
        assert!(conversion.apply(1.0).is_finite());
    }
    name::is_name(text) | is_topic | conversion.is_ok()
}
