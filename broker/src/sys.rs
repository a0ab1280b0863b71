//! Figures of the broker itself under `$SYS/broker/`, as operators know them of other brokers.
//! They aren't logged: a subscriber gets them at once, as retained, and then as time goes on.

use crate::core::Core;
use crate::live::LiveMessage;

/// The first level of these topics.
pub(crate) const LEVEL: &str = "$SYS";

/// Topics with their values as text, by topic.
pub(crate) fn figures(core: &Core) -> Vec<(&'static str, String)> {
    let metrics = &core.metrics;
    let connected = metrics.connections.get().unsigned_abs();
    let sessions = core.sessions.count();
    let (own, shared) = core.subscriptions.read().counts();
    let mut figures = vec![
        (
            "$SYS/broker/version",
            format!("nhip {}", env!("CARGO_PKG_VERSION")),
        ),
        ("$SYS/broker/uptime", format!("{} seconds", core.tick())),
    ];
    for (topic, figure) in [
        ("$SYS/broker/clients/connected", connected),
        (
            "$SYS/broker/clients/disconnected",
            sessions.saturating_sub(connected),
        ),
        ("$SYS/broker/clients/total", sessions),
        ("$SYS/broker/bytes/received", metrics.received_bytes.get()),
        ("$SYS/broker/bytes/sent", metrics.sent_bytes.get()),
        (
            "$SYS/broker/publish/messages/received",
            metrics.publishes.get(),
        ),
        ("$SYS/broker/publish/messages/sent", metrics.delivered.get()),
        (
            "$SYS/broker/publish/messages/dropped",
            metrics.dropped_messages(),
        ),
        (
            "$SYS/broker/retained messages/count",
            metrics.retained.get().unsigned_abs(),
        ),
        ("$SYS/broker/subscriptions/count", own),
        ("$SYS/broker/shared_subscriptions/count", shared),
    ] {
        figures.push((topic, figure.to_string()));
    }
    figures
}

/// Publishes them to those who subscribe.
pub(crate) fn publish(core: &Core) {
    if !core.subscriptions.read().reaches(LEVEL) {
        return;
    }
    let figures = figures(core);
    let messages = figures.iter().map(|(topic, figure)| LiveMessage {
        place: 0,
        topic,
        payload: figure.as_bytes(),
    });
    core.submit(core.live_parcel(messages));
}
