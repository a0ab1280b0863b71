//! What happens by time alone, once a second for all: no connection owns a timer.

use crate::codec::Reason;
use crate::core::Core;
use std::{sync::Arc, sync::atomic::Ordering, time::Duration};
use tokio::time::MissedTickBehavior;

/// Counts seconds, cuts silent clients, ends sessions, publishes wills that are due.
pub(crate) async fn run(core: Arc<Core>) {
    let mut stopping = core.stopping.subscribe();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds.tick().await;
    loop {
        tokio::select! {
            _ = seconds.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        core.notices.next_second();
        let tick = core.tick.fetch_add(1, Ordering::Relaxed) + 1;
        for link in core.sessions.links() {
            if link.is_silent(tick) {
                link.close(Reason::KEEP_ALIVE_TIMEOUT);
            }
        }
        for will in core.sessions.sweep(u64::from(tick)) {
            core.publish_will(&will).await;
        }
    }
}
