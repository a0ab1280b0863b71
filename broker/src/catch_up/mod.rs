//! Serves sessions and shared subscriptions that are behind from the log, so that being behind
//! costs no memory (`docs/sessions.md`).

mod group;
mod live;
mod session;

use crate::core::Core;
use crate::session::{Group, Session};
use nhip_log::{Offset, ReadError, Reader, Records};
use parking_lot::{Condvar, Mutex};
use std::{collections::VecDeque, io, sync::Arc, thread::JoinHandle, time::Duration};

/// What is read of the log for one of them before it is another's turn.
const READ_BYTES: usize = 256 << 10;
/// How long it waits for what is queued in the log.
const COMMIT: Duration = Duration::from_millis(5);
/// Before the log is tried again after it could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// Who waits for a worker, each at most once.
#[derive(Default)]
pub(crate) struct CatchUp {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Behind>,
    stopped: bool,
}

enum Behind {
    Session(Arc<Session>),
    Group(Arc<Group>),
}

impl CatchUp {
    /// Has `session` served, if it is behind and has room.
    pub(crate) fn look_at(&self, session: &Arc<Session>) {
        let mut state = session.state.lock();
        let wanted = state.link.is_some() && !state.trimmed && state.outbox.wants_any();
        if wanted && !state.catching_up {
            state.catching_up = true;
            drop(state);
            self.push(Behind::Session(Arc::clone(session)));
        }
    }

    /// Has `group` served, which sees to it that it isn't in the queue already.
    pub(crate) fn push_group(&self, group: &Arc<Group>) {
        self.push(Behind::Group(Arc::clone(group)));
    }

    fn push(&self, behind: Behind) {
        self.queue.lock().waiting.push_back(behind);
        self.work.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.queue.lock().stopped = true;
        self.work.notify_all();
    }

    fn next(&self) -> Option<Behind> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(behind) = queue.waiting.pop_front() {
                return Some(behind);
            }
            self.work.wait(&mut queue);
        }
    }

    fn pause(&self) {
        self.rest(RETRY);
    }

    /// Waits so long, or until something is to be done.
    fn rest(&self, time: Duration) {
        let mut queue = self.queue.lock();
        if !queue.stopped {
            self.work.wait_for(&mut queue, time);
        }
    }
}

/// Starts `workers` threads that end with [`CatchUp::stop`].
pub(crate) fn start(core: &Arc<Core>, workers: usize) -> io::Result<Vec<JoinHandle<()>>> {
    let start = |number: usize| {
        let core = Arc::clone(core);
        std::thread::Builder::new()
            .name(format!("nhip-catch-up-{number}"))
            .spawn(move || run(&core))
    };
    (0..workers.max(1)).map(start).collect()
}

fn run(core: &Core) {
    let mut records = Records::default();
    while let Some(behind) = core.catch_up.next() {
        match behind {
            Behind::Session(session) => {
                live::run(core, &session);
                session::run(core, &session, &mut records);
            }
            Behind::Group(group) => group::run(core, &group, &mut records),
        }
    }
}

fn failed(core: &Core, error: &ReadError) {
    tracing::error!(%error, "a subscriber that is behind can't be served from the log");
    core.catch_up.pause();
}

/// A reader at `from`; `None` while nothing is durable there, for which it waits a little.
fn reader(core: &Core, from: u64) -> Result<Option<Box<dyn Reader>>, ReadError> {
    match core.log.reader(Offset(from)) {
        Err(ReadError::Beyond { .. }) => {
            core.log.wait(Offset(from), COMMIT);
            Ok(None)
        }
        reader => reader.map(Some),
    }
}
