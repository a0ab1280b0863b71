//! Names of devices, datastreams, properties and places: `[a-z0-9][a-z0-9_.-]{0,62}`.

use core::fmt;

/// Most bytes that a name has.
pub const NAME_BYTES_MAX: usize = 63;

/// What names match, as a message says it.
pub const GRAMMAR: &str = "[a-z0-9][a-z0-9_.-]{0,62}";

/// What a text lacks to be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It has no characters.
    Empty,
    /// It has more than [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// It begins with `_`, `.` or `-`.
    Beginning,
    /// The byte at this place is none of `a-z 0-9 _ . -`.
    Character {
        /// Its place, from 0 on.
        at: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name is not empty"),
            Self::TooLong => write!(f, "a name has at most {NAME_BYTES_MAX} bytes"),
            Self::Beginning => f.write_str("a name begins with a-z or 0-9"),
            Self::Character { at } => {
                write!(f, "a name has only a-z 0-9 _ . - (byte {at} is another)")
            }
        }
    }
}

impl core::error::Error for NameError {}

/// Whether a text is a name.
pub fn is_name(text: &str) -> bool {
    check(text).is_ok()
}

/// Whether a text is a name, and if not, why.
pub fn check(text: &str) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    let first = *bytes.first().ok_or(NameError::Empty)?;
    if bytes.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if let Some(at) = bytes.iter().position(|&byte| !NAME_BYTE[byte as usize]) {
        return Err(NameError::Character { at });
    }
    if matches!(first, b'_' | b'.' | b'-') {
        return Err(NameError::Beginning);
    }
    Ok(())
}

static NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_grammar_and_nothing_else() {
        for name in [
            "a",
            "0",
            "pm2_5",
            "phuong-ben-thanh",
            "a.b",
            "24e124136d474397",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        assert_eq!(check(""), Err(NameError::Empty));
        assert_eq!(check("-a"), Err(NameError::Beginning));
        assert_eq!(check("Bến"), Err(NameError::Character { at: 0 }));
        assert_eq!(check("a/b"), Err(NameError::Character { at: 1 }));
        assert_eq!(check("a\0"), Err(NameError::Character { at: 1 }));
    }

    #[test]
    fn ends_at_63_bytes() {
        let long = [b'a'; 64];
        let long = core::str::from_utf8(&long).unwrap();
        assert!(is_name(&long[..63]));
        assert_eq!(check(long), Err(NameError::TooLong));
    }
}
