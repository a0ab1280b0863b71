//! Reading the state of a shard at start.

use super::{Fold, checkpoint::Written, shared::Page};
use crate::{
    latest::Latest,
    state::{self, Entry, Header, PAGE_OFFSETS, Torn, find_exception, keys::Key},
};
use nhip_store::{Store, StoreError};
use std::sync::Arc;
use thiserror::Error;

/// Why a state can't be read.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key}: {torn}")]
    Torn { key: String, torn: Torn },
    #[error("it is the state of {found} shards, and {configured} are configured")]
    Shards { found: u32, configured: u32 },
}

/// Fills `fold` from the shard's state; returns the position.
pub(crate) fn load(
    fold: &mut Fold,
    store: &dyn Store,
    latest: &Latest,
    written: &mut Written,
) -> Result<u64, LoadError> {
    let mut position = 0;
    let mut newest_page = None;
    for pair in store.load_state(fold.shard)? {
        let (key, value) = pair?;
        let torn = |torn| LoadError::Torn {
            key: String::from_utf8_lossy(&key).into_owned(),
            torn,
        };
        match Key::parse(&key) {
            Some(Key::Header) => position = header(fold, &value)?,
            Some(Key::Device(name)) => device(fold, name, &value, latest).map_err(torn)?,
            Some(Key::Letter(number)) => letter(fold, number, &value).map_err(torn)?,
            Some(Key::Payload(_)) => {}
            Some(Key::Exceptions(page)) => {
                written.pages.insert(page);
                newest_page = newest_page.max(Some((page, value)));
            }
            None => return Err(torn(Torn { what: "the key" })),
        }
    }
    if let Some((number, bytes)) = newest_page
        && number == position / PAGE_OFFSETS
    {
        let mut page = Page { bytes, last: None };
        let mut last = None;
        find_exception(&page.bytes, number * PAGE_OFFSETS, |offset, _| {
            last = Some(offset)
        })
        .map_err(|torn| LoadError::Torn {
            key: format!("x{number}"),
            torn,
        })?;
        page.last = last;
        fold.shared.board().exceptions.insert(number, page);
    }
    let mut board = fold.shared.board();
    board.position = position;
    board.reached = position;
    board.show_totals(&fold.totals, 0);
    Ok(position)
}

fn header(fold: &mut Fold, value: &[u8]) -> Result<u64, LoadError> {
    let header = Header::decode(value).map_err(|torn| LoadError::Torn {
        key: "h".to_owned(),
        torn,
    })?;
    if header.shards != fold.config.shards {
        return Err(LoadError::Shards {
            found: header.shards,
            configured: fold.config.shards,
        });
    }
    fold.totals = header.totals;
    Ok(header.position)
}

fn device(fold: &mut Fold, name: &str, value: &[u8], latest: &Latest) -> Result<(), Torn> {
    let device = state::Device::decode(value)?;
    for series in &device.series {
        if let Some(newest) = &series.newest {
            latest.offer(std::slice::from_ref(newest));
        }
    }
    let slot = fold.devices.insert(name.into(), device);
    fold.shared.board().show(slot, fold.devices.get(slot));
    Ok(())
}

fn letter(fold: &mut Fold, number: u64, value: &[u8]) -> Result<(), Torn> {
    let entry = Entry::decode(value)?;
    let mut board = fold.shared.board();
    board.letters_bytes += entry.bytes;
    board.letters.insert(number, Arc::new(entry));
    Ok(())
}
