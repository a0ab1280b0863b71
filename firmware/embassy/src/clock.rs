//! Uptime by embassy's time driver.

use embassy_time::{Instant, Timer};
use nhip_node::Clock;

/// The clock of the board's time driver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uptime;

impl Clock for Uptime {
    fn uptime_us(&self) -> u64 {
        Instant::now().as_micros()
    }

    async fn sleep_until(&self, uptime_us: u64) {
        Timer::at(Instant::from_micros(uptime_us)).await;
    }
}
