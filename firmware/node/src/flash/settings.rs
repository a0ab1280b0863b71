//! What is kept under a key: the boot counter, what was evicted, what commands have set.
//!
//! `sequential-storage`'s map: a value is replaced whole or not at all, whenever power fails.

use super::bytes::{Reader, Writer};
use core::ops::Range;
use embassy_futures::block_on;
use embedded_storage_async::nor_flash::NorFlash;
use sequential_storage::{
    Error,
    cache::Cache,
    map::{MapConfig, MapStorage},
};

/// Most bytes of one value.
pub(crate) const VALUE_BYTES_MAX: usize = 256;
const BUFFER_BYTES: usize = VALUE_BYTES_MAX + 32;

/// The keys. Numbers are part of the format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Key {
    Boots = 1,
    Evicted = 2,
    Commanded = 3,
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

/// Readings that had to go unsent, and the page that went last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evicted {
    /// How many, ever.
    pub(crate) total: u64,
    /// The page they were last counted in; if it is still there, its erasure was cut short.
    pub(crate) page: Option<u32>,
}

/// The settings' place in flash.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    range: Range<u32>,
}

#[repr(align(4))]
struct Buffer([u8; BUFFER_BYTES]);

impl Settings {
    /// None if the range is not two whole pages at least.
    pub(crate) fn new<F: NorFlash>(range: &Range<u32>) -> Option<Self> {
        MapConfig::<F>::try_new(range.clone()).ok().map(|_| Self {
            range: range.clone(),
        })
    }

    pub(crate) fn boots<F: NorFlash>(&self, flash: &mut F) -> Option<Boots> {
        self.load(flash, Key::Boots, |from| {
            Some(Boots {
                base: u32::from_le_bytes(from.array()?),
                count: u32::try_from(from.varint()?).ok()?,
            })
        })
    }

    pub(crate) fn set_boots<F: NorFlash>(
        &self,
        flash: &mut F,
        boots: Boots,
    ) -> Result<(), Error<F::Error>> {
        self.store(flash, Key::Boots, |to| {
            to.bytes(&boots.base.to_le_bytes())?;
            to.varint(boots.count.into())
        })
    }

    pub(crate) fn evicted<F: NorFlash>(&self, flash: &mut F) -> Option<Evicted> {
        self.load(flash, Key::Evicted, |from| {
            let total = from.varint()?;
            let page = u32::try_from(from.varint()?).ok()?.checked_sub(1);
            Some(Evicted { total, page })
        })
    }

    pub(crate) fn set_evicted<F: NorFlash>(
        &self,
        flash: &mut F,
        evicted: Evicted,
    ) -> Result<(), Error<F::Error>> {
        self.store(flash, Key::Evicted, |to| {
            to.varint(evicted.total)?;
            to.varint(evicted.page.map_or(0, |page| u64::from(page) + 1))
        })
    }

    /// The value of a key; none if there is none, or what is there can't be read.
    pub(crate) fn load<F: NorFlash, T>(
        &self,
        flash: &mut F,
        key: Key,
        parse: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut buffer = Buffer([0; BUFFER_BYTES]);
        let mut map = self.map(flash)?;
        let found = block_on(map.fetch_item::<&[u8]>(&mut buffer.0, &(key as u8))).ok()??;
        parse(&mut Reader::new(found))
    }

    /// Replaces the value of a key.
    pub(crate) fn store<F: NorFlash>(
        &self,
        flash: &mut F,
        key: Key,
        write: impl FnOnce(&mut Writer<'_>) -> Option<()>,
    ) -> Result<(), Error<F::Error>> {
        let mut value = [0; VALUE_BYTES_MAX];
        let mut writer = Writer::new(&mut value);
        write(&mut writer).ok_or(Error::ItemTooBig)?;
        let length = writer.len();
        let mut buffer = Buffer([0; BUFFER_BYTES]);
        let mut map = self.map(flash).ok_or(Error::FullStorage)?;
        let value: &[u8] = &value[..length];
        block_on(map.store_item(&mut buffer.0, &(key as u8), &value))
    }

    #[allow(
        clippy::type_complexity,
        reason = "the library's own names for no cache"
    )]
    fn map<'f, F: NorFlash>(
        &self,
        flash: &'f mut F,
    ) -> Option<MapStorage<u8, &'f mut F, impl sequential_storage::cache::CacheImpl<u8> + use<F>>>
    {
        let config = MapConfig::try_new(self.range.clone()).ok()?;
        Some(MapStorage::new(flash, config, Cache::new_uncached()))
    }
}
