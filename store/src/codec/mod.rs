//! Bytes: what the embedded store writes, as `docs/chunk-format.md` says.

pub(crate) mod chunk;
pub(crate) mod column;
pub(crate) mod decimal;
pub(crate) mod frame;
pub(crate) mod page;
pub(crate) mod part;
pub(crate) mod rollup;
pub(crate) mod strip;
pub(crate) mod varint;

#[cfg(test)]
mod tests;
