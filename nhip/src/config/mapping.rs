//! The `[[mapping]]` tables, compiled.

use super::{ConfigError, Settings};
use nhip_ingest::mapping::{self, Mapping, RawRule};

/// The rules of the configuration, then the ready-made ones, or everything that is wrong with
/// any of them.
pub fn compile(settings: &Settings) -> Result<Mapping, Vec<ConfigError>> {
    let mut raw = Vec::new();
    let mut errors = Vec::new();
    for (at, table) in settings.mapping.iter().enumerate() {
        match table.clone().try_into::<RawRule>() {
            Ok(rule) => raw.push(rule),
            Err(error) => errors.push(ConfigError {
                key: format!("mapping[{at}]"),
                given: error.message().trim_end().to_owned(),
                expected: "a rule as docs/payloads.md has it".into(),
            }),
        }
    }
    if settings.ingest_lorawan {
        raw.extend([mapping::chirpstack_v4(), mapping::the_things_stack_v3()]);
    }
    match Mapping::compile(&raw) {
        Ok(mapping) if errors.is_empty() => return Ok(mapping),
        Ok(_) => {}
        Err(found) => errors.extend(found.into_iter().map(|error| ConfigError {
            key: error.key,
            given: format!("{:?}", error.value),
            expected: error.expected,
        })),
    }
    Err(errors)
}
