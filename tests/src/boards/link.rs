//! A breakable link between boards and the platform's MQTT listener.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Between two looks at whether the link is there again.
const PAUSE: Duration = Duration::from_millis(5);
const PUBACK: u8 = 4;

/// A TCP proxy whose faults are switched while connections are open.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    wire: Arc<Wire>,
}

#[derive(Debug, Default)]
struct Wire {
    /// Bytes stay where they are, in both directions; nobody is told.
    silent: AtomicBool,
    /// The platform's PUBACKs are left out.
    swallows_acks: AtomicBool,
    swallowed: AtomicU64,
    connections: AtomicU64,
    bytes_up: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Link {
    /// A link to a listener.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let wire = Arc::new(Wire::default());
        let shared = wire.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(stream) = stream {
                    // A platform that is down closes the board's connection, as without a link.
                    let _ = shared.open(stream, target);
                }
            }
        });
        Self { address, wire }
    }

    /// Where boards connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether bytes stay on the way, as when a cable is pulled: no end, no reset, only silence.
    pub fn silence(&self, silent: bool) {
        self.wire.silent.store(silent, Ordering::Relaxed);
        if !silent {
            // What stood still on both sides is of no use any more.
            self.cut();
        }
    }

    /// Whether the platform's PUBACKs are lost.
    pub fn swallow_acks(&self, swallows: bool) {
        self.wire.swallows_acks.store(swallows, Ordering::Relaxed);
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for stream in self.wire.streams().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many PUBACKs were lost.
    pub fn swallowed(&self) -> u64 {
        self.wire.swallowed.load(Ordering::Relaxed)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> u64 {
        self.wire.connections.load(Ordering::Relaxed)
    }

    /// How many bytes boards have sent, MQTT as TCP's payload.
    pub fn bytes_up(&self) -> u64 {
        self.wire.bytes_up.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.wire.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener's thread, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Wire {
    fn streams(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().expect("no thread panics with it")
    }

    fn open(self: &Arc<Self>, board: TcpStream, target: SocketAddr) -> io::Result<()> {
        let platform = TcpStream::connect(target)?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        for stream in [&board, &platform] {
            stream.set_nodelay(true)?;
            self.streams().push(stream.try_clone()?);
        }
        let (up, down) = (self.clone(), self.clone());
        let (board_out, platform_out) = (board.try_clone()?, platform.try_clone()?);
        thread::spawn(move || up.carry(board, platform_out, Wire::upwards));
        thread::spawn(move || {
            let mut packets = Packets::default();
            down.carry(platform, board_out, move |wire, bytes| {
                wire.downwards(&mut packets, bytes)
            });
        });
        Ok(())
    }

    /// Carries bytes until either side ends.
    fn carry(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        mut filter: impl FnMut(&Self, &[u8]) -> Vec<u8>,
    ) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            while self.silent.load(Ordering::Relaxed) {
                thread::park_timeout(PAUSE);
            }
            let bytes = filter(self, &buffer[..length]);
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn upwards(&self, bytes: &[u8]) -> Vec<u8> {
        self.bytes_up
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        bytes.to_vec()
    }

    fn downwards(&self, packets: &mut Packets, bytes: &[u8]) -> Vec<u8> {
        packets.add(bytes);
        let mut kept = Vec::new();
        while let Some(packet) = packets.next() {
            let is_ack = packet[0] >> 4 == PUBACK;
            if is_ack && self.swallows_acks.load(Ordering::Relaxed) {
                self.swallowed.fetch_add(1, Ordering::Relaxed);
            } else {
                kept.extend(packet);
            }
        }
        kept
    }
}

/// Takes a stream apart into whole MQTT packets.
#[derive(Debug, Default)]
struct Packets {
    bytes: Vec<u8>,
}

impl Packets {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut length = 0;
        for (at, byte) in self.bytes.iter().skip(1).take(4).enumerate() {
            length |= usize::from(byte & 127) << (7 * at);
            if byte & 128 == 0 {
                let whole = 2 + at + length;
                return (self.bytes.len() >= whole).then(|| self.bytes.drain(..whole).collect());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_whole_however_the_stream_is_cut() {
        let stream = [0x40, 2, 0, 1, 0xd0, 0, 0x30, 0x80, 0x01];
        let mut packets = Packets::default();
        let mut found = Vec::new();
        for byte in stream.iter().chain(&[9; 128]) {
            packets.add(&[*byte]);
            found.extend(packets.next());
        }
        let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4, 2, 3 + 128]);
    }
}
