//! Servers that one test after the other uses: starting one costs more than most tests.

use nhip_store::conformance::QuestDbServer;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use tempfile::TempDir;

/// Lets a test suspend a table.
const USUAL: [(&str, &str); 1] = [("DEV_MODE_ENABLED", "true")];
/// Servers of the usual kind that no test has now.
static IDLE: Mutex<Vec<QuestDbServer>> = Mutex::new(Vec::new());
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A server that is handed on to the next test if this one leaves it as it was.
pub struct Lent {
    server: Option<QuestDbServer>,
    /// Of a server of its own.
    data: Option<TempDir>,
}

impl Lent {
    /// One that other tests had, or a new one.
    pub fn usual() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let server = idle.unwrap_or_else(|| {
            let number = STARTED.fetch_add(1, Ordering::Relaxed);
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("questdb-{number}"));
            // Of an earlier run.
            let _ = std::fs::remove_dir_all(&folder);
            QuestDbServer::start(&folder, &USUAL)
        });
        Self {
            server: Some(server),
            data: None,
        }
    }

    /// One of its own, which ends with the test.
    pub fn own(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self {
            server: Some(QuestDbServer::start(data.path(), settings)),
            data: Some(data),
        }
    }

    /// The folder of a server of its own.
    pub fn folder(&self) -> &Path {
        self.data.as_ref().unwrap().path()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let is_sound = self.data.is_none() && !thread::panicking();
        if let Some(server) = self.server.take()
            && is_sound
            && server.id().is_some()
        {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(server);
        }
    }
}

impl Deref for Lent {
    type Target = QuestDbServer;

    fn deref(&self) -> &QuestDbServer {
        self.server.as_ref().unwrap()
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut QuestDbServer {
        self.server.as_mut().unwrap()
    }
}
