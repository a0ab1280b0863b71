//! The memory map. All of it is RAM on the emulated board; a part that one would buy has flash,
//! so a region stands for it, and the linker enforces the budget of both.

use std::{env, fs, io, path::PathBuf};

const MEMORY: &str = r#"MEMORY {
  FLASH : ORIGIN = 0x80000000, LENGTH = 256K
  RAM : ORIGIN = 0x80400000, LENGTH = 64K - 16
}
REGION_ALIAS("REGION_TEXT", FLASH);
REGION_ALIAS("REGION_RODATA", FLASH);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(folder.join("memory.x"), MEMORY)?;
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
