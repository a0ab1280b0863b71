//! The memory map (RM0090, memory organisation): the program lives in the first of the flash's
//! two banks and leaves the second to the device's queue, so that the processor goes on while a
//! sector of the queue is erased.

use std::{env, fs, io, path::PathBuf};

const MEMORY: &str = "MEMORY {
  FLASH : ORIGIN = 0x08000000, LENGTH = 1024K
  RAM : ORIGIN = 0x20000000, LENGTH = 192K
}
";

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(folder.join("memory.x"), MEMORY)?;
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
