//! Which commands are known: they are answered again, and not carried out again.

use super::{IDS_MAX, request::Outcome};
use crate::bytes::{Reader, Writer};
use heapless::Deque;

/// Commands that a device carries out. Their order is part of what is in flash.
const COMMANDS: [&str; 4] = ["period", "threshold", "identify", "reboot"];

/// An id: FNV-1a, 64 bits. That two ids of the dozen that a device knows share it takes as many
/// commands as there are milliseconds in ten million years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u64);

impl Id {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

/// One value in flash.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// The newest that were carried out.
    done: Deque<Id, IDS_MAX>,
    /// Of each command the newest that came retained, carried out or not. The broker keeps one for
    /// each and sends it at each start, however many others came in between.
    retained: [Option<(Id, Outcome)>; COMMANDS.len()],
}

impl Ids {
    /// What came of the command of this id.
    pub(super) fn outcome(&self, id: Id) -> Option<Outcome> {
        if self.done.iter().any(|known| *known == id) {
            return Some(Outcome::Done);
        }
        let mut retained = self.retained.iter().flatten();
        retained
            .find(|(known, _)| *known == id)
            .map(|(_, outcome)| *outcome)
    }

    /// Notes what came of a command; whether anything is to be kept.
    pub(super) fn note(&mut self, command: &str, id: Id, outcome: Outcome, retained: bool) -> bool {
        let mut changed = false;
        if outcome == Outcome::Done && !self.done.iter().any(|known| *known == id) {
            if self.done.is_full() {
                self.done.pop_front();
            }
            // There is room: the oldest has just gone.
            let _ = self.done.push_back(id);
            changed = true;
        }
        let slot = COMMANDS.iter().position(|known| *known == command);
        if let Some(slot) = slot.and_then(|slot| self.retained.get_mut(slot))
            && retained
            && *slot != Some((id, outcome))
        {
            *slot = Some((id, outcome));
            changed = true;
        }
        changed
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) -> Option<()> {
        for slot in &self.retained {
            let (id, outcome) = slot.unwrap_or((Id(0), Outcome::Malformed));
            to.bytes(&id.0.to_le_bytes())?;
            to.byte(outcome as u8)?;
        }
        for id in &self.done {
            to.bytes(&id.0.to_le_bytes())?;
        }
        // The last byte of a value is below 0x80.
        to.byte(0)
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut ids = Self::default();
        for slot in &mut ids.retained {
            let id = Id(u64::from_le_bytes(from.array()?));
            let outcome = *Outcome::ALL.get(usize::from(from.byte()?))?;
            // Without a readable id nothing is noted: so none came.
            *slot = (outcome != Outcome::Malformed).then_some((id, outcome));
        }
        while let Some(id) = from.array() {
            ids.done.push_back(Id(u64::from_le_bytes(id))).ok()?;
        }
        Some(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_comes_back_from_flash() {
        let mut ids = Ids::default();
        for n in 0..=IDS_MAX {
            assert!(ids.note("period", Id::of(&format!("op-{n}")), Outcome::Done, false));
        }
        assert!(ids.note("period", Id::of("kept"), Outcome::Period, true));
        assert!(!ids.note("reboot", Id::of("no"), Outcome::Full, false));
        let mut bytes = [0; 250];
        let mut writer = Writer::new(&mut bytes);
        ids.write(&mut writer).unwrap();
        let length = writer.len();
        let read = Ids::read(&mut Reader::new(&bytes[..length])).unwrap();
        assert_eq!(
            read.outcome(Id::of("op-0")),
            None,
            "the oldest is forgotten"
        );
        for n in 1..=IDS_MAX {
            let known = read.outcome(Id::of(&format!("op-{n}")));
            assert_eq!(known, Some(Outcome::Done));
        }
        assert_eq!(read.outcome(Id::of("kept")), Some(Outcome::Period));
        assert_eq!(read.outcome(Id::of("no")), None);
    }

    #[test]
    fn the_newest_retained_one_of_each_command_is_known_whatever_else_came() {
        let mut ids = Ids::default();
        ids.note("threshold", Id::of("a"), Outcome::Done, true);
        ids.note("threshold", Id::of("b"), Outcome::Done, true);
        ids.note("reboot", Id::of("c"), Outcome::Done, true);
        for n in 0..100 {
            ids.note("identify", Id::of(&n.to_string()), Outcome::Done, false);
        }
        assert_eq!(ids.outcome(Id::of("a")), None);
        assert_eq!(ids.outcome(Id::of("b")), Some(Outcome::Done));
        assert_eq!(ids.outcome(Id::of("c")), Some(Outcome::Done));
    }

    #[test]
    fn ids_that_share_a_hash_of_32_bits_are_two() {
        assert_ne!(Id::of("costarring"), Id::of("liquid"));
    }

    #[test]
    fn the_longest_value_fits_into_flash() {
        let mut bytes = [0; crate::flash::VALUE_BYTES_MAX];
        let mut ids = Ids::default();
        for (n, command) in COMMANDS.iter().cycle().take(2 * IDS_MAX).enumerate() {
            ids.note(command, Id::of(&n.to_string()), Outcome::Done, true);
        }
        assert!(ids.write(&mut Writer::new(&mut bytes)).is_some());
    }
}
