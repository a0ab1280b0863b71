//! The grammar of names.

use crate::RegistryError;

/// How long a name may be, bytes.
const NAME_BYTES_MAX: usize = 63;

/// Takes `name` if it is `[a-z0-9][a-z0-9_.-]{0,62}`.
pub(crate) fn check<'a>(what: &'static str, name: &'a str) -> Result<&'a str, RegistryError> {
    if is_name(name) {
        return Ok(name);
    }
    Err(RegistryError::Name {
        what,
        name: name.chars().take(NAME_BYTES_MAX + 1).collect(),
    })
}

fn is_name(name: &str) -> bool {
    let (Some(first), true) = (name.bytes().next(), name.len() <= NAME_BYTES_MAX) else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    plain(first)
        && name
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_grammar_takes() {
        for name in ["a", "0", "pm2_5", "tram-phu-an.1", &"x".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "_a",
            "-a",
            ".a",
            "A",
            "é",
            "a b",
            "a/b",
            "a\0",
            &"x".repeat(64),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
