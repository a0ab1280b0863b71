//! The memory map. The emulated board has 4 MiB of each; the budget of a part that one would
//! buy is enforced here by the linker.

use std::{env, fs, io, path::PathBuf};

const MEMORY: &str = "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 256K
  RAM : ORIGIN = 0x20000000, LENGTH = 64K - 16
}
";

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(folder.join("memory.x"), MEMORY)?;
    // Interrupts are named in src/vectors.rs: cortex-m-rt asks for this file all the same.
    fs::write(folder.join("device.x"), "")?;
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
