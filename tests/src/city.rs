//! The real binary, started, asked, killed and started again.

use crate::{
    http::{self, Answer},
    wait,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};
use tempfile::TempDir;

/// A platform with its data folder.
#[derive(Debug)]
pub struct City {
    process: Option<Child>,
    folder: Folder,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    clock: Option<String>,
    addresses: Addresses,
    ready: String,
}

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// MQTT over TCP.
    pub mqtt: SocketAddr,
    /// MQTT over WebSocket.
    pub websocket: SocketAddr,
    /// The API.
    pub http: SocketAddr,
}

#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    Given(PathBuf),
}

/// How a city is to start.
#[derive(Debug, Default)]
pub struct Builder {
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    clock: Option<String>,
    data: Option<PathBuf>,
}

impl Builder {
    /// Sets a setting through its environment variable, as `("MQTT__LISTEN", "…")`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment
            .push((format!("NHIP_{name}"), value.into()));
        self
    }

    /// Adds an argument behind `up`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts the binary under a clock that differs from the machine's, in the notation of
    /// `faketime -f`.
    #[must_use]
    pub fn clock(mut self, clock: &str) -> Self {
        self.clock = Some(clock.into());
        self
    }

    /// Keeps the data in a folder of the caller's.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Starts it and waits until it serves.
    pub fn start(self) -> City {
        let folder = match self.data {
            Some(folder) => {
                std::fs::create_dir_all(&folder).expect("the caller's folder can be made");
                Folder::Given(folder)
            }
            None => Folder::Temporary(tempfile::tempdir().expect("a temporary folder")),
        };
        let mut city = City {
            process: None,
            folder,
            environment: self.environment,
            arguments: self.arguments,
            clock: self.clock,
            addresses: Addresses {
                mqtt: free_address(),
                websocket: free_address(),
                http: free_address(),
            },
            ready: String::new(),
        };
        city.launch();
        city
    }
}

impl City {
    /// A city with every default, on free ports.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A city that differs from the defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts the binary on the same folder and the same ports.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "it is running");
        let mut process = self
            .command()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let output = process.stdout.take().expect("piped above");
        let mut lines = BufReader::new(output).lines();
        let ready = lines
            .find_map(|line| line.ok().filter(|line| line.starts_with("ready ")))
            .expect("a line `ready …` before the process ends");
        // Whatever else it prints is read away, so that it never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        self.addresses = Addresses::read(&ready);
        self.ready = ready;
        self.process = Some(process);
    }

    /// Changes a setting, as [`Builder::set`] does, from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment
            .push((format!("NHIP_{name}"), value.into()));
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The line with which it said that it serves.
    pub fn ready_line(&self) -> &str {
        &self.ready
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Temporary(folder) => folder.path(),
            Folder::Given(folder) => folder,
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it is running").id()
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it is running");
        process.kill().expect("the process is ours");
        process.wait().expect("the process is ours");
    }

    /// Asks it to end with SIGTERM and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.end_with("TERM")
    }

    /// Sends it a signal and waits until it has ended.
    pub fn end_with(&mut self, name: &str) -> ExitStatus {
        let mut process = self.process.take().expect("it is running");
        signal(process.id(), name);
        wait::until("the platform to end after the signal", || {
            process.try_wait().expect("the process is ours")
        })
    }

    /// Kills it and starts it again.
    pub fn kill_and_launch(&mut self) {
        self.kill();
        self.launch();
    }

    /// `GET path`, which must answer 200, as JSON.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.json()
    }

    /// Any request, whatever its status.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        http::ask(method, self.addresses.http, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Waits until everything acknowledged can be queried, and returns the figures.
    pub fn settle(&self) -> Value {
        wait::until("pending and unread to become 0", || {
            let figures = self.get("/api/v1/reconciliation");
            let settled = figures["pending"] == 0 && figures["unread"] == 0;
            assert_adds_up(&figures);
            settled.then_some(figures)
        })
    }

    /// Every stored reading that a query selects, through all pages.
    pub fn readings(&self, query: &str) -> Vec<Value> {
        self.items(&format!("/api/v1/readings?{query}"))
    }

    /// Every item of a list, through all pages.
    pub fn items(&self, path: &str) -> Vec<Value> {
        self.items_by(path, 10_000)
    }

    /// Every item of a list, through pages of at most `limit`.
    pub fn items_by(&self, path: &str, limit: usize) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{joint}limit={limit}{cursor}"));
            items.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The value of a metric without labels, or the sum over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.ask("GET", "/metrics", None).text;
        text.lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Its resident memory, bytes.
    pub fn resident_bytes(&self) -> u64 {
        memory_bytes(self.pid(), "VmRSS:")
    }

    /// The memory that it has asked for, bytes, whether it has touched it or not.
    pub fn asked_bytes(&self) -> u64 {
        memory_bytes(self.pid(), "VmData:")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("up")
            .arg("--data")
            .arg(self.folder())
            .args(&self.arguments)
            .current_dir(self.folder());
        forget_settings(&mut command);
        command
            .env("NHIP_MQTT__LISTEN", self.addresses.mqtt.to_string())
            .env("NHIP_MQTT__WEBSOCKET", self.addresses.websocket.to_string())
            .env("NHIP_HTTP__LISTEN", self.addresses.http.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(clock) = &self.clock {
            // What `faketime` sets; it would itself stand between the platform and a signal.
            command
                .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1")
                .env("FAKETIME", clock);
        }
        command
    }
}

impl Drop for City {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

impl Addresses {
    /// From the line `ready mqtt=… websocket=… http=…`.
    fn read(line: &str) -> Self {
        let address = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name))
                .and_then(|address| address.parse().ok())
                .unwrap_or_else(|| panic!("{name} in {line:?}"))
        };
        Self {
            mqtt: address("mqtt="),
            websocket: address("websocket="),
            http: address("http="),
        }
    }
}

/// A loopback address that nobody listens on, with a port that no outgoing connection is given:
/// clients that try again while the platform is down would sooner or later be given its own.
fn free_address() -> SocketAddr {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768);
    wait::until("a free port", || {
        let port = rand::random_range(10_000..first.max(20_000));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Not by listening: a process that another test starts meanwhile would inherit it.
        std::net::TcpStream::connect(address).err().map(|_| address)
    })
}

/// Leaves out of a command's environment what would be taken for settings of the platform: a
/// test run has variables of its own (`NHIP_BINARY`).
pub fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NHIP_") {
            command.env_remove(name);
        }
    }
}

/// Fails unless received = stored + duplicate + rejected + pending.
pub fn assert_adds_up(figures: &Value) {
    let count = |name: &str| {
        figures[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {figures}"))
    };
    assert_eq!(
        count("received"),
        count("stored") + count("duplicate") + count("rejected") + count("pending"),
        "{figures}"
    );
}

/// The resident memory of a process of ours, bytes.
pub fn resident_bytes(pid: u32) -> u64 {
    memory_bytes(pid, "VmRSS:")
}

fn memory_bytes(pid: u32, line: &str) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is running");
    let size = status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .expect("such a line");
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().expect("a size");
    kib << 10
}

/// Sends a signal to a process of ours.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success(), "kill -{name} {pid}");
}

/// The binary that was built with this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NHIP_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the test has a path");
    // target/<profile>/deps/<test> → target/<profile>/nhip
    let profile = test.ancestors().nth(2).expect("cargo's folders");
    profile.join("nhip")
}
