//! A disk that can be full.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A small file system of its own, unmounted when it drops.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of so many MiB; none where the machine does not allow mounting, which fails
    /// the test in CI.
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            assert!(std::env::var_os("CI").is_none(), "CI can mount a tmpfs");
            println!("skipped: this machine does not allow mounting a tmpfs");
        }
        mounted.then_some(Self { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it but for `spare_kib`.
    pub fn fill(&self, spare_kib: u64) {
        let output = Command::new("df")
            .args(["--output=avail", "-k"])
            .arg(self.path())
            .output()
            .expect("df runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let free = text
            .lines()
            .nth(1)
            .and_then(|line| line.trim().parse().ok());
        let free: u64 = free.expect("the free space in KiB");
        let bytes = free.saturating_sub(spare_kib) * 1024;
        match fs::write(self.ballast(), vec![1; bytes as usize]) {
            Ok(()) => {}
            // Others write at the same time and have taken the spare room already.
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            Err(error) => panic!("filling the disk: {error}"),
        }
    }

    /// Takes away what fills it.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
