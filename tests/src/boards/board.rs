//! One board at one place: its emulator, its flash, its ledger.

use super::{Image, Ledger, World};
use crate::wait;
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What a board ends with when its power was cut in the middle of a write.
const EXIT_POWER_CUT: i32 = 77;

/// How a board is set up.
#[derive(Clone, Debug)]
pub struct Site {
    image: Image,
    device: String,
    folder: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Site {
    /// A new board with erased flash, whose files are in a new folder below the caller's.
    pub fn new(image: Image, device: &str, folder: &Path, world: &World) -> Self {
        let number = std::fs::read_dir(folder).map_or(0, Iterator::count);
        let folder = folder.join(format!("board-{number}"));
        std::fs::create_dir_all(&folder).expect("the caller's folder can be written");
        File::create(folder.join("ledger")).expect("the folder was made above");
        let time = through_the_emulator(world.address());
        Self {
            image,
            device: device.into(),
            folder,
            settings: vec![("speed", world.speed().to_string()), ("time", time)],
        }
    }

    /// Sets what the board is told at its start: `src/settings.rs` of the firmware's `emulator`
    /// has the names.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    /// The device's name.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What has happened to it so far.
    pub fn ledger(&self) -> Ledger {
        Ledger::read(&self.folder.join("ledger"))
    }

    /// Gives it power.
    pub fn power_on(&self, broker: SocketAddr) -> Board {
        self.start(broker, &[])
    }

    /// Gives it power that fails in the middle of the write, or erasure, of the flash's byte of
    /// this number, counted from the start; `noise` chooses the bits that are left half done.
    pub fn power_on_until(&self, broker: SocketAddr, bytes: u32, noise: u32) -> Board {
        self.start(broker, &[("cut", bytes), ("noise", noise)])
    }

    fn start(&self, broker: SocketAddr, more: &[(&str, u32)]) -> Board {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let mut semihosting = String::from("enable=on,target=native,arg=nhip");
        let mut tell = |name: &str, value: &str| semihosting += &format!(",arg={name}={value}");
        tell("device", &self.device);
        tell("broker", &through_the_emulator(broker));
        tell("flash", &path("flash"));
        tell("ledger", &path("ledger"));
        self.settings
            .iter()
            .for_each(|(name, value)| tell(name, value));
        more.iter()
            .for_each(|(name, value)| tell(name, &value.to_string()));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("the folder was made at the beginning");
        let (program, arguments) = self.image.emulator();
        let process = Command::new(program)
            .args(arguments)
            .args(["-semihosting-config", &semihosting])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle of the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program}: {error}; scripts/install-tools installs it")
            });
        Board { process }
    }
}

/// Where the emulator's user network shows this machine's loopback address.
fn through_the_emulator(address: SocketAddr) -> String {
    format!("10.0.2.2:{}", address.port())
}

/// A board that has power.
#[derive(Debug)]
pub struct Board {
    process: Child,
}

/// How a board ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// In the middle of a write, as it was told.
    PowerCut,
    /// By a panic, or since the emulator failed.
    Badly(Option<i32>),
}

impl Board {
    /// Takes its power away, now.
    pub fn cut_power(mut self) {
        self.kill();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        let status = self.process.try_wait().expect("the process is ours")?;
        Some(match status.code() {
            Some(EXIT_POWER_CUT) => Ended::PowerCut,
            code => Ended::Badly(code),
        })
    }

    /// Waits until its power has failed by itself.
    pub fn wait_for_power_cut(mut self) {
        let ended = wait::until("the power cut", || self.ended());
        assert_eq!(ended, Ended::PowerCut, "the board's log has more");
    }

    /// Fails unless it still runs.
    pub fn assert_alive(&mut self) {
        assert_eq!(self.ended(), None, "the board's log has more");
    }

    fn kill(&mut self) {
        // Ended already, perhaps.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.kill();
    }
}
