//! What a fleet sent, what was acknowledged, and what the platform then gives back.

mod comparison;
mod latency;
mod ledger;
mod queue;
mod verify;

pub use comparison::{Comparison, Findings, StoredReading};
pub use latency::Latency;
pub use ledger::{Fate, Ledger, Numbering};
pub use queue::{QueueAudit, QueueLedger, QueueTotals};
pub use verify::{Audit, Reconciliation, Verification, VerifyConfig, settle, verify};

use crate::mqtt::Traffic;
use serde::Serialize;
use std::fmt;

/// The result of a simulation or a replay. Readings are counted, but where messages are named.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Devices that took part.
    pub devices: u64,
    /// Readings that entered the queues of devices that run the firmware's code.
    pub queued: u64,
    /// Readings that a full queue gave up, the oldest first, and counted.
    pub evicted: u64,
    /// Readings that are still in the devices' queues.
    pub left: u64,
    /// How often the power of a device went.
    pub power_cuts: u64,
    /// Bytes that went into the devices' flash.
    pub flash_bytes: u64,
    /// Readings that the devices made messages of.
    pub sent: u64,
    /// Readings of messages that the platform acknowledged.
    pub acknowledged: u64,
    /// Acknowledged readings that the API returned as they were sent.
    pub stored: u64,
    /// Readings written once more, on purpose or since no acknowledgement had come. The
    /// platform knows as many of them as duplicates as it had got the first time; each is
    /// stored once.
    pub duplicate: u64,
    /// Acknowledged readings that the API did not return.
    pub missing: u64,
    /// Readings that the API returned more than once.
    pub extra: u64,
    /// Acknowledged readings that came back with another time or value.
    pub different: u64,
    /// Readings that the platform was right not to store (out of range, from the future).
    pub rejected: u64,
    /// Readings without an acknowledgement; the platform may have them or not.
    pub unacknowledged: u64,
    /// Stored readings without an acknowledgement: the platform kept a promise that it had
    /// not given.
    pub unconfirmed: u64,
    /// Whether what was acknowledged was compared with what the API returns.
    pub compared: bool,
    /// Messages written, with those written again.
    pub messages: u64,
    /// Messages that were no readings at all, sent to be refused.
    pub malformed_messages: u64,
    /// Messages refused with an MQTT 5 reason code.
    pub refused_messages: u64,
    /// Times that a client got in.
    pub connections: u64,
    /// How long it took, s.
    pub seconds: f64,
    /// Processor time of the threads that ran the firmware's code, s.
    pub node_cpu_s: f64,
    /// From writing a message to its acknowledgement, ms.
    pub latency_ms: LatencyMs,
    /// The platform's own figures for all of its devices, once nothing was unread or pending.
    pub platform: Option<Reconciliation>,
    /// What went wrong, the first few of it.
    pub problems: Vec<String>,
}

/// Quantiles of a latency, ms.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LatencyMs {
    /// Half were faster.
    pub p50: f64,
    /// One in a hundred was slower.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

const PROBLEMS_MAX: usize = 20;

impl Report {
    /// Whether all that was acknowledged is there, once, as it was sent.
    pub fn passed(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.different == 0 && self.problems.is_empty()
    }

    /// The exit code of a command that ends with this report.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.passed())
    }

    /// Notes a problem; only the first few are kept.
    pub fn problem(&mut self, problem: impl fmt::Display) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem.to_string());
        }
    }

    /// Adds what the devices' own books say.
    pub fn add_ledger(&mut self, ledger: &Ledger) {
        let totals = ledger.totals();
        self.devices += 1;
        self.sent += totals.sent;
        self.acknowledged += totals.acknowledged;
        self.unacknowledged += totals.sent - totals.acknowledged;
    }

    /// Adds what the book of a device says that runs the firmware's code.
    pub fn add_queue(&mut self, ledger: &QueueLedger) {
        let totals = ledger.totals();
        self.devices += 1;
        self.queued += totals.queued;
        self.sent += totals.sent;
        self.acknowledged += totals.acknowledged;
        self.unacknowledged += totals.sent - totals.acknowledged;
        self.left += totals.left;
        self.evicted += ledger.evicted;
        self.duplicate += ledger.repeated;
        ledger.problems().iter().for_each(|p| self.problem(p));
    }

    /// Adds what the couriers saw.
    pub fn add_traffic(&mut self, traffic: &Traffic) {
        self.messages += traffic.sent + traffic.resent;
        self.refused_messages += traffic.refused;
        self.connections += traffic.connections;
        self.latency_ms = LatencyMs {
            p50: traffic.latency.quantile_ms(0.5),
            p99: traffic.latency.quantile_ms(0.99),
            max: traffic.latency.max_ms(),
        };
    }

    /// Adds what a comparison found.
    pub fn add_findings(&mut self, findings: &Findings) {
        self.stored += findings.stored;
        self.missing += findings.missing;
        self.extra += findings.extra;
        self.different += findings.different;
        self.rejected += findings.rejected;
        self.unconfirmed += findings.unconfirmed;
        for example in &findings.examples {
            self.problem(example);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.messages as f64 / self.seconds.max(1e-3);
        writeln!(
            f,
            "{} devices, {} messages in {:.1} s ({rate:.0}/s), {} connections",
            self.devices, self.messages, self.seconds, self.connections
        )?;
        writeln!(
            f,
            "acknowledged after {:.1} ms (half), {:.1} ms (99 %), {:.1} ms (all)",
            self.latency_ms.p50, self.latency_ms.p99, self.latency_ms.max
        )?;
        writeln!(f)?;
        for (name, count) in [
            ("queued", self.queued),
            ("evicted", self.evicted),
            ("left in queues", self.left),
            ("power cuts", self.power_cuts),
            ("sent", self.sent),
            ("acknowledged", self.acknowledged),
            ("stored", self.stored),
            ("duplicate", self.duplicate),
            ("rejected", self.rejected),
            ("unacknowledged", self.unacknowledged),
            ("unconfirmed", self.unconfirmed),
            ("missing", self.missing),
            ("stored twice", self.extra),
            ("different", self.different),
        ] {
            writeln!(f, "  {name:<16}{count:>12}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  ! {problem}")?;
        }
        let verdict = match (self.passed(), self.compared) {
            (true, true) if self.rejected > 0 => {
                "every acknowledged reading is stored, once, or a dead letter that says why"
            }
            (true, true) => "every acknowledged reading is stored, once",
            (true, false) => "sent; not compared with the platform",
            (false, _) => "FAILED",
        };
        write!(f, "\n{verdict}")
    }
}
