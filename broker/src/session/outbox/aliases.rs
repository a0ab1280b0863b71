//! Topics that a client knows by a number (MQTT 5, section 3.3.2.3.4).

use std::collections::HashMap;

/// Bytes that an alias takes in a packet: a topic that isn't longer gains nothing.
const ALIAS_BYTES: usize = 3;

/// The aliases of one connection. The first topics that are sent get one and keep it.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    most: u16,
    known: HashMap<Box<str>, u16>,
}

impl Aliases {
    /// At most as many as the client allows: 0 for none.
    pub(crate) fn new(most: u16) -> Self {
        Self {
            most,
            known: HashMap::new(),
        }
    }

    /// The alias for `topic`, if it has one or can have one, and whether the client knows it.
    pub(crate) fn find(&self, topic: &str) -> Option<(u16, bool)> {
        if self.most == 0 || topic.len() <= ALIAS_BYTES {
            return None;
        }
        if let Some(alias) = self.known.get(topic) {
            return Some((*alias, true));
        }
        let next = u16::try_from(self.known.len() + 1).ok()?;
        (next <= self.most).then_some((next, false))
    }

    /// The client has been told.
    pub(crate) fn learn(&mut self, topic: &str, alias: u16) {
        self.known.insert(topic.into(), alias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_topics_get_the_numbers_that_there_are() {
        let mut aliases = Aliases::new(2);
        for (topic, alias) in [("topic/1", 1), ("topic/2", 2)] {
            assert_eq!(aliases.find(topic), Some((alias, false)));
            aliases.learn(topic, alias);
            assert_eq!(aliases.find(topic), Some((alias, true)));
        }
        assert_eq!(aliases.find("topic/3"), None);
        assert_eq!(aliases.find("t/1"), None, "it is as short as an alias");
        assert_eq!(Aliases::new(0).find("topic/1"), None);
    }
}
