//! `nhip device check`: watches a device and says what it does wrong.

use super::figures::Figures;
use crate::{
    cli::say,
    client::{Client, encode},
};
use clap::Args;
use nhip_simulators::{
    argument,
    conformance::{Finding, watch},
    duration,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// More than one reading in so many that the platform knew from before the watch isn't a message
/// whose PUBACK was lost.
const DROPPED_SHARE: u64 = 10;

/// What to watch, and for how long.
#[derive(Debug, Args)]
pub struct Check {
    /// The device's name
    #[arg(value_parser = argument::name)]
    name: String,
    /// Where the platform takes MQTT
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDRESS", value_parser = argument::address)]
    mqtt: SocketAddr,
    /// How long to watch: 90s, 3m, 1h; a few times as long as the device's pauses
    #[arg(long = "for", value_name = "DURATION", default_value = "3m", value_parser = duration::parse)]
    long: Duration,
    /// Also sends the command `identify` for a second, and wants an answer
    #[arg(long)]
    identify: bool,
}

impl Check {
    /// Watches, and prints one finding a line. An error if there are any.
    pub fn run(&self, client: &Client) -> anyhow::Result<()> {
        // It is asked again behind the watch: better told now that it isn't there.
        let before = Figures::before(client, &self.name)?;
        let from_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let judge = runtime.block_on(watch(self.mqtt, &self.name, self.long, self.identify))?;
        let mut findings = judge.findings(self.long.as_secs_f64());
        let (messages, readings) = judge.totals();
        let made = Figures::since(client, &self.name, before, readings)?;
        findings.extend(taken(made, readings, judge.known_again()));
        let rejections = rejections(client, &self.name, from_ms)?;
        // Where its readings were rejected for what is in them, registering it is no remedy.
        if rejections.is_empty() && !known(client, &self.name)? {
            findings.push(Finding::Unregistered);
        }
        findings.extend(rejections);
        for finding in &findings {
            let note = if finding.is_advice() { "note: " } else { "" };
            say(&format!("{note}{finding}"));
        }
        let came = format!(
            "{readings} readings in {messages} messages in {} s; the platform took up {}: stored \
             {}, left out {} as duplicates, rejected {}",
            self.long.as_secs(),
            made.received,
            made.stored,
            made.duplicate,
            made.rejected
        );
        match findings.iter().filter(|found| !found.is_advice()).count() {
            0 => {
                say(&format!("{} does all right: {came}", self.name));
                Ok(())
            }
            count => anyhow::bail!("{}: {count} findings; {came}", self.name),
        }
    }
}

/// What is wrong with what the platform made of so many readings, of which so many had come
/// before while it was watched.
fn taken(made: Figures, readings: u64, known_again: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if made.received < readings {
        findings.push(Finding::Untaken(made.received, readings));
    }
    // What was sent first before the watch and again in it is among these too.
    let dropped = made.duplicate.saturating_sub(known_again);
    if dropped * DROPPED_SHARE > made.received {
        findings.push(Finding::Dropped(dropped, made.received));
    }
    findings
}

fn known(client: &Client, name: &str) -> anyhow::Result<bool> {
    let devices: Value = client.get(&format!("/api/v1/datastreams?device={}", encode(name)))?;
    Ok(devices["items"]
        .as_array()
        .is_some_and(|items| !items.is_empty()))
}

/// What the platform couldn't take from the device since a time, by reason.
fn rejections(client: &Client, name: &str, from_ms: u128) -> anyhow::Result<Vec<Finding>> {
    let name = encode(name);
    let path = format!("/api/v1/dead-letters?device={name}&from={from_ms}&limit=1000");
    let letters: Value = client.get(&path)?;
    let mut reasons: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for letter in letters["items"].as_array().into_iter().flatten() {
        let detail = letter["detail"].as_str().unwrap_or_default();
        let reason = letter["reason"].as_str().unwrap_or_default();
        let of = reasons.entry(reason).or_insert((0, detail));
        of.0 += letter["readings"].as_u64().unwrap_or(0).max(1);
    }
    let finding = |(reason, (readings, detail)): (&str, (u64, &str))| {
        Finding::Rejected(readings, reason.to_owned(), detail.to_owned())
    };
    Ok(reasons.into_iter().map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(received: u64, duplicate: u64) -> Figures {
        Figures {
            received,
            duplicate,
            ..Figures::default()
        }
    }

    #[test]
    fn what_the_platform_drops_has_to_have_been_seen_before() {
        assert_eq!(taken(made(100, 0), 100, 0), []);
        assert_eq!(taken(made(100, 40), 100, 40), []);
        assert_eq!(taken(made(100, 8), 100, 0), []);
        let dropped = Finding::Dropped(100, 100);
        assert_eq!(taken(made(100, 100), 100, 0), [dropped]);
    }

    #[test]
    fn a_platform_that_is_behind_is_said_to_be() {
        assert_eq!(taken(made(90, 0), 100, 0), [Finding::Untaken(90, 100)]);
    }
}
