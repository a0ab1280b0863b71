//! Why a listener can't be where a setting says, and what to do then.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

/// The error of a start whose listener can't be had.
pub fn refused(setting: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "another process listens there; end it (`ss -ltnp` names it), or set another address \
             (port 0 takes any port that is free)"
        }
        ErrorKind::AddrNotAvailable => "this machine has no such address; set one that it has",
        ErrorKind::PermissionDenied => {
            "ports below 1024 need a right of their own; set a higher one, or give it"
        }
        _ => "set another address",
    };
    anyhow::anyhow!("{setting}: {address} can't be listened on ({error}): {advice}")
}
