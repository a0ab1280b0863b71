//! Written and read back.

use crate::packets::ingredients;
use nhip_broker::codec::{DecodeError, Packet, frame};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_packet_is_read_back_as_it_was_written(made in ingredients()) {
        made.make(|packet| {
            let mut bytes = Vec::new();
            packet.write(made.version(), &mut bytes);
            let found = frame(&bytes, usize::MAX).unwrap().unwrap();
            prop_assert_eq!(found.bytes(), bytes.len());
            let read = Packet::read(made.version(), found, &bytes[found.header_bytes..]);
            prop_assert_eq!(read, Ok(packet));
            Ok(())
        })?;
    }

    #[test]
    fn a_packet_that_is_not_whole_is_waited_for(made in ingredients()) {
        made.make(|packet| {
            let mut bytes = Vec::new();
            packet.write(made.version(), &mut bytes);
            for end in 0..bytes.len() {
                prop_assert_eq!(frame(&bytes[..end], usize::MAX), Ok(None));
            }
            let too_small = frame(&bytes, bytes.len() - 1);
            let refused = matches!(too_small, Err(DecodeError::TooLarge { .. }));
            prop_assert!(refused);
            Ok(())
        })?;
    }
}
