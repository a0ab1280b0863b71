//! Makes sure that there is a page to embed: without one that was built, a line that says how.

use std::{fs, path::Path};

const UNBUILT: &str = "<!doctype html><title>Nhịp</title><p>The page is not built into this \
binary. Build it with <code>make build</code>; the API is at <a href=\"/docs\">/docs</a>.";

fn main() -> std::io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/web/dist");
    if !dist.join("index.html").exists() {
        fs::create_dir_all(&dist)?;
        fs::write(dist.join("index.html"), UNBUILT)?;
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    Ok(())
}
