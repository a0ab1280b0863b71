//! The configuration: every setting with its default, read from all sources at once.

mod kind;
mod layers;
pub mod reference;
mod settings;

pub use layers::{ConfigError, Layers};
pub use settings::Settings;

use std::path::Path;

/// The file that is read when none is named and it is there.
pub const DEFAULT_FILE: &str = "nhip.toml";

/// Reads the file and the environment; flags are added by the caller.
///
/// A file that was named must be there; the default one need not.
pub fn sources(file: Option<&Path>) -> Layers {
    let mut layers = Layers::default();
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => layers.add_file(&path.display().to_string(), &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {}
        Err(error) => layers.refuse(ConfigError {
            key: "--config".into(),
            given: format!("{}: {error}", path.display()),
            expected: "a file that can be read".into(),
        }),
    }
    layers.add_environment(std::env::vars());
    layers
}
