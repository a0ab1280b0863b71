//! Whether there is a platform, asked before anything is sent to it.

use crate::{
    http::{self, Api},
    mqtt,
};
use std::{fmt::Display, net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep_until, timeout_at};

/// There is no platform where one should be: end.
#[derive(Debug, thiserror::Error)]
#[error(
    "no platform answers {what} at {address} (tried for {seconds} s, last: {reason}); start it \
     with `nhip up`, or say where it is with {flag}"
)]
pub struct ReachError {
    /// What was tried: MQTT or HTTP.
    what: &'static str,
    /// The flag with the address.
    flag: &'static str,
    /// Where it should be.
    address: SocketAddr,
    /// How long it was tried.
    seconds: u64,
    /// What the last try came to.
    reason: String,
}

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until a platform lets an MQTT client in, and answers HTTP where that is needed; at most
/// so many seconds for each.
pub async fn reach(
    mqtt: SocketAddr,
    http: Option<SocketAddr>,
    seconds: u64,
) -> Result<(), ReachError> {
    let of = |what, flag, address, reason| ReachError {
        what,
        flag,
        address,
        seconds,
        reason,
    };
    patiently(seconds, async || mqtt::knock(mqtt).await)
        .await
        .map_err(|reason| of("MQTT", "--mqtt", mqtt, reason))?;
    if let Some(http) = http {
        patiently(seconds, async || {
            Api::new(http, http::Config::default()).knock().await
        })
        .await
        .map_err(|reason| of("HTTP", "--http", http, reason))?;
    }
    Ok(())
}

/// Tries until it succeeds or the time is over; then says what the last try came to.
async fn patiently<E: Display>(
    seconds: u64,
    mut attempt: impl AsyncFnMut() -> Result<(), E>,
) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut last = None;
    loop {
        match timeout_at(until, attempt()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => last = Some(error.to_string()),
            Err(_) => return Err(last.unwrap_or_else(|| "no answer".to_owned())),
        }
        if Instant::now() >= until {
            return Err(last.unwrap_or_default());
        }
        sleep_until(until.min(Instant::now() + PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_until_the_time_is_over_and_no_longer() {
        let start = Instant::now();
        let refused = patiently(5, async || Err::<(), _>("refused")).await;
        assert_eq!(refused, Err("refused".to_owned()));
        assert_eq!(start.elapsed().as_secs(), 5);
        let silent = patiently(5, async || std::future::pending::<Result<(), &str>>().await).await;
        assert_eq!(silent, Err("no answer".to_owned()));
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_comes_in_time_is_waited_for() {
        let mut tries = 0;
        let reached = patiently(5, async || {
            tries += 1;
            if tries < 7 { Err("refused") } else { Ok(()) }
        });
        assert_eq!(reached.await, Ok(()));
    }
}
