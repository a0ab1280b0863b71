//! The peer of the broker's figures.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Debian's mosquitto with no bound on its queues, windows and connections, nothing on the disk
/// and no log lines; everything else is its default (one thread, QoS 0 unbounded too).
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
             max_queued_messages 0\nmax_inflight_messages 0\nmax_connections -1\n\
             log_type none\n",
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

impl Mosquitto {
    /// Its resident memory, bytes.
    pub fn resident_bytes(&self) -> u64 {
        nhip_tests::city::resident_bytes(self.process.id())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
