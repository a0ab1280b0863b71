//! As much of an MQTT server as the courier's tests need.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Cut a connection after so many publishes, of which so many were acknowledged.
    pub cut_after: Option<(usize, usize)>,
    /// Cut so many connections, then behave.
    pub cuts_max: usize,
    /// Acknowledge in groups of so many, last first.
    pub reverse: usize,
    /// Refuse the message with this payload (MQTT 5).
    pub refuse: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Book {
    readings: Vec<String>,
    promised: Vec<String>,
    status: Vec<String>,
    cuts: usize,
}

pub struct Server {
    pub address: SocketAddr,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = book.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let book = shared.clone();
                tokio::spawn(async move { drop(serve(stream, manners, &book).await) });
            }
        });
        Self {
            address,
            book,
            task,
        }
    }

    /// Every reading that came, with repetitions, as text.
    pub fn readings(&self) -> Vec<String> {
        self.book.lock().unwrap().readings.clone()
    }

    /// Every reading whose acknowledgement was written.
    pub fn promised(&self) -> Vec<String> {
        self.book.lock().unwrap().promised.clone()
    }

    /// What came on status topics.
    pub fn status(&self) -> Vec<String> {
        self.book.lock().unwrap().status.clone()
    }

    /// Ends the server; its address is free then.
    pub async fn gone(self) -> SocketAddr {
        self.task.abort();
        drop(self.task.await);
        self.address
    }
}

async fn serve(stream: TcpStream, manners: Manners, book: &Mutex<Book>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let (mut v5, mut publishes, mut acknowledged) = (false, 0, 0);
    let mut group: Vec<(u16, String)> = Vec::new();
    loop {
        let head = reader.read_u8().await?;
        let mut body = vec![0; length(&mut reader).await?];
        reader.read_exact(&mut body).await?;
        match head >> 4 {
            1 => {
                v5 = body[6] == 5;
                let connack: &[u8] = if v5 {
                    &[0x20, 3, 0, 0, 0]
                } else {
                    &[0x20, 2, 0, 0]
                };
                writer.write_all(connack).await?;
            }
            3 => {
                let (topic, id, payload) = publish(&body, v5);
                if topic.ends_with("/status") {
                    book.lock().unwrap().status.push(payload);
                    writer.write_all(&puback(id, None)).await?;
                    continue;
                }
                publishes += 1;
                book.lock().unwrap().readings.push(payload.clone());
                group.push((id, payload));
                if group.len() >= manners.reverse || publishes % 10 == 0 {
                    if manners.reverse > 0 {
                        group.reverse();
                    }
                    for (id, payload) in group.drain(..) {
                        let refused = manners.refuse == Some(&*payload);
                        let (cut, most) = cut(manners, book);
                        if cut && acknowledged >= most {
                            continue;
                        }
                        acknowledged += 1;
                        writer
                            .write_all(&puback(id, refused.then_some(0x97)))
                            .await?;
                        book.lock().unwrap().promised.push(payload);
                    }
                }
                let (cut, _) = cut(manners, book);
                if cut && manners.cut_after.is_some_and(|(most, _)| publishes >= most) {
                    book.lock().unwrap().cuts += 1;
                    return Ok(());
                }
            }
            12 => writer.write_all(&[0xd0, 0]).await?,
            14 => return Ok(()),
            _ => {}
        }
    }
}

fn cut(manners: Manners, book: &Mutex<Book>) -> (bool, usize) {
    match manners.cut_after {
        Some((_, acknowledged)) if book.lock().unwrap().cuts < manners.cuts_max => {
            (true, acknowledged)
        }
        _ => (false, 0),
    }
}

fn publish(body: &[u8], v5: bool) -> (String, u16, String) {
    let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
    let topic = String::from_utf8(body[2..topic_end].to_vec()).unwrap();
    let id = u16::from_be_bytes([body[topic_end], body[topic_end + 1]]);
    let mut payload = topic_end + 2;
    if v5 {
        payload += 1 + usize::from(body[payload]);
    }
    (
        topic,
        id,
        String::from_utf8(body[payload..].to_vec()).unwrap(),
    )
}

fn puback(id: u16, reason: Option<u8>) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    match reason {
        Some(reason) => vec![0x40, 3, high, low, reason],
        None => vec![0x40, 2, high, low],
    }
}

async fn length(reader: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<usize> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = reader.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
        shift += 7;
    }
}
