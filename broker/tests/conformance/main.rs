//! The front door over real sockets.

mod delivery;
mod gate;
mod killers;
mod kit;
mod sessions;
