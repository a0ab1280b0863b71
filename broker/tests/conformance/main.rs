//! The front door over real sockets.

mod gate;
mod kit;
