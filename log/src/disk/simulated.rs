//! A disk in memory that loses what was not synced, fails when told, and fills up.

use super::{
    Disk, DiskFile,
    image::{Fault, Image, NameChange, State},
};
use parking_lot::Mutex;
use std::{io, sync::Arc};

/// A folder in memory. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

impl SimulatedDisk {
    /// An empty disk; all its chances follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(seed))),
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
