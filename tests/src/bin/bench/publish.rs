//! Durable acknowledged publishes, against mosquitto's undurable ones.

use crate::{
    figures::{Figure, shown},
    sources::Opaque,
};
use nhip_tests::{City, load::Load};
use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Pairs of runs; the medians are compared.
const ROUNDS: usize = 3;

pub fn run() -> Vec<Figure> {
    let mosquitto = Mosquitto::start();
    let city = City::start();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(load(mosquitto.address, 10_000).run().rate());
        ours.push(load(city.addresses().mqtt, 60_000).run().rate());
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    vec![Figure::more(
        "durable acknowledged QoS 1 publishes/s, 50 clients, window 200, 64 B, against mosquitto's undurable",
        ours / theirs,
        "×",
        (5.0, 12.0),
        format!("{} against {} /s", shown(ours), shown(theirs)),
    )]
}

fn load(address: SocketAddr, messages: u64) -> Load {
    Load {
        address,
        clients: 50,
        window: 200,
        messages,
        rate: 0,
        source: || Box::new(Opaque),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Debian's mosquitto with its limits raised and nothing on the disk.
pub struct Mosquitto {
    process: Child,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Mosquitto {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let file = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             max_queued_messages 0\nmax_inflight_messages 0\nlog_type none\n",
            address.port()
        );
        fs::write(&file, text).expect("the folder is ours");
        let process = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed");
        nhip_tests::wait::until("mosquitto to listen", || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()
        });
        Self {
            process,
            address,
            _folder: folder,
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
