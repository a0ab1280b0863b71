//! Which readings of a record were not stored.

use super::{Reader, Rejected, Torn, Writer};

/// Offsets in one page of exceptions.
pub(crate) const PAGE_OFFSETS: u64 = 4096;

/// What is missing of a record: those whose bit is set, everything if there are no bits.
pub(crate) type Missing = Rejected;

/// Adds the exception of a record behind those of the records before it; `last` is the offset
/// of the one before, if the page has any.
pub(crate) fn append(page: &mut Vec<u8>, last: Option<u64>, offset: u64, missing: &Missing) {
    let from = last.unwrap_or(offset / PAGE_OFFSETS * PAGE_OFFSETS);
    let mut out = Writer::default();
    out.number(offset - from);
    out.bytes(&missing.0);
    page.extend_from_slice(&out.finish());
}

/// The exceptions of a page whose offsets begin at `first`.
pub(crate) fn find(
    page: &[u8],
    first: u64,
    mut each: impl FnMut(u64, Missing),
) -> Result<(), Torn> {
    let mut from = Reader::new(page, "a page of exceptions");
    let mut offset = first;
    while !from.is_empty() {
        offset = offset
            .checked_add(from.number()?)
            .ok_or_else(|| from.torn())?;
        each(offset, Rejected(from.bytes()?.to_vec()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_back_what_was_added() {
        let first = 3 * PAGE_OFFSETS;
        let mut bits = Missing::default();
        bits.add(11);
        let expected = vec![
            (first, Missing::default()),
            (first + 1, bits),
            (first + 4095, Missing::default()),
        ];
        let mut page = Vec::new();
        let mut last = None;
        for (offset, missing) in &expected {
            append(&mut page, last, *offset, missing);
            last = Some(*offset);
        }
        let mut found = Vec::new();
        find(&page, first, |offset, missing| {
            found.push((offset, missing))
        })
        .unwrap();
        assert_eq!(found, expected);
    }
}
