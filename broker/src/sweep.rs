//! What happens by time alone, once a second for all: no connection owns a timer.

use crate::codec::Reason;
use crate::core::Core;
use crate::session::durable::{Event, Row};
use crate::session::push_kept;
use crate::sys;
use nhip_log::Batch;
use std::{sync::Arc, sync::atomic::Ordering, time::Duration};
use tokio::time::MissedTickBehavior;

/// Sessions that end, and wills that are published, in one second at most.
const A_SECOND: usize = 10_000;

/// Counts seconds, cuts silent clients, reads throttled ones again, ends sessions, publishes
/// wills that are due and `$SYS`.
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
        for link in std::mem::take(&mut *core.throttled.lock()) {
            link.wake();
        }
        let sessions = core.sessions.count();
        core.metrics.sessions.set(sessions as i64);
        let every_s = core.config.sys_interval_s;
        if every_s > 0 && tick.is_multiple_of(every_s) {
            sys::publish(&core);
        }
        core.sessions.let_go();
        if *core.settled.borrow()
            && let Err(error) = sweep(&core)
        {
            tracing::error!(%error, "sessions can't be read");
        }
    }
}

/// Tells the log, once what was durable before `end` is folded, that the clients which were
/// connected when the last process ended are gone.
pub(crate) async fn settle(core: Arc<Core>, end: u64) {
    let mut stopping = core.stopping.subscribe();
    let work = async {
        core.progress.reach_in_time(end).await;
        let connected = core.kept.connected().unwrap_or_else(|error| {
            tracing::error!(%error, "sessions can't be read");
            Vec::new()
        });
        let mut batch = Batch::default();
        for client in connected {
            if let Ok(Some(row)) = core.kept.row(&client) {
                lost(&core, &row).push(&mut batch, &client, (core.clock)());
            }
        }
        if !batch.is_empty()
            && let Some(end) = core
                .append(&mut batch, "the end of the last connections")
                .await
        {
            core.progress.reach_in_time(end).await;
        }
        core.settled.send_replace(true);
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

fn lost(core: &Core, row: &Row) -> Event<'static> {
    let delay_s = row.will.as_ref().map(|will| will.delay_s);
    Event::Left {
        generation: row.generation,
        at_us: core.left_us(),
        expiry_s: row.expiry_s,
        will_due_s: delay_s.map(|delay_s| delay_s.min(row.expiry_s)),
        place: None,
    }
}

fn sweep(core: &Core) -> Result<(), nhip_database::Error> {
    let now_us = core.session_us();
    for client in core.kept.wills(now_us, A_SECOND)? {
        core.sessions.settle(&client, |row| {
            let due = row.will_due_us().is_some_and(|due_us| due_us <= now_us);
            let will = row.will.as_ref().filter(|_| due)?;
            let mut batch = Batch::default();
            push_kept(will, &mut batch, (core.clock)());
            let generation = row.generation;
            Event::WillPublished { generation }.push(&mut batch, &client, (core.clock)());
            core.append_now(&mut batch).ok()
        })?;
    }
    for client in core.kept.over(now_us, A_SECOND)? {
        core.sessions.settle(&client, |row| {
            let over = row.ends_us().is_some_and(|ends_us| ends_us <= now_us);
            // Its will is published first.
            (over && row.will_due_us().is_none()).then_some(())?;
            let mut batch = Batch::default();
            let generation = row.generation;
            Event::Ended { generation }.push(&mut batch, &client, (core.clock)());
            core.append_now(&mut batch).ok()
        })?;
    }
    Ok(())
}
