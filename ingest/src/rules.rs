//! Which topics are ingest's, with the mapping rules of the configuration.

use crate::{
    decode::{DecodeError, Limits, Readings},
    mapping::Mapping,
    shard::Routes,
};

/// The mapping rules in force.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    mapping: Mapping,
}

impl Routes for Rules {
    fn maps(&self, topic: &str) -> bool {
        self.mapping.rule(topic).is_some()
    }
}

impl Rules {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Takes a message under a mapped topic apart.
    pub(crate) fn decode(
        &self,
        topic: &str,
        payload: &[u8],
        limits: &Limits,
        out: &mut Readings,
    ) -> Result<(), DecodeError> {
        match self.mapping.rule(topic) {
            Some(rule) => rule.decode(topic, payload, limits, out),
            None => {
                out.clear();
                Ok(())
            }
        }
    }

    /// The device that a message under a mapped topic is from, if anything names one.
    pub(crate) fn device_of(&self, topic: &str, payload: &[u8], limits: &Limits) -> Option<String> {
        self.mapping.rule(topic)?.device_of(topic, payload, limits)
    }
}
