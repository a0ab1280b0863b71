//! What a simulated disk holds, live and durable, and how it loses and fails.

use std::{collections::BTreeMap, io};

const SECTOR_BYTES: usize = 512;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails: a write is torn; a sync loses what it should have kept, and the next
    /// sync knows nothing of it.
    Io,
    /// The disk is full for this one operation.
    NoSpace,
    /// The power goes: this operation is torn, and none works until [`SimulatedDisk::crash`].
    PowerOff,
}

pub(super) struct State {
    pub(super) files: Vec<Image>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    pub(super) unsynced_names: Vec<NameChange>,
    pub(super) bytes_max: u64,
    pub(super) random: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) off: bool,
    pub(super) operations: u64,
    /// Handles of an earlier process don't work.
    pub(super) process: u64,
}

#[derive(Default)]
pub(super) struct Image {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: Vec<(usize, Vec<u8>)>,
}

pub(super) struct NameChange {
    pub(super) gone: Option<String>,
    pub(super) here: Option<(String, usize)>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            bytes_max: u64::MAX,
            random: seed.wrapping_mul(2).wrapping_add(1),
            fault: None,
            off: false,
            operations: 0,
            process: 0,
        }
    }

    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }

    /// Counts an operation; says how it fails.
    pub(super) fn operate(&mut self) -> Option<Fault> {
        if self.off {
            return Some(Fault::PowerOff);
        }
        self.operations += 1;
        let (left, fault) = self.fault?;
        if left > 0 {
            self.fault = Some((left - 1, fault));
            return None;
        }
        self.fault = None;
        self.off = fault == Fault::PowerOff;
        Some(fault)
    }

    pub(super) fn used(&self) -> u64 {
        let linked = self.names.values();
        linked.map(|file| self.files[*file].live.len() as u64).sum()
    }

    fn write(&mut self, file: usize, position: usize, bytes: &[u8]) {
        let image = &mut self.files[file];
        let end = position + bytes.len();
        if image.live.len() < end {
            image.live.resize(end, 0);
        }
        image.live[position..end].copy_from_slice(bytes);
        image.unsynced.push((position, bytes.to_vec()));
    }

    /// Writes what fits, or what the fault leaves of it.
    pub(super) fn write_or_fail(
        &mut self,
        file: usize,
        position: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        let fault = self.operate();
        let grows = (position + bytes.len()).saturating_sub(self.files[file].live.len()) as u64;
        let free = self.bytes_max.saturating_sub(self.used());
        let fault = fault.or((grows > free).then_some(Fault::NoSpace));
        let Some(fault) = fault else {
            self.write(file, position, bytes);
            return Ok(());
        };
        let lacking = usize::try_from(grows.saturating_sub(free)).unwrap_or(usize::MAX);
        let mut torn = bytes.len().saturating_sub(lacking);
        if torn == bytes.len() {
            torn = usize::try_from(self.chance()).unwrap_or(0) % (bytes.len() + 1);
        }
        self.write(file, position, &bytes[..torn]);
        Err(fault.error())
    }

    pub(super) fn sync(&mut self, file: usize) -> io::Result<()> {
        match self.operate() {
            None => {
                let image = &mut self.files[file];
                image.unsynced.clear();
                image.durable.clone_from(&image.live);
                Ok(())
            }
            Some(fault) => {
                if fault == Fault::Io {
                    self.tear(file);
                }
                Err(fault.error())
            }
        }
    }

    /// Puts any part of what was written and not synced onto the disk, forgets the rest.
    fn tear(&mut self, file: usize) {
        let manner = self.chance() % 4;
        let mut unsynced = std::mem::take(&mut self.files[file].unsynced);
        if manner == 3 {
            unsynced.reverse();
        }
        for (position, bytes) in unsynced {
            let mut at = 0;
            while at < bytes.len() {
                let sector_end = (position + at + 1).next_multiple_of(SECTOR_BYTES);
                let to = (sector_end - position).min(bytes.len());
                let kept = match manner {
                    0 => false,
                    1 => true,
                    _ => self.chance().is_multiple_of(2),
                };
                if kept {
                    let durable = &mut self.files[file].durable;
                    if durable.len() < position + to {
                        durable.resize(position + to, 0);
                    }
                    durable[position + at..position + to].copy_from_slice(&bytes[at..to]);
                }
                at = to;
            }
        }
    }

    pub(super) fn crash(&mut self) {
        for file in 0..self.files.len() {
            self.tear(file);
            let image = &mut self.files[file];
            image.live.clone_from(&image.durable);
        }
        for change in std::mem::take(&mut self.unsynced_names) {
            if self.chance().is_multiple_of(2) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
    }

    pub(super) fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        if let Some(fault) = self.operate() {
            return Err(fault.error());
        }
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        Ok(())
    }
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Io => io::Error::other("the disk failed"),
            Self::NoSpace => io::ErrorKind::StorageFull.into(),
            Self::PowerOff => io::Error::other("the power is off"),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        if let Some((name, file)) = &self.here {
            // A name that went astray in a crash can't be moved from.
            if let Some(gone) = &self.gone
                && names.get(gone) == Some(file)
            {
                names.remove(gone);
            }
            names.insert(name.clone(), *file);
        } else if let Some(gone) = &self.gone {
            names.remove(gone);
        }
    }
}
