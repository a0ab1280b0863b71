//! Collects what is seen of a device and judges it.

use super::{
    Finding,
    clock::Clock,
    payload::{Reading, Time, decode},
    repeats::Repeats,
    status::Status,
};
use nhip_wire::{
    Format,
    topic::{self, Topic},
    unit,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A message of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it came, ms since 1970 UTC.
    pub at_ms: i64,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// The quality of service with which it came.
    pub qos: u8,
    /// Whether it is retained, or was published to be.
    pub retain: bool,
}

/// Numbers that are remembered at most.
const NUMBERS_MAX: usize = 1_000_000;
/// How far ahead a reading may be, ms, as the platform has it.
const AHEAD_MS_MAX: i64 = 30_000;
/// How wrong the contract lets a clock be without the flag, ms.
const CLOCK_MS_MAX: i64 = 5_000;
/// 2020-01-01, ms since 1970 UTC.
const LONG_AGO_MS: i64 = 1_577_836_800_000;
/// Fewer readings a message than this are few.
const READINGS_FEW: f64 = 3.0;
/// More messages a second than this are many.
const RATE_MAX: f64 = 1.0;
/// Messages a second from which small ones are worth a word: by default `firmware/node` sends once
/// in a minute or so, however little there is.
const RATE_SMALL_MIN: f64 = 1.0 / 30.0;
/// Messages from which a rate and a size can be told.
const MESSAGES_MIN: u64 = 5;

/// What a boot and sequence number stands for.
#[derive(Debug)]
struct Named {
    /// The message in which it came first, and the part of it.
    place: (u64, usize),
    /// How often a connection had been told of then.
    connections: u64,
    /// By datastream: the value and the time, ms.
    contents: BTreeMap<String, (String, Option<i64>)>,
}

/// How a reading under a number came.
enum Came {
    First,
    Again,
    Changed,
}

impl Named {
    /// Takes a reading under this number.
    fn came(&mut self, reading: &Reading) -> Came {
        let content = (reading.value.clone(), reading.time.at_ms());
        match self.contents.get(&reading.datastream) {
            None => {
                self.contents.insert(reading.datastream.clone(), content);
                Came::First
            }
            // What was sent as so old may be sent again with its time, once the clock is set.
            Some((value, time))
                if *value == content.0
                    && (*time == content.1 || time.is_none() || content.1.is_none()) =>
            {
                Came::Again
            }
            Some(_) => Came::Changed,
        }
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Judge {
    messages: u64,
    readings: u64,
    qos_zero: u64,
    retained: u64,
    undecodable: (u64, String),
    unnumbered: u64,
    undated: u64,
    doubtful: u64,
    future: (u64, i64),
    past: u64,
    repeats: Repeats,
    /// Readings with a number that had another content.
    reused: u64,
    not_examined: u64,
    missing: u64,
    status: Status,
    clock: Clock,
    /// The id of the command that was sent, until its answer comes.
    unanswered: Option<String>,
    strange_topic: Option<String>,
    numbers: HashMap<(u64, u64), Named>,
    newest: BTreeMap<u64, (u64, u64)>,
    order: Vec<Finding>,
    units: BTreeSet<(String, String)>,
}

impl Judge {
    /// Takes a message.
    pub fn see(&mut self, seen: &Seen) {
        match topic::parse(&seen.topic) {
            Ok(Topic::Status { .. }) => {
                self.status.see(seen);
                self.repeats.connected(seen.at_ms);
            }
            Ok(Topic::Readings { format, .. }) => {
                self.messages += 1;
                self.status.sent();
                self.qos_zero += u64::from(seen.qos == 0);
                self.retained += u64::from(seen.retain);
                match decode(format, &seen.payload) {
                    None => self.not_examined += 1,
                    Some(Ok(readings)) => {
                        self.clock.see(&readings, seen.at_ms);
                        for reading in &readings {
                            self.take(reading, seen.at_ms);
                            // SenML has no numbers.
                            let due = matches!(format, Format::Compact | Format::Json);
                            self.unnumbered += u64::from(due && reading.number.is_none());
                        }
                    }
                    Some(Err(problem)) => {
                        self.undecodable.0 += 1;
                        if self.undecodable.0 == 1 {
                            self.undecodable.1 = problem;
                        }
                    }
                }
            }
            Ok(Topic::Command { .. }) if seen.topic.ends_with("/ack") => self.answer(&seen.payload),
            Ok(Topic::Command { .. }) => {}
            _ => self.strange_topic = Some(seen.topic.clone()),
        }
    }

    /// Says that a command with this id was sent to it: an answer is due.
    pub fn asked(&mut self, id: &str) {
        self.unanswered = Some(id.to_owned());
    }

    fn answer(&mut self, payload: &[u8]) {
        let answer: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
        let id = answer.as_ref().and_then(|answer| answer["id"].as_str());
        self.unanswered.take_if(|asked| id == Some(asked));
    }

    fn take(&mut self, reading: &Reading, at_ms: i64) {
        self.readings += 1;
        self.missing += u64::from(reading.missing);
        self.doubtful += u64::from(reading.clock_doubtful);
        let ahead_ms_max = match reading.clock_doubtful {
            true => AHEAD_MS_MAX,
            false => CLOCK_MS_MAX,
        };
        match reading.time {
            Time::Ago => {}
            Time::Unsaid => self.undated += 1,
            Time::At(time_ms) if time_ms > at_ms.saturating_add(ahead_ms_max) => {
                let ahead_s = time_ms.saturating_sub(at_ms) / 1_000;
                self.future = (self.future.0 + 1, self.future.1.max(ahead_s));
            }
            Time::At(time_ms) => self.past += u64::from(time_ms < LONG_AGO_MS),
        }
        if let Some(text) = &reading.unit
            && unit::find(text).is_none()
        {
            self.units
                .insert((reading.datastream.clone(), text.clone()));
        }
        if let Some(number) = reading.number {
            self.number(number, reading, at_ms);
        }
    }

    fn number(&mut self, (boot, seq): (u64, u64), reading: &Reading, at_ms: i64) {
        let full = self.numbers.len() >= NUMBERS_MAX;
        let fresh = !self.numbers.contains_key(&(boot, seq));
        if fresh && full {
            return;
        }
        let place = (self.messages, reading.part);
        let connections = self.repeats.connections();
        let known = self.numbers.entry((boot, seq)).or_insert(Named {
            place,
            connections,
            contents: BTreeMap::new(),
        });
        match known.came(reading) {
            Came::Again => self.repeats.see(known.connections, at_ms),
            Came::Changed => {
                self.reused += 1;
                self.note(Finding::Reused(boot, seq));
            }
            Came::First if known.place != place => self.note(Finding::Shared(boot, seq)),
            Came::First => {}
        }
        if let Some((&newest, _)) = self.newest.last_key_value()
            && newest > boot
            && !self.newest.contains_key(&boot)
        {
            self.note(Finding::BootWentBack(boot, newest));
        }
        let (first, last) = self.newest.get(&boot).copied().unwrap_or((seq, seq));
        if fresh && seq < last {
            self.note(Finding::WentBack(boot, seq));
        }
        self.newest.insert(boot, (first.min(seq), last.max(seq)));
    }

    /// Notes the first of each kind.
    fn note(&mut self, finding: Finding) {
        let kind = std::mem::discriminant(&finding);
        if !self
            .order
            .iter()
            .any(|known| std::mem::discriminant(known) == kind)
        {
            self.order.push(finding);
        }
    }

    /// What is wrong after so many seconds.
    pub fn findings(&self, seconds: f64) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |wrong: bool, finding: Finding| {
            if wrong {
                findings.push(finding);
            }
        };
        add(self.messages == 0, Finding::Silent);
        if let Some(finding) = self.status.finding() {
            add(true, finding);
        }
        add(self.unanswered.is_some(), Finding::NoAnswer);
        add(self.qos_zero > 0, Finding::QosZero(self.qos_zero));
        add(self.retained > 0, Finding::Retained(self.retained));
        let (undecodable, problem) = &self.undecodable;
        add(
            *undecodable > 0,
            Finding::Undecodable(*undecodable, problem.clone()),
        );
        add(self.unnumbered > 0, Finding::Unnumbered(self.unnumbered));
        self.order
            .iter()
            .for_each(|finding| add(true, finding.clone()));
        let boots = self.newest.len() as u64;
        let many = self.messages >= MESSAGES_MIN && 2 * boots > self.messages;
        add(many, Finding::Boots(boots, self.messages));
        let gaps = self.gaps();
        add(gaps > 0, Finding::Gaps(gaps));
        if let Some(finding) = self.repeats.finding(self.readings) {
            add(true, finding);
        }
        add(
            self.future.0 > 0,
            Finding::Future(self.future.0, self.future.1),
        );
        self.clock
            .findings()
            .into_iter()
            .for_each(|finding| add(true, finding));
        let nothing = self.readings >= MESSAGES_MIN && self.missing == self.readings;
        add(nothing, Finding::NothingMeasured(self.readings));
        add(self.past > 0, Finding::Past(self.past));
        add(self.undated > 0, Finding::Undated(self.undated));
        let never_set = self.readings > 0 && self.doubtful == self.readings;
        add(never_set, Finding::ClockNeverSet);
        for (datastream, unit) in &self.units {
            add(true, Finding::UnknownUnit(datastream.clone(), unit.clone()));
        }
        let each = self.readings as f64 / self.messages.max(1) as f64;
        let enough = self.messages >= MESSAGES_MIN && self.readings > 0;
        let rate = self.messages as f64 / seconds.max(1.0);
        add(
            enough && each < READINGS_FEW && rate > RATE_SMALL_MIN,
            Finding::SmallMessages(self.messages, each),
        );
        add(enough && rate > RATE_MAX, Finding::Hasty(rate));
        let not_examined = self.not_examined;
        add(not_examined > 0, Finding::NotExamined(not_examined));
        if let Some(topic) = &self.strange_topic {
            add(true, Finding::StrangeTopic(topic.clone()));
        }
        findings
    }

    /// How many messages of readings, and how many readings, were seen.
    pub fn totals(&self) -> (u64, u64) {
        (self.messages, self.readings)
    }

    /// How many readings had a number that had come before: the platform stores none of them.
    pub fn known_again(&self) -> u64 {
        self.repeats.total() + self.reused
    }

    fn gaps(&self) -> u64 {
        if self.numbers.len() >= NUMBERS_MAX {
            return 0;
        }
        let spans: u64 = self
            .newest
            .values()
            .map(|(first, last)| last - first + 1)
            .sum();
        spans.saturating_sub(self.numbers.len() as u64)
    }
}

#[cfg(test)]
mod tests;
