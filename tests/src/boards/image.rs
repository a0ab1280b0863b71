//! The images that boards run.

use std::path::{Path, PathBuf};

/// A board that QEMU emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Cortex-M3 with LAN9118 Ethernet.
    CortexM3,
    /// RV32IMC with virtio-net.
    Riscv32,
}

/// An image that was built for a board.
#[derive(Clone, Debug)]
pub struct Image {
    model: Model,
    path: PathBuf,
}

impl Image {
    /// The image that `scripts/build-boards` has built.
    ///
    /// # Panics
    ///
    /// When it isn't there.
    pub fn of(model: Model) -> Self {
        Self::found(model).unwrap_or_else(|| {
            panic!("the image of {model:?} isn't there: run scripts/build-boards")
        })
    }

    /// The same, if it is there.
    pub fn found(model: Model) -> Option<Self> {
        let firmware = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware");
        let (target, name) = match model {
            Model::CortexM3 => ("thumbv7m-none-eabi", "nhip-mps2-an385"),
            Model::Riscv32 => ("riscv32imc-unknown-none-elf", "nhip-riscv-virt"),
        };
        let path = firmware
            .join("target")
            .join(target)
            .join("release")
            .join(name);
        path.exists().then_some(Self { model, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The emulator and what it must be told of the machine, without the program's arguments.
    pub(super) fn emulator(&self) -> (&'static str, Vec<String>) {
        let image = self.path.display().to_string();
        let words: &[&str] = match self.model {
            Model::CortexM3 => &["-M", "mps2-an385", "-nic", "user,model=lan9118"],
            Model::Riscv32 => &[
                "-M",
                "virt",
                "-cpu",
                "rv32",
                "-m",
                "8M",
                "-bios",
                "none",
                "-global",
                "virtio-mmio.force-legacy=false",
                "-netdev",
                "user,id=n0",
                "-device",
                "virtio-net-device,netdev=n0",
            ],
        };
        let program = match self.model {
            Model::CortexM3 => "qemu-system-arm",
            Model::Riscv32 => "qemu-system-riscv32",
        };
        let mut arguments: Vec<String> = words.iter().map(|word| (*word).into()).collect();
        arguments.extend(["-nographic", "-monitor", "none", "-serial", "none"].map(Into::into));
        arguments.extend(["-kernel".into(), image]);
        (program, arguments)
    }
}
