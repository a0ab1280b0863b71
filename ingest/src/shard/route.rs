//! Whose a record is.

use nhip_wire::{Format, topic};

/// The shard of a name: FNV-1a, 64 bits. Part of the state: it never changes.
pub(crate) fn shard_of(name: &str, shards: u32) -> u32 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from(hash % u64::from(shards.max(1))).unwrap_or_default()
}

/// What ingest does with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Readings of a device.
    Readings { device: &'a str, format: Format },
    /// A device says whether it is there.
    Status { device: &'a str },
    /// A mapping rule takes it.
    Mapped,
    /// Not ingest's.
    Nobody,
}

/// Which topics are whose.
pub(crate) trait Routes {
    /// Whether a mapping rule takes the topic.
    fn maps(&self, topic: &str) -> bool;

    /// What ingest does with a topic; why it is refused, if it is neither ingest's nor
    /// anybody else's.
    fn route<'a>(&self, name: &'a str) -> Result<Route<'a>, topic::TopicError<'a>> {
        match topic::parse(name)? {
            topic::Topic::Readings { device, format } => Ok(Route::Readings { device, format }),
            topic::Topic::Status { device } => Ok(Route::Status { device }),
            topic::Topic::Command { .. } | topic::Topic::Live(_) => Ok(Route::Nobody),
            topic::Topic::Foreign if self.maps(name) => Ok(Route::Mapped),
            topic::Topic::Foreign => Ok(Route::Nobody),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_for_ever() {
        assert_eq!(
            shard_of("", u32::MAX),
            0xcbf2_9ce4_8422_2325_u64.rem_euclid(u64::from(u32::MAX)) as u32
        );
        assert_eq!(
            shard_of("foobar", 1000),
            (0x8594_4171_f739_67e8_u64 % 1000) as u32
        );
    }
}
