//! A proxy between a store and its server that can be told to misbehave.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What a proxy does with what the server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misdeed {
    /// It hands it over.
    #[default]
    None,
    /// It holds it back for so long.
    Delay(Duration),
    /// It hands over its first bytes, so many, and cuts the connection.
    Cut(usize),
    /// It keeps the request to itself, says that all is well, and cuts the connection.
    Lie,
    /// It puts the second for the first wherever that is in an answer; they are of one length.
    Replace(&'static str, &'static str),
    /// It leaves the words out of the first request that has them, and cuts the connection, and
    /// every other, when there is an answer.
    Omit(&'static str),
}

/// A running proxy; it ends with the process.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    misdeed: Arc<Mutex<Misdeed>>,
}

impl Proxy {
    /// Stands before `server` (`host:port`).
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            misdeed: Arc::default(),
        };
        let (misdeed, server) = (Arc::clone(&proxy.misdeed), server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (misdeed, server) = (Arc::clone(&misdeed), server.clone());
                thread::spawn(move || relay(client, &server, &misdeed));
            }
        });
        proxy
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it does from the next answer on.
    pub fn set(&self, misdeed: Misdeed) {
        *self.misdeed.lock().unwrap_or_else(PoisonError::into_inner) = misdeed;
    }
}

fn relay(mut client: TcpStream, server: &str, misdeed: &Arc<Mutex<Misdeed>>) {
    let now = || *misdeed.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(mut server) = TcpStream::connect(server) else {
        return;
    };
    let (Ok(mut answers), Ok(mut back)) = (server.try_clone(), client.try_clone()) else {
        return;
    };
    let told = Arc::clone(misdeed);
    thread::spawn(move || {
        answer(&mut answers, &mut back, &told);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        if now() == Misdeed::Lie {
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            // What is unread when a socket closes becomes a reset.
            break;
        }
        if let Misdeed::Omit(words) = now()
            && replace(&mut bytes[..count], words, &" ".repeat(words.len()))
        {
            *misdeed.lock().unwrap_or_else(PoisonError::into_inner) = Misdeed::Cut(0);
        }
        if server.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

fn answer(server: &mut TcpStream, client: &mut TcpStream, misdeed: &Mutex<Misdeed>) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        let mut handed = count;
        let mut is_cut = false;
        match *misdeed.lock().unwrap_or_else(PoisonError::into_inner) {
            Misdeed::None | Misdeed::Lie | Misdeed::Omit(_) => {}
            // The proxy's time, not the test's: the test waits for what the store does.
            Misdeed::Delay(time) => thread::park_timeout(time),
            Misdeed::Cut(first) => (handed, is_cut) = (first.min(count), true),
            Misdeed::Replace(found, put) => {
                replace(&mut bytes[..count], found, put);
            }
        }
        if client.write_all(&bytes[..handed]).is_err() || is_cut {
            return;
        }
    }
}

/// Whether it was there.
fn replace(bytes: &mut [u8], found: &str, put: &str) -> bool {
    assert_eq!(found.len(), put.len(), "the lengths stay true");
    let mut from = 0;
    while let Some(at) = bytes[from..]
        .windows(found.len())
        .position(|window| window == found.as_bytes())
    {
        from += at;
        bytes[from..from + put.len()].copy_from_slice(put.as_bytes());
        from += put.len();
    }
    from > 0
}
