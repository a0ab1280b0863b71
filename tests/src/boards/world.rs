//! The world's clock, and the SNTP server that tells it (RFC 4330).

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Seconds between 1900, from which NTP counts, and 1970.
const NTP_OFFSET_S: u64 = 2_208_988_800;
const PACKET_BYTES: usize = 48;

/// A clock that runs faster than ours, and its server.
#[derive(Debug)]
pub struct World {
    state: Arc<Mutex<State>>,
    server: Option<JoinHandle<()>>,
    address: SocketAddr,
    speed: u32,
}

#[derive(Debug)]
struct State {
    began: Instant,
    began_us: i64,
    /// This machine's uptime then, hundredths of a second.
    began_cs: i64,
    /// What the server adds to the truth: µs.
    lie_us: i64,
    answers: bool,
    asked: u64,
    ended: bool,
    speed: u32,
}

impl State {
    fn true_us(&self) -> i64 {
        let elapsed = self.began.elapsed().as_micros() as i64;
        self.began_us + elapsed * i64::from(self.speed)
    }
}

impl World {
    /// Starts a world that is `head_start` behind our time and runs at `speed` times its pace.
    /// A device of it must not be tested for longer than it takes to catch up: the platform
    /// refuses readings from the future.
    pub fn start(speed: u32, head_start: Duration) -> Self {
        let began_us = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is behind 1970")
            .saturating_sub(head_start)
            .as_micros() as i64;
        let state = Arc::new(Mutex::new(State {
            began: Instant::now(),
            began_us,
            began_cs: uptime_cs(),
            lie_us: 0,
            answers: true,
            asked: 0,
            ended: false,
            speed,
        }));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a socket option");
        let address = socket.local_addr().expect("it is bound");
        let shared = state.clone();
        let server = std::thread::spawn(move || serve(&socket, &shared));
        Self {
            state,
            server: Some(server),
            address,
            speed,
        }
    }

    /// Where the SNTP server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many of the world's seconds pass in one of ours.
    pub fn speed(&self) -> u32 {
        self.speed
    }

    /// The true time in this world, µs since 1970.
    pub fn now_us(&self) -> i64 {
        self.with(|state| state.true_us())
    }

    /// The true time when this machine had been up for so many hundredths of a second, µs since
    /// 1970.
    pub fn at_us(&self, uptime_cs: i64) -> i64 {
        self.with(|state| {
            state.began_us + (uptime_cs - state.began_cs) * 10_000 * i64::from(state.speed)
        })
    }

    /// Waits until so much of the world's time has passed.
    pub fn pass(&self, time: Duration) {
        let deadline = Instant::now() + time / self.speed;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
    }

    /// Whether the SNTP server answers.
    pub fn tell_time(&self, answers: bool) {
        self.with(|state| state.answers = answers);
    }

    /// How far from the truth the server's answers are from now on, µs.
    pub fn lie(&self, us: i64) {
        self.with(|state| state.lie_us = us);
    }

    /// How often the server was asked, answered or not.
    pub fn asked(&self) -> u64 {
        self.with(|state| state.asked)
    }

    fn with<T>(&self, use_state: impl FnOnce(&mut State) -> T) -> T {
        use_state(&mut self.state.lock().expect("no thread panics with it"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.with(|state| state.ended = true);
        if let Some(server) = self.server.take() {
            // It sees the end within its read time-out.
            let _ = server.join();
        }
    }
}

fn serve(socket: &UdpSocket, state: &Mutex<State>) {
    let mut request = [0; PACKET_BYTES];
    loop {
        let received = socket.recv_from(&mut request);
        let mut state = state.lock().expect("no thread panics with it");
        if state.ended {
            return;
        }
        let from = match received {
            Ok((PACKET_BYTES, from)) => from,
            Ok(_) => continue,
            Err(error) if is_timeout(&error) => continue,
            Err(error) => panic!("the SNTP server's socket: {error}"),
        };
        state.asked += 1;
        if state.answers {
            let told_us = state.true_us() + state.lie_us;
            // A client that has gone is no failure of the server.
            let _ = socket.send_to(&answer(&request, told_us), from);
        }
    }
}

/// As the emulated instruments read it.
fn uptime_cs() -> i64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("a Linux machine");
    let seconds = text.split_whitespace().next();
    let seconds: f64 = seconds
        .and_then(|word| word.parse().ok())
        .expect("a number");
    (seconds * 100.0).round() as i64
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// The server's packet: RFC 4330 §4 and §6.
fn answer(request: &[u8; PACKET_BYTES], now_us: i64) -> [u8; PACKET_BYTES] {
    let mut packet = [0; PACKET_BYTES];
    let version = request[0] & 0b0011_1000;
    packet[0] = version | 4; // no warning, server
    packet[1] = 2; // stratum
    packet[2] = request[2];
    packet[3] = 0xec; // precision, 2^-20 s
    let now = timestamp(now_us);
    packet[16..24].copy_from_slice(&now);
    packet[24..32].copy_from_slice(&request[40..48]); // the client's own time comes back
    packet[32..40].copy_from_slice(&now);
    packet[40..48].copy_from_slice(&now);
    packet
}

fn timestamp(us: i64) -> [u8; 8] {
    let us = us.max(0) as u64;
    let seconds = us / 1_000_000 + NTP_OFFSET_S;
    let fraction = ((us % 1_000_000) << 32) / 1_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_carries_the_time_and_the_question() {
        let mut request = [0; PACKET_BYTES];
        request[0] = 4 << 3 | 3;
        request[40..48].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let packet = answer(&request, 1_000_000_500_000);
        assert_eq!(packet[0], 4 << 3 | 4);
        assert_eq!(packet[24..32], [1, 2, 3, 4, 5, 6, 7, 8]);
        let stamp = u64::from_be_bytes(packet[40..48].try_into().unwrap());
        assert_eq!(stamp >> 32, 1_000_000 + NTP_OFFSET_S);
        assert_eq!(stamp as u32, 1 << 31);
    }
}
