//! Cursors of lists: opaque to users, and of no use for another list.

use crate::problem::Problem;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The cursor of the list `list` behind `place`.
pub(crate) fn seal(list: &str, place: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(list.len() + 1 + place.len());
    bytes.extend_from_slice(list.as_bytes());
    bytes.push(b':');
    bytes.extend_from_slice(place);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place in the list `list` that a cursor stands for.
pub(crate) fn open(list: &str, cursor: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| {
            let place = bytes.strip_prefix(list.as_bytes())?.strip_prefix(b":")?;
            Some(place.to_vec())
        })
        .ok_or_else(not_ours)
}

/// The name in the list `list` that a cursor stands for.
pub(crate) fn open_name(list: &str, cursor: &str) -> Result<String, Problem> {
    String::from_utf8(open(list, cursor)?).map_err(|_| not_ours())
}

/// The number in the list `list` that a cursor stands for.
pub(crate) fn open_number<T: std::str::FromStr>(list: &str, cursor: &str) -> Result<T, Problem> {
    open_name(list, cursor)?.parse().map_err(|_| not_ours())
}

pub(crate) fn not_ours() -> Problem {
    Problem::parameter("cursor", "this is not the `next` of a page of this list")
}
