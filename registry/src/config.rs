//! What a registry is opened with.

use crate::Registration;

/// Settings of the registry.
#[derive(Clone, Debug)]
pub struct Config {
    /// What happens to devices and datastreams that nobody registered. Default: open.
    pub registration: Registration,
    /// How many devices there may be. Default: 1,000,000.
    pub devices_max: u32,
    /// How many datastreams a device may have: a device that invents a name for each message
    /// stops there. Default: 256.
    pub datastreams_per_device_max: u32,
    /// How many earlier placings of a device, or limits of a datastream, are kept; a change
    /// beyond is refused. Default: 1,000.
    pub history_max: u32,
    /// How long a device's title may be, bytes. Default: 200.
    pub title_bytes_max: usize,
    /// How many codes of a category may have a name. Default: 1,024.
    pub categories_max: usize,
    /// The places, as CSV with the columns of `data/hcmc_wards.csv`; none for that file
    /// itself. Default: none.
    pub places_csv: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            devices_max: 1_000_000,
            datastreams_per_device_max: 256,
            history_max: 1_000,
            title_bytes_max: 200,
            categories_max: 1_024,
            places_csv: None,
        }
    }
}
