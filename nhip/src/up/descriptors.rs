//! Open files: as many as the system lets us have, and enough of them kept for the data.
//!
//! A connection takes one. Were there none left for a segment of the log or a table of the
//! database, clients that do nothing could keep everybody's readings from being acknowledged.

use crate::config::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Open files that are kept for the log and the database.
const KEPT: u64 = 512;

/// Raises the limit as far as the system allows, and lowers the numbers of connections to what
/// it has room for.
pub fn fit(settings: &mut Settings) {
    let limit = raise();
    let asked = (settings.mqtt_connections_max, settings.http_connections_max);
    let (mqtt, http) = share(limit, asked);
    if (mqtt, http) != asked {
        warn!(
            limit,
            mqtt,
            http,
            "fewer connections are taken than mqtt.connections_max and http.connections_max say: \
             the system allows no more open files; raise its limit (ulimit -n, LimitNOFILE=)"
        );
    }
    settings.mqtt_connections_max = mqtt;
    settings.http_connections_max = http;
}

/// Gives back how many files may be open.
fn raise() -> u64 {
    let held = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: held.maximum,
        maximum: held.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => held.maximum.unwrap_or(u64::MAX),
        Err(_) => held.current.unwrap_or(u64::MAX),
    }
}

/// What of `limit` each kind of connection gets: what was asked for, or its share.
fn share(limit: u64, (mqtt, http): (u64, u64)) -> (u64, u64) {
    let room = limit - KEPT.min(limit / 2);
    let asked = mqtt.saturating_add(http);
    if asked <= room {
        return (mqtt, http);
    }
    let part = |of: u64| u64::try_from(u128::from(of) * u128::from(room) / u128::from(asked));
    let mqtt = part(mqtt).unwrap_or(1).max(1);
    (mqtt, part(http).unwrap_or(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn connections_leave_room_for_the_data() {
        assert_eq!(share(1 << 20, (20_000, 10_000)), (20_000, 10_000));
        assert_eq!(share(u64::MAX, (20_000, 10_000)), (20_000, 10_000));
        assert_eq!(share(20_000, (20_000, 10_000)), (12_992, 6_496));
        assert_eq!(share(64, (20_000, 10_000)), (21, 10));
        assert_eq!(share(1, (20_000, 10_000)), (1, 1));
    }
}
