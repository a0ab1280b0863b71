//! The number of the present boot: one that no earlier boot had, whatever bit has flipped.

use super::{
    pages::Block,
    settings::{Boots, Settings},
};
use embedded_storage_async::nor_flash::NorFlash;

/// More than the boots that a damaged page of settings can hide: one takes 12 bytes, and no flash
/// erases more than 128 KB at once.
const HIDDEN_MAX: u32 = 1 << 16;

/// Makes the present boot's number durable before anything carries it.
///
/// `seen` is the newest boot that the queue knows of. Where settings were damaged, or are gone
/// while there is a queue, newer boots than they say may have been: the numbers go on from far
/// ahead, by a step that is drawn by the entropy.
pub(super) fn count_boot<F: NorFlash>(
    flash: &mut F,
    settings: &mut Settings,
    block: &mut Block,
    seen: Option<Boots>,
    entropy: u32,
) -> Boots {
    let kept = settings.boots(flash, block);
    let newest = kept
        .into_iter()
        .chain(seen)
        .max_by_key(|boots| boots.base.wrapping_add(boots.count));
    // Half of the numbers are left, so that a lifetime of boots doesn't wrap.
    let mut boots = newest.unwrap_or(Boots {
        base: entropy >> 1,
        count: 0,
    });
    let ahead = |base: u32| base.wrapping_add(HIDDEN_MAX).wrapping_add(entropy >> 6);
    boots.count = boots.count.saturating_add(1);
    if settings.is_damaged() || kept.is_none() && seen.is_some() {
        boots.base = ahead(boots.base);
    }
    if settings.set_boots(flash, block, boots).is_ok() {
        return boots;
    }
    // Settings that can't be mended are begun anew. Where even that fails the flash is broken,
    // and the numbers are still new.
    boots.base = ahead(boots.base);
    if settings.clear(flash).is_ok() {
        let _ = settings.set_boots(flash, block, boots);
    }
    boots
}
