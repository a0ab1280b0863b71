//! Asking the platform for all that it acknowledged.

use super::{Comparison, Findings, Ledger, StoredReading};
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

/// Waits until the platform has read all that it acknowledged, then compares each book with
/// what it returns.
pub async fn verify<'a>(
    config: &VerifyConfig,
    ledgers: impl IntoIterator<Item = &'a Ledger>,
) -> Verification {
    let mut api = Api::new(config.address, config.http.clone());
    let mut verification = Verification::default();
    match settle(&mut api, config).await {
        Ok(figures) => verification.take(figures),
        Err(problem) => verification.problems.push(problem),
    }
    let mut told = Instant::now();
    for (done, ledger) in ledgers.into_iter().enumerate() {
        match compare(&mut api, config, ledger).await {
            Ok(findings) => add(&mut verification.findings, findings),
            Err(error) => {
                let device = ledger.device();
                let problem = format!("{device} can't be compared: {error}");
                verification.problems.push(problem);
            }
        }
        if told.elapsed() >= Duration::from_secs(2) {
            told = Instant::now();
            tracing::info!(devices = done + 1, "comparing with the platform");
        }
    }
    verification
}

/// Compares one book with what the API returns for its device.
pub async fn compare(
    api: &mut Api,
    config: &VerifyConfig,
    ledger: &Ledger,
) -> Result<Findings, ApiError> {
    let mut comparison = Comparison::new(ledger, config.tolerance);
    let Some((first_us, last_us)) = ledger.span_us() else {
        return Ok(comparison.finish());
    };
    // Milliseconds, whole, one more at each end: whichever ends the API includes.
    let (from, to) = (first_us / 1_000 - 1, last_us / 1_000 + 2);
    let query = format!(
        "/api/v1/readings?device={}&from={from}&to={to}&limit={}&format=json",
        ledger.device(),
        config.page_readings
    );
    let mut path = query.clone();
    loop {
        let page: Page = patiently(api, &path).await?;
        page.items
            .iter()
            .for_each(|reading| comparison.see(reading));
        match page.next {
            Some(cursor) => path = format!("{query}&cursor={}", escape(&cursor)),
            None => return Ok(comparison.finish()),
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
