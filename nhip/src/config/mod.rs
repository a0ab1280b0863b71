//! The configuration: every setting with its default, read from all sources at once.

mod bounds;
mod exposure;
mod folder;
mod kind;
mod layers;
mod listeners;
mod mapping;
mod nearest;
pub mod reference;
pub mod secrets;
mod server;
mod setting;
mod settings;

pub use layers::{ConfigError, Layers};
pub use settings::Settings;

use nhip_ingest::mapping::Mapping;
use std::path::Path;

/// A configuration that the platform can start with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// The mapping rules, compiled.
    pub mapping: Mapping,
}

impl Config {
    /// Reads all sources, or says everything that is wrong with any of them.
    pub fn read(layers: Layers) -> Result<Self, Vec<ConfigError>> {
        let (settings, mut errors) = Settings::read(layers);
        let conflicts = bounds::errors(&settings, &errors);
        errors.extend(folder::errors(&settings));
        errors.extend(exposure::errors(&settings));
        errors.extend(listeners::errors(&settings));
        errors.extend(secrets::errors(&settings));
        errors.extend(conflicts);
        match mapping::compile(&settings) {
            Ok(mapping) if errors.is_empty() => return Ok(Self { settings, mapping }),
            Ok(_) => {}
            Err(found) => errors.extend(found),
        }
        Err(errors)
    }
}

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
    // What is not UTF-8 is shown with replacement characters, and refused where it is ours.
    let text = |name: std::ffi::OsString| name.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    layers.add_environment(variables);
    layers
}
