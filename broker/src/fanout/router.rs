//! The embedded rumqttd router as a carrier of parcels.
//!
//! A parcel is one message to the router, on one fixed topic. So nothing that a client chose
//! reaches it: its topic caches can't grow, its filters can't be made to fail, and a batch
//! costs it one event.

use bytes::Bytes;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{Packet, Publish};
use rumqttd::{Notification, Router, RouterConfig, Strategy};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};
use thiserror::Error;

/// Why a carrier can't go on: build another.
#[derive(Debug, Error)]
#[error("the router is gone: {0}")]
pub struct CarrierError(pub String);

/// Takes parcels in and gives them out again in order.
pub trait Carrier: Send {
    /// Sends parcels on their way.
    fn send(&mut self, parcels: &[Bytes]) -> Result<(), CarrierError>;
    /// The next parcel that has come through; `None` at the deadline.
    fn receive(&mut self, deadline: Instant) -> Result<Option<Bytes>, CarrierError>;
}

/// Builds carriers, as often as one fails.
pub trait Engine: Send + Sync + 'static {
    /// A new carrier. May block or panic: it is given up then, and called again.
    fn open(&self) -> Result<Box<dyn Carrier>, CarrierError>;
}

/// Bytes of messages that the router keeps for its slowest link: 8 segments of 1 MiB, which
/// is more than the pump ever has under way.
const SEGMENT_BYTES: usize = 1 << 20;
const SEGMENTS: usize = 8;
const TOPIC: &str = "nhip/fanout";

/// Builds rumqttd routers. A router that has stalled keeps its thread and its messages, since
/// nothing can end it from outside; how fast routers follow each other is bounded by the pump.
#[derive(Debug, Default)]
pub struct RumqttdEngine {
    opened: AtomicUsize,
}

struct RumqttdCarrier {
    input: LinkTx,
    input_notices: LinkRx,
    output: LinkRx,
    /// Keeps the subscription of `output`.
    _output_requests: LinkTx,
}

impl Engine for RumqttdEngine {
    fn open(&self) -> Result<Box<dyn Carrier>, CarrierError> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let router = router(number).spawn();
        carrier(|name| LinkBuilder::new(name, router.clone()))
    }
}

/// A router that is not running yet, as the fan-out needs it.
pub fn router(number: usize) -> Router {
    let config = RouterConfig {
        max_connections: 8,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        custom_segment: None,
        initialized_filters: None,
        shared_subscriptions_strategy: Strategy::RoundRobin,
    };
    Router::new(number, config)
}

/// A carrier through the running router whose links `link` builds, by their names.
pub fn carrier(
    link: impl Fn(&'static str) -> LinkBuilder<'static>,
) -> Result<Box<dyn Carrier>, CarrierError> {
    let gone = |error: rumqttd::local::LinkError| CarrierError(error.to_string());
    let (mut requests, output, _) = link("nhip-out").build().map_err(gone)?;
    requests.subscribe(TOPIC).map_err(gone)?;
    let (input, input_notices, _) = link("nhip-in").build().map_err(gone)?;
    Ok(Box::new(RumqttdCarrier {
        input,
        input_notices,
        output,
        _output_requests: requests,
    }))
}

impl Carrier for RumqttdCarrier {
    fn send(&mut self, parcels: &[Bytes]) -> Result<(), CarrierError> {
        let publish = |parcel: &Bytes| {
            Packet::Publish(
                Publish::new(Bytes::from_static(TOPIC.as_bytes()), parcel.clone(), false),
                None,
            )
        };
        let Some((last, earlier)) = parcels.split_last() else {
            return Ok(());
        };
        self.input.buffer().extend(earlier.iter().map(publish));
        now(self.input.send(publish(last))).map_err(|error| CarrierError(error.to_string()))?;
        while let Ok(Some(notice)) = self.input_notices.recv_deadline(Instant::now()) {
            if let Notification::Unschedule = notice {
                self.input_notices
                    .ready()
                    .map_err(|error| CarrierError(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, deadline: Instant) -> Result<Option<Bytes>, CarrierError> {
        use rumqttd::local::LinkError::RecvTimeout;
        loop {
            match self.output.recv_deadline(deadline) {
                Ok(Some(Notification::Forward(forward))) => {
                    return Ok(Some(forward.publish.payload));
                }
                Ok(Some(Notification::Unschedule)) => self
                    .output
                    .ready()
                    .map_err(|error| CarrierError(error.to_string()))?,
                Ok(_) => {}
                Err(RecvTimeout(_)) if Instant::now() >= deadline => return Ok(None),
                Err(error) => return Err(CarrierError(error.to_string())),
            }
        }
    }
}

/// Runs a future that is asynchronous in name only: `LinkTx::send` blocks or is done.
fn now<T>(future: impl Future<Output = Result<T, rumqttd::local::LinkError>>) -> Result<T, String> {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(sent) = future.as_mut().poll(&mut context) {
            return sent.map_err(|error| error.to_string());
        }
    }
}
