//! What embassy gives a node, whatever the board: its clock, connections to the broker, and the
//! time of day from an SNTP server.
#![no_std]
#![forbid(unsafe_code)]

mod apart;
mod clock;
mod host;
mod sntp;
mod tcp;

pub use apart::Apart;
pub use clock::Uptime;
pub use host::{Host, NAME_BYTES_MAX, NotAHost};
pub use sntp::{Sntp, SntpError};
pub use tcp::{Tcp, TcpError};
