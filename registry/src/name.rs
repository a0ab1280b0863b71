//! The grammar of names.

use crate::RegistryError;

/// Takes `name` if it is one.
pub(crate) fn check<'a>(what: &'static str, name: &'a str) -> Result<&'a str, RegistryError> {
    match nhip_wire::name::check(name) {
        Ok(()) => Ok(name),
        Err(_) => Err(RegistryError::Name {
            what,
            name: name
                .chars()
                .take(nhip_wire::name::NAME_BYTES_MAX + 1)
                .collect(),
        }),
    }
}
