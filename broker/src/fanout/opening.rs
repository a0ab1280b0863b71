//! Building a carrier in a bounded time, whatever the router does meanwhile.

use super::{Carrier, CarrierError, Engine};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// A new carrier within `stall`.
///
/// Linking up with a router waits for its answer, and a router whose thread doesn't start
/// panics. So both happen on a thread of their own, which is left behind if it takes longer.
pub(super) fn open<E: Engine>(
    engine: &Arc<E>,
    stall: Duration,
) -> Result<Box<dyn Carrier>, CarrierError> {
    let (opened, opening) = mpsc::sync_channel(1);
    let engine = Arc::clone(engine);
    thread::Builder::new()
        .name("nhip-router-open".into())
        .spawn(move || {
            // Nobody waits for it any more if it took too long.
            let _ = opened.send(engine.open());
        })
        .map_err(|error| CarrierError(format!("its thread doesn't start: {error}")))?;
    let refused = |error| match error {
        mpsc::RecvTimeoutError::Timeout => CarrierError("it doesn't start".into()),
        mpsc::RecvTimeoutError::Disconnected => CarrierError("it panicked at its start".into()),
    };
    opening.recv_timeout(stall).map_err(refused)?
}
