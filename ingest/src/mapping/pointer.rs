//! JSON pointers (RFC 6901), followed through a payload without a tree.

use crate::decode::{DecodeError, Limits, json::Scanner};

/// A compiled pointer: its tokens, unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    tokens: Vec<String>,
}

impl Pointer {
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err("a JSON pointer begins with /, for example /object/temperature");
        }
        let tokens = text.split('/').skip(1).map(|token| {
            let mut rest = token;
            while let Some(at) = rest.find('~') {
                if !matches!(rest.as_bytes().get(at + 1), Some(b'0' | b'1')) {
                    return Err("in a JSON pointer ~ is written ~0 and / is written ~1");
                }
                rest = &rest[at + 2..];
            }
            Ok(token.replace("~1", "/").replace("~0", "~"))
        });
        Ok(Self {
            tokens: tokens.collect::<Result<_, _>>()?,
        })
    }

    /// The place of what it points to, or none. A member that stands twice is an error: which
    /// is meant can't be known.
    pub(super) fn follow<'a>(
        &self,
        payload: &'a [u8],
        limits: &Limits,
    ) -> Result<Option<Scanner<'a>>, DecodeError> {
        let mut here = Scanner::new(payload, limits.depth_max)?;
        here.peek();
        for token in &self.tokens {
            match step(&mut here, token)? {
                Some(next) => here = next,
                None => return Ok(None),
            }
        }
        here.peek();
        Ok(Some(here))
    }
}

fn step<'a>(here: &mut Scanner<'a>, token: &str) -> Result<Option<Scanner<'a>>, DecodeError> {
    let mut found = None;
    match here.peek() {
        Some(b'{') => here.members(|scanner, key| {
            if key.unescaped() == token {
                if found.is_some() {
                    return Err(scanner.error(format!("{token:?} stands twice in one object")));
                }
                found = Some(scanner.clone());
            }
            scanner.skip()
        })?,
        Some(b'[') => {
            let wanted = index(token);
            let mut at = 0;
            here.elements(|scanner| {
                if wanted == Some(at) {
                    found = Some(scanner.clone());
                }
                at += 1;
                scanner.skip()
            })?;
        }
        _ => {}
    }
    Ok(found)
}

/// An array index: no sign, no zero in front (RFC 6901 §4).
fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit());
    let zero_led = token.len() > 1 && token.starts_with('0');
    if plain && !zero_led {
        token.parse().ok()
    } else {
        None
    }
}
