//! A disk in memory that loses what was not synced, fails when told, and fills up.

use super::{Disk, DiskFile};
use parking_lot::Mutex;
use std::{collections::BTreeMap, io, sync::Arc};

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

/// A folder in memory. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    files: Vec<Image>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    bytes_max: u64,
    random: u64,
    fault: Option<(u64, Fault)>,
    off: bool,
    operations: u64,
    /// Handles of an earlier process don't work.
    process: u64,
}

#[derive(Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

struct NameChange {
    gone: Option<String>,
    here: Option<(String, usize)>,
}

impl SimulatedDisk {
    /// An empty disk; all its chances follow from `seed`.
    pub fn new(seed: u64) -> Self {
        let state = State {
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
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Lets the operation that changes the disk after `count` others of that kind fail.
    pub fn fail_after(&self, count: u64, fault: Fault) {
        self.state.lock().fault = Some((count, fault));
    }

    /// Takes back a fault that has not come.
    pub fn heal(&self) {
        self.state.lock().fault = None;
    }

    /// Sets the size of the disk.
    pub fn set_bytes_max(&self, bytes_max: u64) {
        self.state.lock().bytes_max = bytes_max;
    }

    /// Operations that changed the disk so far.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// The process ends: its handles stop working, the kernel still has what it wrote.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        state.process += 1;
        state.off = false;
        state.fault = None;
    }

    /// The power is cut and comes back: of what was not synced, any part is there.
    pub fn crash(&self) {
        self.state.lock().crash();
        self.kill();
    }

    /// Changes one bit, on the disk and in memory.
    pub fn flip(&self, name: &str, position: u64, bit: u8) {
        let mut state = self.state.lock();
        let Some(file) = state.names.get(name).copied() else {
            return;
        };
        let image = &mut state.files[file];
        for bytes in [&mut image.live, &mut image.durable] {
            if let Some(byte) = usize::try_from(position)
                .ok()
                .and_then(|at| bytes.get_mut(at))
            {
                *byte ^= 1 << (bit & 7);
            }
        }
    }

    /// Cuts a file short, on the disk and in memory.
    pub fn truncate(&self, name: &str, bytes: usize) {
        let mut state = self.state.lock();
        let Some(file) = state.names.get(name).copied() else {
            return;
        };
        state.files[file].live.truncate(bytes);
        state.files[file].durable.truncate(bytes);
        state.files[file].unsynced.clear();
    }

    fn file(&self, file: usize) -> Arc<dyn DiskFile> {
        let process = self.state.lock().process;
        Arc::new(SimulatedFile {
            disk: self.clone(),
            file,
            process,
        })
    }
}

impl State {
    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }

    /// Counts an operation; says how it fails.
    fn operate(&mut self) -> Option<Fault> {
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

    fn used(&self) -> u64 {
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
    fn write_or_fail(&mut self, file: usize, position: usize, bytes: &[u8]) -> io::Result<()> {
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

    fn sync(&mut self, file: usize) -> io::Result<()> {
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

    fn crash(&mut self) {
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

    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        if let Some(fault) = self.operate() {
            return Err(fault.error());
        }
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        Ok(())
    }
}

impl Fault {
    fn error(self) -> io::Error {
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

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let state = self.state.lock();
        let names = state.names.iter();
        Ok(names
            .map(|(name, file)| (name.clone(), state.files[*file].live.len() as u64))
            .collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = {
            let mut state = self.state.lock();
            let file = state.files.len();
            state.change_name(NameChange {
                gone: None,
                here: Some((name.to_owned(), file)),
            })?;
            state.files.push(Image::default());
            file
        };
        Ok(self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.state.lock().names.get(name).copied();
        file.map(|file| self.file(file))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let Some(file) = state.names.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        state.change_name(NameChange {
            gone: Some(from.to_owned()),
            here: Some((to.to_owned(), file)),
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state.lock().change_name(NameChange {
            gone: Some(name.to_owned()),
            here: None,
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(fault) = state.operate() {
            return Err(fault.error());
        }
        state.unsynced_names.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.bytes_max.saturating_sub(state.used()))
    }

    fn label(&self) -> String {
        "the simulated disk".to_owned()
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
    process: u64,
}

impl SimulatedFile {
    fn with<T>(&self, operate: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state.lock();
        if state.process != self.process {
            return Err(io::Error::other("the process is gone"));
        }
        operate(&mut state)
    }
}

impl DiskFile for SimulatedFile {
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let position = usize::try_from(position).map_err(io::Error::other)?;
        self.with(|state| state.write_or_fail(self.file, position, bytes))
    }

    fn read_at(&self, position: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let position = usize::try_from(position).map_err(io::Error::other)?;
        self.with(|state| {
            let live = &state.files[self.file].live;
            let there = live.get(position..).unwrap_or_default();
            let count = there.len().min(bytes.len());
            bytes[..count].copy_from_slice(&there[..count]);
            Ok(count)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|state| state.sync(self.file))
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.with(|state| {
            let free = state.bytes_max.saturating_sub(state.used());
            let has = state.files[self.file].live.len() as u64;
            if bytes.saturating_sub(has) > free {
                return Err(Fault::NoSpace.error());
            }
            Ok(())
        })
    }

    fn bytes(&self) -> io::Result<u64> {
        self.with(|state| Ok(state.files[self.file].live.len() as u64))
    }
}
