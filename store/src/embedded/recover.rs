//! What is done once at start: the calendar, and the heads from their pages.

use super::head::NO_PAGE;
use super::keyspaces::{Keyspaces, damaged, refused};
use super::shard::{Shard, Writer};
use super::{EmbeddedStore, keys};
use crate::StoreError;
use crate::codec::frame;
use crate::codec::page::{Entries, Entry};
use crate::codec::varint::{Malformed, Reader};
use crate::period::Calendar;
use nhip_database::Database;
use std::collections::BTreeSet;

/// The calendar that the database was made with, or `offset_min` for a new one.
pub(crate) fn calendar(
    database: &Database,
    keyspaces: &Keyspaces,
    offset_min: i32,
) -> Result<Calendar, StoreError> {
    let stored = keyspaces.meta.get(keys::FORMAT).map_err(refused)?;
    let Some(value) = stored else {
        let mut out = frame::open(4);
        out.extend_from_slice(&offset_min.to_le_bytes());
        let mut batch = database.batch();
        batch.insert(&keyspaces.meta, keys::FORMAT, frame::close(out));
        batch.commit(None).map_err(refused)?;
        return Ok(Calendar::new(offset_min));
    };
    let stored_min = frame::check(&value)
        .and_then(|body| Reader::new(body).array())
        .map(i32::from_le_bytes)
        .map_err(|error| damaged("store.meta", keys::FORMAT, error))?;
    if stored_min != offset_min {
        tracing::warn!(
            stored_min,
            offset_min,
            "the offset from UTC was fixed when the database was made; the setting is not used"
        );
    }
    Ok(Calendar::new(stored_min))
}

impl EmbeddedStore {
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        let mut shards = BTreeSet::new();
        for pair in self.keyspaces.meta.prefix("seq") {
            let (key, value) = pair.into_inner().map_err(refused)?;
            let id = key.get(3..).and_then(|bytes| bytes.first_chunk());
            let checkpoint = value.first_chunk();
            let (Some(id), Some(checkpoint)) = (id, checkpoint) else {
                return Err(damaged("store.meta", &key, Malformed("no number")));
            };
            let id = u32::from_be_bytes(*id);
            self.shard(id)?.writer.lock().checkpoint = u64::from_le_bytes(*checkpoint);
            shards.insert(id);
        }
        for id in shards {
            self.recover_shard(&*self.shard(id)?)?;
        }
        Ok(())
    }

    fn recover_shard(&self, shard: &Shard) -> Result<(), StoreError> {
        let mut writer = shard.writer.lock();
        for pair in self.keyspaces.pages.prefix(shard.id.to_be_bytes()) {
            let (key, value) = pair.into_inner().map_err(refused)?;
            let wrong = |error| damaged("store.pages", &key, error);
            let checkpoint = keys::page_checkpoint(&key)?;
            let base = writer.bases.entry(checkpoint).or_default();
            base.pages += 1;
            base.bytes += value.len() as u64;
            writer.page_bytes += value.len() as u64;
            for entry in Entries::new(&value).map_err(wrong)? {
                restore(shard, &mut writer, checkpoint, entry.map_err(wrong)?).map_err(wrong)?;
            }
        }
        Ok(())
    }
}

fn restore(
    shard: &Shard,
    writer: &mut Writer,
    checkpoint: u64,
    entry: Entry<'_>,
) -> Result<(), Malformed> {
    let series = entry.series;
    let mut stripe = shard.stripes[shard.stripe_of(series)].write();
    let head = stripe.head_or_new(series);
    writer.heads += u64::from(!std::mem::replace(&mut head.counted, true));
    if entry.begins {
        let before = head.base;
        writer.head_bytes -= head.bytes().len() as u64;
        head.empty();
        head.base = if entry.rows > 0 { checkpoint } else { NO_PAGE };
        writer.rebase(series.0, before, (entry.rows > 0).then_some(checkpoint));
    }
    // What goes on from a page that is gone was in parts before that page went.
    if head.base == NO_PAGE {
        return Ok(());
    }
    writer.head_bytes += entry.strip.len() as u64;
    head.restore(series, entry.strip, entry.rows)
}
