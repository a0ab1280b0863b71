//! A hundred thousand persistent sessions whose clients are away.

use crate::figures::Figure;
use nhip_tests::{City, crowd};
use std::time::{Duration, Instant};

/// `mqtt.sessions_max` as it is without settings.
const SESSIONS: usize = 100_000;
const MB: f64 = 1e6;
/// Checkpoints and the sweeper have been there by then.
const REST: Duration = Duration::from_secs(15);

pub fn run() -> Vec<Figure> {
    crowd::raise_open_files();
    let mut city = City::start();
    let (empty_s, empty) = restart(&mut city);
    crowd::leave_sessions(city.addresses().mqtt, SESSIONS);
    std::thread::sleep(REST);
    let left = city.resident_bytes();
    let (start_s, started) = restart(&mut city);
    let over = |bytes: u64| bytes.saturating_sub(empty) as f64 / MB;
    vec![
        Figure::less(
            "100,000 offline persistent sessions with a filter each: memory",
            over(left).max(over(started)),
            "MB",
            (50.0, 10.0),
            format!(
                "more than an empty platform, {:.1} after they left and {:.1} after a restart",
                over(left),
                over(started)
            ),
        ),
        Figure::less(
            "the same: start",
            start_s,
            "s",
            (2.0, 0.5),
            format!("from the process to its ready line; {empty_s:.2} s without them"),
        ),
    ]
}

/// Ends and starts it; s until it served, and what it then held, bytes.
fn restart(city: &mut City) -> (f64, u64) {
    city.terminate();
    let started = Instant::now();
    city.launch();
    let elapsed = started.elapsed().as_secs_f64();
    std::thread::sleep(REST);
    (elapsed, city.resident_bytes())
}
