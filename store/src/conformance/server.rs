//! A real QuestDB for tests: on loopback, on free ports, in a folder of its own.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What `scripts/install-tools` puts under `target/tools`.
const JAR: &str = "questdb-9.3.4.jar";
/// The jar's classes as Java has them in memory; a server starts without, too.
const CLASSES: &str = "questdb-9.3.4.jsa";
/// How long a start may take on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);
/// The line that a server writes when it answers.
const READY: &str = "server-main enjoy";

/// A running server; it is killed when this drops, and when the process of the tests ends.
pub struct QuestDbServer {
    process: Option<Child>,
    /// Kills the server when its input ends, which ours is the other end of.
    guard: Option<Child>,
    folder: PathBuf,
    http: u16,
    pg: u16,
    settings: Vec<(String, String)>,
}

impl QuestDbServer {
    /// Starts a server with its data in `folder`. `settings` are variables as `QDB_…` without
    /// their prefix; without one for the commit mode it is `sync`.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut server = Self {
            process: None,
            guard: None,
            folder: folder.to_path_buf(),
            http: free_port(),
            pg: free_port(),
            settings: settings
                .iter()
                .map(|(name, value)| (format!("QDB_{name}"), (*value).to_owned()))
                .collect(),
        };
        server.restart();
        server
    }

    /// Starts the server again, on the same ports and data, once it was killed.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut process = self.command().spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let log = self.folder.join("server.log");
        let log = OpenOptions::new().create(true).append(true).open(log);
        let (tell, told) = mpsc::channel();
        let mut log = log.unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = writeln!(log, "{line}");
                if line.contains(READY) {
                    let _ = tell.send(());
                }
            }
        });
        self.guard = Some(guard(process.id()));
        self.process = Some(process);
        let ready = told.recv_timeout(START_MAX);
        assert!(
            ready.is_ok(),
            "QuestDB did not start; see {}",
            self.folder.join("server.log").display()
        );
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        // First, for the id may be another's then.
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The id of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Where it takes readings.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Where it answers over the PostgreSQL wire.
    pub fn pg(&self) -> String {
        format!("127.0.0.1:{}", self.pg)
    }

    fn command(&self) -> Command {
        let jar = tool(JAR);
        let mut classes = OsString::from("-XX:SharedArchiveFile=");
        classes.push(jar.with_file_name(CLASSES));
        // It unpacks its native code there, and leaves it when it is killed.
        let temporary = self.folder.join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        let mut unpacked = OsString::from("-Djava.io.tmpdir=");
        unpacked.push(&temporary);
        let errors = File::create(self.folder.join("server.err")).unwrap();
        let mut command = Command::new("java");
        // The servers of tests live for seconds, which the second compiler would take for itself.
        // Benches, which are built for release, run it as a city does.
        if cfg!(debug_assertions) {
            command
                .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
                .arg(classes);
        }
        command
            .arg("-Xmx512m")
            .arg(unpacked)
            .arg("-p")
            .arg(&jar)
            .args(["-m", "io.questdb/io.questdb.ServerMain", "-d"])
            .arg(&self.folder)
            .env("QDB_HTTP_BIND_TO", format!("127.0.0.1:{}", self.http))
            .env("QDB_PG_NET_BIND_TO", self.pg())
            .env("QDB_LINE_TCP_ENABLED", "false")
            .env("QDB_HTTP_MIN_ENABLED", "false")
            .env("QDB_TELEMETRY_ENABLED", "false")
            .env("QDB_CAIRO_COMMIT_MODE", "sync")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        command
    }
}

impl Drop for QuestDbServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What is under the workspace's `target/tools`, by the path without links that its classes
/// were laid out with.
fn tool(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = workspace.join("target/tools").join(name);
    let found = file.canonicalize();
    assert!(
        found.is_ok(),
        "{} is missing: scripts/install-tools test",
        file.display()
    );
    found.unwrap()
}

fn guard(server: u32) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 $0", &server.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A loopback port that nobody listens on and that no outgoing connection is given: clients
/// that try again while the server is down would sooner or later be given its own.
fn free_port() -> u16 {
    let port = || 10_000 + (RandomState::new().build_hasher().finish() % 20_000) as u16;
    std::iter::repeat_with(port)
        .find(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
        .unwrap()
}
