//! What a TLS session adds to an idle connection, by the library that will serve it.

use crate::figures::Figure;
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig,
    ServerConnection,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
};
use std::{io, sync::Arc};

const SESSIONS: usize = 2_000;
const KIB: f64 = 1024.0;
/// For this alone: nobody trusts it.
const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.der");
const KEY: &[u8] = include_bytes!("tls/key.der");

/// The servers' halves of TLS 1.3 sessions that have shaken hands and exchanged a byte each way.
/// Those of the clients are gone: what they held is taken by those that come after them.
pub fn run() -> Vec<Figure> {
    let (server, client) = configs();
    let mut held = vec![session(&server, &client)];
    let resident_bytes = || nhip_tests::city::resident_bytes(std::process::id());
    let before = resident_bytes();
    held.extend((0..SESSIONS).map(|_| session(&server, &client)));
    let bytes = resident_bytes().saturating_sub(before) as f64 / SESSIONS as f64;
    drop(held);
    vec![Figure::less(
        "resident memory that TLS adds to an idle connection",
        bytes / KIB,
        "KiB",
        (32.0, 16.0),
        format!(
            "{SESSIONS} sessions of rustls, TLS 1.3, without the platform, which offers none yet"
        ),
    )]
}

fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let certificate = CertificateDer::from(CERTIFICATE);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(KEY).into())
        .expect("its key");
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn session(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> ServerConnection {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
    while client.is_handshaking() || server.is_handshaking() {
        exchange(&mut client, &mut server);
    }
    io::Write::write_all(&mut client.writer(), b"?").expect("room for a byte");
    io::Write::write_all(&mut server.writer(), b"!").expect("room for a byte");
    exchange(&mut client, &mut server);
    io::Read::read_exact(&mut server.reader(), &mut [0]).expect("the client's byte");
    server
}

fn exchange(client: &mut ClientConnection, server: &mut ServerConnection) {
    carry(client, server);
    carry(server, client);
}

/// What one has to write, into the other.
fn carry<A, B>(from: &mut ConnectionCommon<A>, to: &mut ConnectionCommon<B>) {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).expect("a vector takes all");
    }
    let mut arriving = wire.as_slice();
    while !arriving.is_empty() {
        to.read_tls(&mut arriving).expect("from a slice");
        to.process_new_packets().expect("a peer of ours");
    }
}
