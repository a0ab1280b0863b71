//! What entered a node's queue, what became of it, and what the API returns of it.

use super::{Audit, Findings, StoredReading};
use nhip_node::{Basis, Channel, Quality, Queued};
use nhip_wire::compact::Sample;
use std::sync::Arc;

/// The book of one device that runs the firmware's code. An entry takes 16 bytes: its number is
/// its sequence number, which goes on over all boots.
#[derive(Clone, Debug)]
pub struct QueueLedger {
    device: Arc<str>,
    channels: Arc<[Channel]>,
    boots: Vec<u32>,
    entries: Vec<Entry>,
    /// Readings that the device counted as evicted since its flash was blank.
    pub evicted: u64,
    /// Readings written once more.
    pub repeated: u64,
    /// Readings that went out and weren't acknowledged yet.
    unanswered: u64,
    /// The number behind the newest one that was acknowledged.
    acknowledged_below: u64,
    problems: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time_ms: i64,
    scaled: i32,
    boot: u16,
    channel: u8,
    flags: u8,
}

/// Sums over a book, in readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTotals {
    /// Entered the queue.
    pub queued: u64,
    /// Went out at least once.
    pub sent: u64,
    /// Were acknowledged.
    pub acknowledged: u64,
    /// Are still in the queue.
    pub left: u64,
}

/// It entered the queue, and the device said so.
const QUEUED: u8 = 1;
/// It went out.
const SENT: u8 = 1 << 1;
/// It was acknowledged.
const ACKNOWLEDGED: u8 = 1 << 2;
/// The platform may well reject it.
const DOUBTFUL: u8 = 1 << 3;
/// It has no value.
const ABSENT: u8 = 1 << 4;
/// Its time is none that the device knows: it was measured before the clock was set.
const UNDATED: u8 = 1 << 5;
/// Its time counts from the arrival.
const AGED: u8 = 1 << 6;
/// It is in the queue at the end.
const LEFT: u8 = 1 << 7;

const PROBLEMS_MAX: usize = 5;
const NOTHING: Entry = Entry {
    time_ms: 0,
    scaled: 0,
    boot: 0,
    channel: 0,
    flags: 0,
};

impl QueueLedger {
    /// An empty book of a device with these channels.
    pub fn new(device: Arc<str>, channels: Arc<[Channel]>) -> Self {
        Self {
            device,
            channels,
            boots: Vec::new(),
            entries: Vec::new(),
            evicted: 0,
            repeated: 0,
            unanswered: 0,
            acknowledged_below: 0,
            problems: Vec::new(),
        }
    }

    /// A reading entered the queue. `doubtful`: the platform may well reject it.
    pub fn queued(&mut self, queued: &Queued, doubtful: bool) {
        let boot = self.boot(queued.boot);
        let reading = &queued.reading;
        let mut flags = QUEUED;
        flags |= if doubtful { DOUBTFUL } else { 0 };
        flags |= match reading.value.quality {
            Quality::Missing => ABSENT,
            _ => 0,
        };
        flags |= match reading.stamp.basis {
            Basis::Uptime => UNDATED,
            Basis::Exact | Basis::Doubtful => 0,
        };
        let entry = Entry {
            time_ms: reading.stamp.ms,
            scaled: reading.value.scaled,
            boot,
            channel: reading.channel,
            flags,
        };
        match self.entry_mut(queued.seq) {
            Some(known) if known.flags == 0 => *known = entry,
            _ => self.problem(&format!("sequence number {} was given twice", queued.seq)),
        }
    }

    /// A reading went out, dated or with its age. Whether it had gone out before.
    pub fn sent(&mut self, boot: u32, seq: u64, sample: &Sample, dated: bool) -> bool {
        let boot = self.boot(boot);
        let (queued, value, mut after) = match self.entry_mut(seq) {
            Some(entry) => (entry.flags & QUEUED != 0, entry.scaled, *entry),
            None => (false, 0, NOTHING),
        };
        let again = after.flags & SENT != 0;
        after.flags |= SENT | if dated { 0 } else { AGED };
        if !queued && !again {
            // The power went as it was written: it is in the flash, and nobody could say so.
            after.boot = boot;
            after.time_ms = sample.time_ms;
            after.flags |= UNDATED;
        }
        let decimals = self.channels.get(usize::from(after.channel));
        let decimals = decimals.map_or(0, |channel| channel.decimals);
        if queued && f64::from(value) / power(decimals) != sample.value {
            self.problem(&format!("reading {seq} was queued as another value"));
        }
        if after.flags & UNDATED != 0 {
            if again && after.time_ms != sample.time_ms {
                after.flags |= AGED;
            }
            after.time_ms = sample.time_ms;
        } else if after.time_ms != sample.time_ms || after.boot != boot {
            self.problem(&format!(
                "reading {seq} was queued with another time or boot"
            ));
        }
        if let Some(entry) = self.entry_mut(seq) {
            *entry = after;
        }
        self.repeated += u64::from(again);
        self.unanswered += u64::from(!again);
        again
    }

    /// The platform acknowledged these readings.
    pub fn acknowledged(&mut self, seqs: &[u64]) {
        for &seq in seqs {
            let Some(entry) = self.entry_mut(seq) else {
                continue;
            };
            let first = entry.flags & (SENT | ACKNOWLEDGED) == SENT;
            entry.flags |= ACKNOWLEDGED;
            self.unanswered -= u64::from(first);
            self.acknowledged_below = self.acknowledged_below.max(seq + 1);
        }
    }

    /// The device's memory still holds this reading at the end, unless it was acknowledged and
    /// the device hadn't written that down yet. Whether it does.
    pub fn left(&mut self, seq: u64) -> bool {
        let entry = self.entry_mut(seq);
        let left = entry.filter(|entry| entry.flags & ACKNOWLEDGED == 0);
        left.map(|entry| entry.flags |= LEFT).is_some()
    }

    /// Whether nothing of the first so many readings is still to be sent or acknowledged.
    pub fn is_delivered(&self, readings: usize) -> bool {
        self.unanswered == 0 && self.acknowledged_below >= readings as u64
    }

    /// How far the device came, in words.
    pub fn delivered(&self) -> String {
        format!(
            "acknowledged below seq {}, {} unanswered, {} in all",
            self.acknowledged_below,
            self.unanswered,
            self.len()
        )
    }

    /// How many readings it has: the next one's sequence number.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes what a device did wrong.
    pub fn problem(&mut self, problem: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{}: {problem}", self.device));
        }
    }

    /// What the device did wrong.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Sums over the book.
    pub fn totals(&self) -> QueueTotals {
        let count = |flag| {
            let with = self.entries.iter().filter(|entry| entry.flags & flag != 0);
            with.count() as u64
        };
        QueueTotals {
            queued: count(QUEUED),
            sent: count(SENT),
            acknowledged: count(ACKNOWLEDGED),
            left: count(LEFT),
        }
    }

    fn boot(&mut self, boot: u32) -> u16 {
        let at = self.boots.iter().rposition(|known| *known == boot);
        at.unwrap_or_else(|| {
            self.boots.push(boot);
            self.boots.len() - 1
        }) as u16
    }

    fn entry_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let at = usize::try_from(seq).ok()?;
        // A device queues one after the other: a number far behind the last is none of its own.
        if at >= self.entries.len() + 10_000 {
            return None;
        }
        if at >= self.entries.len() {
            self.entries.resize(at + 1, NOTHING);
        }
        self.entries.get_mut(at)
    }
}

fn power(decimals: u8) -> f64 {
    10_u64.pow(u32::from(decimals)) as f64
}

/// A node's book beside what the API returns.
pub struct QueueAudit<'a> {
    ledger: &'a QueueLedger,
    seen: Vec<bool>,
    findings: Findings,
}

impl<'a> QueueAudit<'a> {
    /// Begins one.
    pub fn new(ledger: &'a QueueLedger) -> Self {
        Self {
            ledger,
            seen: vec![false; ledger.len()],
            findings: Findings::default(),
        }
    }

    fn place(&self, reading: &StoredReading) -> Option<usize> {
        let boot = u32::try_from(reading.boot?).ok()?;
        let known = self.ledger.boots.contains(&boot) && *reading.device == *self.ledger.device;
        let at = usize::try_from(reading.seq?).ok()?;
        (known && at < self.seen.len()).then_some(at)
    }

    fn agrees(&self, entry: &Entry, reading: &StoredReading) -> bool {
        let Some(channel) = self.ledger.channels.get(usize::from(entry.channel)) else {
            return false;
        };
        let value = f64::from(entry.scaled) / power(channel.decimals);
        let expected = (entry.flags & ABSENT == 0).then_some(value);
        let recovered = entry.flags & QUEUED == 0;
        let boot = self.ledger.boots.get(usize::from(entry.boot)).copied();
        boot.map(u64::from) == reading.boot
            && (recovered || (*reading.datastream == *channel.name && reading.value == expected))
            && (entry.flags & AGED != 0 || reading.time.as_microsecond() == entry.time_ms * 1_000)
    }

    fn wrong(&mut self, what: String) {
        if self.findings.examples.len() < PROBLEMS_MAX {
            self.findings.examples.push(what);
        }
    }
}

impl Audit for QueueAudit<'_> {
    fn device(&self) -> &str {
        &self.ledger.device
    }

    fn span_us(&self) -> Option<(i64, i64)> {
        let sent = || self.ledger.entries.iter().filter(|e| e.flags & SENT != 0);
        let dated = || sent().filter(|entry| entry.flags & AGED == 0);
        if sent().count() > dated().count() {
            // Some are dated by their arrival: any time will do.
            return Some((946_684_800_000_000, 4_102_444_800_000_000));
        }
        let first = dated().map(|entry| entry.time_ms).min()?;
        let last = dated().map(|entry| entry.time_ms).max()?;
        Some((first * 1_000, last * 1_000))
    }

    fn see(&mut self, reading: &StoredReading) {
        let Some(at) = self.place(reading) else {
            self.findings.foreign += 1;
            return;
        };
        let entry = self.ledger.entries[at];
        let name = || {
            let StoredReading {
                device,
                datastream,
                time,
                value,
                ..
            } = reading;
            format!("{device} {datastream} seq {at}: {value:?} at {time}")
        };
        if std::mem::replace(&mut self.seen[at], true) {
            self.findings.extra += 1;
            self.wrong(format!("{} is stored more than once", name()));
        } else if entry.flags & SENT == 0 {
            self.findings.different += 1;
            self.wrong(format!("{} was never sent", name()));
        } else if !self.agrees(&entry, reading) {
            self.findings.different += 1;
            self.wrong(format!("{} was sent as {entry:?}", name()));
        } else if entry.flags & ACKNOWLEDGED != 0 {
            self.findings.stored += 1;
        } else {
            self.findings.unconfirmed += 1;
        }
    }

    fn finish(mut self: Box<Self>) -> Findings {
        let (mut gone, mut example) = (0, None);
        for (seq, entry) in self.ledger.entries.iter().enumerate() {
            if self.seen[seq] || entry.flags == 0 {
                continue;
            }
            if entry.flags & DOUBTFUL != 0 && entry.flags & SENT != 0 {
                self.findings.rejected += 1;
            } else if entry.flags & ACKNOWLEDGED != 0 {
                self.findings.missing += 1;
                let device = &self.ledger.device;
                let missing = format!("{device} seq {seq} was acknowledged and is missing");
                if self.findings.examples.len() < PROBLEMS_MAX {
                    self.findings.examples.push(missing);
                }
            } else if entry.flags & QUEUED != 0 && entry.flags & LEFT == 0 {
                gone += 1;
                example.get_or_insert(seq);
            }
        }
        if let Some(seq) = example
            && gone > self.ledger.evicted
        {
            self.findings.missing += gone - self.ledger.evicted;
            let (device, evicted) = (&self.ledger.device, self.ledger.evicted);
            let what = format!(
                "{device} seq {seq} entered the queue and is gone: {gone} are, \
                 {evicted} were counted as evicted"
            );
            self.wrong(what);
        }
        self.findings
    }
}

#[cfg(test)]
mod tests;
