//! What is kept under a key: the boot counter, what was evicted, what commands have set.
//!
//! Records of a key and its value, the newest of each key counts. Where a page is full, the values
//! are copied into the next one, whose header is written last: before it is there, the page before
//! counts (docs/device-flash.md).

use super::{
    page::{Geometry, HEADER_BYTES, Header},
    pages::{Block, Pages},
};
use crate::bytes::{Reader, Writer};
use embedded_storage_async::nor_flash::NorFlash;

/// Most bytes of one value: a record's, less its key.
#[cfg(test)]
pub(crate) const VALUE_BYTES_MAX: usize = super::record::BODY_BYTES_MAX - 1;

/// The keys. Numbers are part of the format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Key {
    Boots = 1,
    Evicted = 2,
    Commanded = 3,
    /// The newest time that was proven, s since 1970.
    Clock = 4,
    /// The ids of commands that are known.
    Ids = 5,
}

impl Key {
    const ALL: [Self; 5] = [
        Self::Boots,
        Self::Evicted,
        Self::Commanded,
        Self::Clock,
        Self::Ids,
    ];
}

/// How often the device has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Boots {
    /// Drawn once, when the flash is blank: two devices of one name, or a device before and
    /// after its flash was erased, don't share boot numbers.
    pub(crate) base: u32,
    /// Starts since then.
    pub(crate) count: u32,
}

/// Readings that went unsent, evicted or damaged, and the page that went last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evicted {
    /// How many, ever.
    pub(crate) total: u64,
    /// The page they were last counted in; if it is still there, its erasure was cut short.
    pub(crate) page: Option<u32>,
    /// Readings below this number were looked through for damage, and it is in the total.
    pub(crate) looked_below: u64,
}

/// Writes a value.
pub(crate) type Write<'w> = &'w dyn Fn(&mut Writer<'_>) -> Option<()>;

/// The settings' pages.
pub(crate) struct Settings {
    pages: Pages,
    /// Whether there is a page at all.
    begun: bool,
    /// Whether something in it can't be read: a newer value may be hidden.
    damaged: bool,
}

/// A value that could not be kept: too long, or the flash failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unkept;

impl Settings {
    /// Settings that aren't mounted yet: nothing is kept.
    pub(crate) const fn new(geometry: Geometry) -> Self {
        Self {
            pages: Pages::new(geometry),
            begun: false,
            damaged: false,
        }
    }

    /// Finds what is kept.
    pub(crate) fn mount<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
    ) -> Result<(), F::Error> {
        if let Some(header) = self.pages.newest(flash)? {
            let whole = self
                .pages
                .find_end(flash, header.number, block, &mut |_| {})?;
            self.begun = true;
            self.damaged = !whole;
            if self.damaged {
                // The next value begins a page, and leaves the damage behind.
                self.pages.write_at = self.pages.geometry.page_bytes;
            }
            self.forget_older(flash)?;
        }
        Ok(())
    }

    /// Whether what was found may be older than what was written last.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Erases what a cut left of the page before, so that it can't come back.
    fn forget_older<F: NorFlash>(&self, flash: &mut F) -> Result<(), F::Error> {
        let newest = self.pages.number;
        for slot in 0..self.pages.geometry.pages {
            if let Some(header) = self.pages.header_in(flash, slot)?
                && header.number != newest
            {
                // If this fails, the slot is erased before it is used again.
                let _ = self.pages.erase(flash, slot);
            }
        }
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn clear<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), F::Error> {
        self.begun = false;
        self.pages = Pages::new(self.pages.geometry.clone());
        (0..self.pages.geometry.pages).try_for_each(|page| self.pages.erase(flash, page))
    }

    pub(crate) fn boots<F: NorFlash>(&self, flash: &mut F, block: &mut Block) -> Option<Boots> {
        let mut from = self.load(flash, block, Key::Boots)?;
        Some(Boots {
            base: u32::from_le_bytes(from.array()?),
            count: u32::try_from(from.varint()?).ok()?,
        })
    }

    pub(crate) fn set_boots<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
        boots: Boots,
    ) -> Result<(), Unkept> {
        self.save(flash, block, Key::Boots, &|to| {
            to.bytes(&boots.base.to_le_bytes())?;
            to.varint(boots.count.into())
        })
    }

    pub(crate) fn evicted<F: NorFlash>(&self, flash: &mut F, block: &mut Block) -> Option<Evicted> {
        let mut from = self.load(flash, block, Key::Evicted)?;
        let total = from.varint()?;
        let page = u32::try_from(from.varint()?).ok()?.checked_sub(1);
        let looked_below = from.varint().unwrap_or_default();
        Some(Evicted {
            total,
            page,
            looked_below,
        })
    }

    pub(crate) fn set_evicted<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
        evicted: Evicted,
    ) -> Result<(), Unkept> {
        self.save(flash, block, Key::Evicted, &|to| {
            to.varint(evicted.total)?;
            to.varint(evicted.page.map_or(0, |page| u64::from(page) + 1))?;
            to.varint(evicted.looked_below)
        })
    }

    /// The value of a key; none if there is none, or it can't be read.
    pub(crate) fn load<'b, F: NorFlash>(
        &self,
        flash: &mut F,
        block: &'b mut Block,
        key: Key,
    ) -> Option<Reader<'b>> {
        let length = self.find(flash, block, key).ok()??;
        block.body(length).get(1..).map(Reader::new)
    }

    /// Replaces the value of a key. Its last byte is below 0x80, so that it never looks erased.
    pub(crate) fn save<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
        key: Key,
        write: Write<'_>,
    ) -> Result<(), Unkept> {
        let length = compose(block, key, write).ok_or(Unkept)?;
        let saved = match self.begun && self.pages.fits(length) {
            true => self.pages.append(flash, length, block),
            false => self.turn(flash, block, key, write),
        };
        saved.map_err(|_| Unkept)
    }

    /// Copies the other values to the next page, writes this one behind them, and then the header
    /// by which the page counts.
    fn turn<F: NorFlash>(
        &mut self,
        flash: &mut F,
        block: &mut Block,
        key: Key,
        write: Write<'_>,
    ) -> Result<(), F::Error> {
        let before = self.begun.then_some(self.pages.number);
        let number = before.map_or(0, |before| before.wrapping_add(1));
        let mut next = self.pages.clone();
        next.erase(flash, number)?;
        next.turn_to(number);
        for other in Key::ALL {
            let length = match other == key {
                true => compose(block, key, write),
                false => self.find(flash, block, other)?,
            };
            if let Some(length) = length {
                next.append(flash, length, block)?;
            }
        }
        let header = Header {
            number,
            ..Header::EMPTY
        };
        next.head(flash, &header)?;
        self.pages = next;
        self.begun = true;
        if let Some(before) = before {
            // So that what it says can't come back should the new page's header be damaged. If
            // this fails, the slot is erased before it is used again.
            let _ = self.pages.erase(flash, before);
        }
        Ok(())
    }

    /// Looks for a key's newest record; its body is in the block then, of this length.
    fn find<F: NorFlash>(
        &self,
        flash: &mut F,
        block: &mut Block,
        key: Key,
    ) -> Result<Option<usize>, F::Error> {
        let page = self.pages.number;
        let mut offset = HEADER_BYTES;
        let mut found = None;
        while self.begun
            && let Some(length) = self.pages.next(flash, page, &mut offset, block)?
        {
            if block.body(length).first() == Some(&(key as u8)) {
                found = Some(offset - self.pages.bytes_of(length));
            }
        }
        match found {
            Some(mut at) => self.pages.next(flash, page, &mut at, block),
            None => Ok(None),
        }
    }
}

/// Puts a record together in the block; its length, none if the value is too long.
fn compose(block: &mut Block, key: Key, write: Write<'_>) -> Option<usize> {
    let mut body = Writer::new(block.body_mut());
    body.byte(key as u8)?;
    write(&mut body)?;
    Some(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::{RamFlash, RamFlashError, page::Owner};

    const PAGE: usize = 512;
    type Flash = RamFlash<{ 2 * PAGE }, PAGE>;

    fn mount(flash: &mut Flash) -> (Settings, Block) {
        let geometry = Geometry::new::<Flash>(Owner::Settings, &(0..2 * PAGE as u32));
        let (mut settings, mut block) = (Settings::new(geometry.unwrap()), Block::new());
        settings.mount(flash, &mut block).unwrap();
        (settings, block)
    }

    fn text(flash: &mut Flash) -> Option<u64> {
        let (settings, mut block) = mount(flash);
        let mut from = settings.load(flash, &mut block, Key::Commanded)?;
        let first = from.varint()?;
        (0..100)
            .all(|_| from.varint() == Some(first))
            .then_some(first)
    }

    fn set_text(flash: &mut Flash, value: u64) -> Result<(), Unkept> {
        let (mut settings, mut block) = mount(flash);
        settings.save(flash, &mut block, Key::Commanded, &|to| {
            (0..101).try_for_each(|_| to.varint(value))
        })
    }

    #[test]
    fn a_value_is_replaced_whole_or_not_at_all_whenever_the_power_is_cut() {
        let boots = Boots { base: 7, count: 9 };
        // Two long values fit into a page: the third begins the next.
        for before in 1..5_u64 {
            for cut in 1..600 {
                let mut flash = Flash::new();
                let (mut settings, mut block) = mount(&mut flash);
                settings.set_boots(&mut flash, &mut block, boots).unwrap();
                for value in 1..=before {
                    set_text(&mut flash, value).unwrap();
                }
                flash.cut_after(cut);
                let saved = set_text(&mut flash, before + 1);
                flash.restore();
                let found = text(&mut flash);
                match saved {
                    Ok(()) => assert_eq!(found, Some(before + 1)),
                    Err(Unkept) => assert!(found == Some(before) || found == Some(before + 1)),
                }
                let (settings, mut block) = mount(&mut flash);
                assert_eq!(settings.boots(&mut flash, &mut block), Some(boots));
                set_text(&mut flash, 100).unwrap();
                assert_eq!(text(&mut flash), Some(100), "{before} {cut}");
            }
        }
    }

    #[test]
    fn a_value_that_is_too_long_changes_nothing() {
        let mut flash = Flash::new();
        set_text(&mut flash, 5).unwrap();
        assert_eq!(set_text(&mut flash, u64::MAX), Err(Unkept));
        assert_eq!(text(&mut flash), Some(5));
    }

    #[test]
    fn what_was_forgotten_stays_so() -> Result<(), RamFlashError> {
        let mut flash = Flash::new();
        set_text(&mut flash, 5).unwrap();
        let (mut settings, _) = mount(&mut flash);
        settings.clear(&mut flash)?;
        assert_eq!(text(&mut flash), None);
        Ok(())
    }
}
