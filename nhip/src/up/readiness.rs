//! Which parts of the platform are ready.

use super::room::{self, Room};
use nhip_api::{PartState, Readiness};
use nhip_broker::Broker;
use nhip_ingest::{Ingest, View};
use nhip_log::{Log, Stall};
use nhip_store::Store;
use std::sync::Arc;

/// How old the oldest record that ingest has not reached may be, seconds.
const LAG_MAX_S: f64 = 30.0;

/// Asks each part when it is asked.
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The fold.
    pub ingest: Arc<Ingest>,
    /// What the fold shows.
    pub view: Arc<dyn View>,
    /// The front door.
    pub broker: Arc<Broker>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// How long the log can do without it.
    pub room: Room,
}

impl Readiness for Parts {
    fn parts(&self) -> Vec<PartState> {
        vec![self.log(), self.ingest(), self.store(), self.broker()]
    }
}

impl Parts {
    fn log(&self) -> PartState {
        let state = self.log.state();
        let problem = match (state.failed, state.stalled) {
            (true, _) => Some("it can't be written any more: see the log lines, then restart"),
            (_, Some(Stall::NoSpace)) => Some(
                "nothing is acknowledged for want of disk space (log.free_bytes_min): free some, \
                 and it goes on by itself",
            ),
            (_, Some(Stall::NoDescriptor)) => Some(
                "nothing is acknowledged, since the system allows no more open files: raise its \
                 limit (ulimit -n, LimitNOFILE=); it goes on by itself when some are closed",
            ),
            (_, Some(Stall::AtBound)) => Some(
                "nothing is acknowledged, since the log is as large as log.bytes_max allows and \
                 the fold still needs all of it: it goes on by itself when the fold has caught \
                 up; see the parts ingest and store, or raise log.bytes_max",
            ),
            _ => None,
        };
        part("log", problem.map(str::to_owned))
    }

    fn ingest(&self) -> PartState {
        if let Some(reason) = self.ingest.failure() {
            return part("ingest", Some(format!("it has stopped: {reason}")));
        }
        let lag = self.view.lag();
        let behind = lag.seconds > LAG_MAX_S;
        let detail = format!("{} records behind, {:.0} s", lag.records, lag.seconds);
        part("ingest", behind.then_some(detail))
    }

    fn store(&self) -> PartState {
        let down = self.view.lag().store_unavailable && self.ingest.failure().is_none();
        let problem = self.store.problem();
        if problem.is_none() && !down {
            return part("store", None);
        }
        if !down && self.store.takes_readings() {
            return part("store", problem);
        }
        let mut detail = "it takes nothing now; readings wait in the log".to_owned();
        // A log that takes nothing says so itself; its room is not what is left of the bound.
        let room = self.room.left(&*self.log);
        if let Some(time) = room.filter(|_| self.log.state().stalled.is_none()) {
            let time = room::said(time);
            detail.push_str(&format!(", which has room for {time} at the present rate"));
        }
        if let Some(problem) = problem {
            detail.push_str(&format!(": {problem}"));
        }
        part("store", Some(detail))
    }

    fn broker(&self) -> PartState {
        let problem = self.broker.problem();
        part("broker", problem.map(str::to_owned))
    }
}

/// While the parts are being opened.
pub struct Starting;

impl Readiness for Starting {
    fn parts(&self) -> Vec<PartState> {
        ["log", "ingest", "store", "broker"]
            .map(|name| part(name, Some("it is being opened".to_owned())))
            .into()
    }
}

fn part(name: &'static str, problem: Option<String>) -> PartState {
    PartState {
        name,
        ready: problem.is_none(),
        detail: problem,
    }
}
