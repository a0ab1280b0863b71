//! The part of the flash that the device's queue and settings are in.

use embassy_embedded_hal::adapter::BlockingAsync;
use esp_bootloader_esp_idf::partitions::{PARTITION_TABLE_MAX_LEN, read_partition_table};
use esp_storage::FlashStorage;

/// The partition's name in `partitions.csv`.
const LABEL: &str = "nhip";

/// The flash, and where in it the partition is.
pub struct Partition {
    pub flash: BlockingAsync<FlashStorage<'static>>,
    pub start: u32,
    pub end: u32,
}

/// Finds the partition; none if the table that was flashed doesn't have it.
pub fn partition(mut flash: FlashStorage<'static>) -> Option<Partition> {
    let mut table = [0; PARTITION_TABLE_MAX_LEN];
    let table = read_partition_table(&mut flash, &mut table).ok()?;
    let entry = table.iter().find(|entry| entry.label_as_str() == LABEL)?;
    let (start, end) = (entry.offset(), entry.offset() + entry.len());
    Some(Partition {
        flash: BlockingAsync::new(flash),
        start,
        end,
    })
}
