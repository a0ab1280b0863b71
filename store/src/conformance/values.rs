//! Any bytes as a value of the embedded store.

use crate::codec::part::Span;
use crate::codec::{chunk, frame, page, part, rollup::Rollup, strip};
use crate::{Observation, SeriesId};

/// More rows than any chunk has: what claims more only takes memory.
const ROWS_MAX: usize = 1 << 16;

/// Reads `body` as every kind of value, framed as the store frames it: whatever decodes has as
/// many rows as it says. Says whether anything did.
pub fn withstand(body: &[u8]) -> bool {
    let mut framed = frame::open(body.len());
    framed.extend_from_slice(body);
    let value = frame::close(framed);
    let rows = Span::of(&value).map_or(0, |span| span.rows);
    let spans = rows <= ROWS_MAX && withstand_rows(&value, rows);
    spans | withstand_page(&value) | withstand_rollup(&value)
}

fn withstand_rows(value: &[u8], rows: usize) -> bool {
    let mut decoded = Vec::new();
    let mut any = false;
    for decode in [part::decode, chunk::decode] {
        decoded.clear();
        if decode(SeriesId(1), value, &mut decoded).is_ok() {
            assert_eq!(decoded.len(), rows);
            any = true;
        }
    }
    any | values_agree(value, &decoded)
}

/// What charts read of a chunk is what its rows say.
fn values_agree(value: &[u8], of_chunk: &[Observation]) -> bool {
    let (mut parts, mut chunks) = (0, Vec::new());
    let part = part::decode_values(value, |_, _, _| parts += 1).is_ok();
    let chunk = chunk::decode_values(value, |time_us, value, _| chunks.push((time_us, value)));
    if chunk.is_ok() && !of_chunk.is_empty() {
        let rows = of_chunk
            .iter()
            .map(|row| (row.time_us, row.value.to_bits()));
        assert!(rows.eq(chunks.iter().map(|(time, value)| (*time, value.to_bits()))));
    }
    part | chunk.is_ok()
}

fn withstand_page(value: &[u8]) -> bool {
    let Ok(entries) = page::Entries::new(value) else {
        return false;
    };
    let mut rows = Vec::new();
    let mut found = 0;
    for entry in entries {
        let Ok(entry) = entry else { return false };
        found += 1;
        rows.clear();
        // A head's first bytes; what follows them in a later page begins in their context.
        let _ = strip::decode_all(entry.series, entry.strip, &mut rows);
    }
    found > 0
}

fn withstand_rollup(value: &[u8]) -> bool {
    let Ok(rollup) = Rollup::decode(value) else {
        return false;
    };
    assert!(rollup.hours().all(|(hour, _)| hour < 24));
    assert!(Rollup::decode(&rollup.encode()).is_ok());
    true
}
