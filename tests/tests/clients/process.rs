//! The clients' processes, and what they say.

use nhip_tests::wait;
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

/// Lines that are kept of what a process says of itself.
const LINES_KEPT: usize = 12;

type Lines = Arc<Mutex<VecDeque<String>>>;

/// Killed when it drops. If a test fails meanwhile it is told what the process said last, unless
/// it has ended well.
struct Process {
    name: String,
    child: Child,
    said: Lines,
}

impl Process {
    fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let said = Lines::default();
        keep(child.stderr.take().expect("piped above"), &said, LINES_KEPT);
        let name = name.into();
        Self { name, child, said }
    }

    /// It prints nothing but what it says of itself.
    fn talking(mut self) -> Self {
        let output = self.child.stdout.take().expect("nobody took it");
        keep(output, &self.said, LINES_KEPT);
        self
    }

    fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is ours")
    }

    fn wait(&mut self) {
        let what = format!("{} to end", self.name);
        let status = wait::until(&what, || self.has_ended());
        assert!(status.success(), "{}: {status}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.has_ended();
        if std::thread::panicking() && !ended.is_some_and(|status| status.success()) {
            let state = ended.map_or("still runs".into(), |status| status.to_string());
            println!("{} {state} and said last:", self.name);
            for line in self.said.lock().unwrap().iter() {
                println!("    {line}");
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds what comes out of a process to `lines`, of which the newest stay.
fn keep(output: impl Read + Send + 'static, lines: &Lines, most: usize) {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut lines = lines.lock().unwrap();
            if lines.len() == most {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    });
}

/// A process on its way to its end.
pub struct Ending(Process);

impl Ending {
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        Self(Process::start(name, &mut command).talking())
    }

    /// Waits until it has ended well.
    pub fn wait(mut self) {
        self.0.wait();
    }
}

/// A client that publishes what it is told.
pub struct Publisher {
    process: Process,
    input: ChildStdin,
}

impl Publisher {
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let mut process = Process::start(name, command.stdin(Stdio::piped())).talking();
        let input = process.child.stdin.take().expect("piped above");
        Self { process, input }
    }

    /// Gives it payloads to publish.
    pub fn say(&mut self, payloads: impl IntoIterator<Item = String>) {
        for payload in payloads {
            let said = writeln!(self.input, "{payload}");
            said.unwrap_or_else(|error| panic!("{}: {error}", self.process.name));
        }
    }

    /// Tells it that there is no more; it ends when everything is acknowledged.
    pub fn end(self) -> Ending {
        Ending(self.process)
    }
}

/// A client that is subscribed.
pub struct Subscriber {
    process: Process,
    lines: Lines,
}

impl Subscriber {
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let mut process = Process::start(name, &mut command);
        let output = process.child.stdout.take().expect("piped at the start");
        let lines = Lines::default();
        keep(output, &lines, usize::MAX);
        Self { process, lines }
    }

    /// Waits until it says that it is subscribed.
    pub fn until_subscribed(&self) {
        wait::until(&format!("{} to subscribe", self.process.name), || {
            let lines = self.lines.lock().unwrap();
            let mut said = lines.iter();
            said.any(|line| line == "subscribed" || line.contains("SUBACK"))
                .then_some(())
        });
    }

    /// The messages so far that begin with `prefix`, once `done` says that they are enough.
    pub fn until(&self, prefix: &str, done: impl Fn(&[String]) -> bool) -> Vec<String> {
        wait::until(
            &format!("{} to have its messages", self.process.name),
            || {
                let lines = self.lines.lock().unwrap();
                let found = lines.iter().filter(|line| line.starts_with(prefix));
                let found: Vec<String> = found.cloned().collect();
                done(&found).then_some(found)
            },
        )
    }
}
