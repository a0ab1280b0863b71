//! Asking the platform for all that it acknowledged.

use super::{Findings, StoredReading};
use crate::http::{Api, ApiError, Config as HttpConfig, escape};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// Where to ask, and how patiently.
#[derive(Clone, Debug)]
pub struct VerifyConfig {
    /// The platform's HTTP address.
    pub address: SocketAddr,
    /// How long the fold may take to reach the end of the log, s. Default 120.
    pub settle_s_max: u64,
    /// Readings asked for at once. Default 100,000, the most that the API gives.
    pub page_readings: u32,
    /// Relative error allowed in a value. Default 0.
    pub tolerance: f64,
    /// Bounds on one request.
    pub http: HttpConfig,
}

impl VerifyConfig {
    /// The defaults, for a platform at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            settle_s_max: 120,
            page_readings: 100_000,
            tolerance: 0.0,
            http: HttpConfig::default(),
        }
    }
}

/// A device's own book beside what the API returns, in any order.
pub trait Audit {
    /// The device.
    fn device(&self) -> &str;
    /// The earliest and the latest time in the book, µs since 1970 UTC.
    fn span_us(&self) -> Option<(i64, i64)>;
    /// Takes one stored reading.
    fn see(&mut self, reading: &StoredReading);
    /// Ends it: what was acknowledged and not seen is missing.
    fn finish(self: Box<Self>) -> Findings;
}

/// The platform's own count, in readings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub struct Reconciliation {
    /// Read from the log.
    pub received: u64,
    /// In the store.
    pub stored: u64,
    /// Known already.
    pub duplicate: u64,
    /// Dead letters.
    pub rejected: u64,
    /// Accepted, not yet in the store.
    pub pending: u64,
    /// Log records not read yet.
    pub unread: u64,
}

/// What the platform said, device by device.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// Summed over the devices.
    pub findings: Findings,
    /// The platform's own figures, once it had settled.
    pub figures: Option<Reconciliation>,
    /// What kept the comparison from being complete.
    pub problems: Vec<String>,
}

impl Reconciliation {
    /// Whether received = stored + duplicate + rejected + pending.
    pub fn adds_up(&self) -> bool {
        self.received == self.stored + self.duplicate + self.rejected + self.pending
    }
}

impl Verification {
    fn take(&mut self, figures: Reconciliation) {
        if !figures.adds_up() {
            let problem = format!("the platform's figures don't add up: {figures:?}");
            self.problems.push(problem);
        }
        self.figures = Some(figures);
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<StoredReading>,
    next: Option<String>,
}

/// Waits until the platform has read all that it acknowledged, then shows each book what it
/// returns.
pub async fn verify<'a>(
    config: &VerifyConfig,
    audits: impl IntoIterator<Item = Box<dyn Audit + Send + 'a>>,
) -> Verification {
    let mut api = Api::new(config.address, config.http.clone());
    let mut verification = Verification::default();
    match settle(&mut api, config).await {
        Ok(figures) => verification.take(figures),
        Err(problem) => verification.problems.push(problem),
    }
    let mut told = Instant::now();
    let mut audits = audits.into_iter();
    let mut done = 0_usize;
    while let Some(mut audit) = audits.next() {
        match compare(&mut api, config, &mut *audit).await {
            Ok(()) => add(&mut verification.findings, audit.finish()),
            Err(error) => {
                let device = audit.device();
                let problem = match error {
                    // Each of the others would be tried as long.
                    ApiError::Unreachable { .. } => {
                        let others = audits.by_ref().count();
                        format!("{device} and {others} others can't be compared: {error}")
                    }
                    _ => format!("{device} can't be compared: {error}"),
                };
                verification.problems.push(problem);
            }
        }
        done += 1;
        if told.elapsed() >= Duration::from_secs(2) {
            told = Instant::now();
            tracing::info!(devices = done, "comparing with the platform");
        }
    }
    verification
}

/// Shows a book all that the API returns for its device.
async fn compare(
    api: &mut Api,
    config: &VerifyConfig,
    audit: &mut (dyn Audit + Send + '_),
) -> Result<(), ApiError> {
    let Some((first_us, last_us)) = audit.span_us() else {
        return Ok(());
    };
    // Milliseconds, whole, one more at each end: whichever ends the API includes.
    let (from, to) = (first_us / 1_000 - 1, last_us / 1_000 + 2);
    let query = format!(
        "/api/v1/readings?device={}&from={from}&to={to}&limit={}&format=json",
        audit.device(),
        config.page_readings
    );
    let mut path = query.clone();
    loop {
        let page: Page = patiently(api, &path).await?;
        page.items.iter().for_each(|reading| audit.see(reading));
        match page.next {
            Some(cursor) => path = format!("{query}&cursor={}", escape(&cursor)),
            None => return Ok(()),
        }
    }
}

/// Waits until nothing is unread or pending; says what is left if that takes too long.
pub async fn settle(api: &mut Api, config: &VerifyConfig) -> Result<Reconciliation, String> {
    let until = Instant::now() + Duration::from_secs(config.settle_s_max);
    let mut told = Instant::now();
    loop {
        let last: Result<Reconciliation, _> = api.get("/api/v1/reconciliation").await;
        let left = match last {
            Ok(now) if now.pending == 0 && now.unread == 0 => return Ok(now),
            Ok(now) => format!("{} pending and {} unread", now.pending, now.unread),
            Err(error) if error.is_passing() => error.to_string(),
            Err(error) => return Err(error.to_string()),
        };
        if Instant::now() >= until {
            return Err(format!(
                "not settled after {} s: {left}",
                config.settle_s_max
            ));
        }
        if told.elapsed() >= Duration::from_secs(2) {
            told = Instant::now();
            tracing::info!(left, "waiting for the platform to settle");
        }
        sleep(Duration::from_millis(100)).await;
    }
}

const TRIES: u32 = 5;

async fn patiently(api: &mut Api, path: &str) -> Result<Page, ApiError> {
    let mut tries = 1;
    loop {
        match api.get(path).await {
            Err(error) if error.is_passing() && tries < TRIES => {
                sleep(Duration::from_millis(200 << tries)).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

fn add(sum: &mut Findings, more: Findings) {
    sum.stored += more.stored;
    sum.missing += more.missing;
    sum.extra += more.extra;
    sum.different += more.different;
    sum.rejected += more.rejected;
    sum.unconfirmed += more.unconfirmed;
    sum.foreign += more.foreign;
    let room = 20_usize.saturating_sub(sum.examples.len());
    sum.examples.extend(more.examples.into_iter().take(room));
}

#[cfg(test)]
mod tests;
