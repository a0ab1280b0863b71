//! `nhip device check`: watches a device and says what it does wrong.

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
        known(client, &self.name)?;
        let from_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let judge = runtime.block_on(watch(self.mqtt, &self.name, self.long, self.identify))?;
        let mut findings = judge.findings(self.long.as_secs_f64());
        let rejections = rejections(client, &self.name, from_ms)?;
        // Where its readings were rejected for what is in them, registering it is no remedy.
        if rejections.is_empty() && !known(client, &self.name)? {
            findings.push(Finding::Unregistered);
        }
        findings.extend(rejections);
        let (messages, readings) = judge.totals();
        for finding in &findings {
            say(&finding.to_string());
        }
        let seconds = self.long.as_secs();
        match findings.len() {
            0 => {
                say(&format!(
                    "{} does all right: {readings} readings in {messages} messages in {seconds} s",
                    self.name
                ));
                Ok(())
            }
            count => anyhow::bail!(
                "{}: {count} findings in {readings} readings, {messages} messages, {seconds} s",
                self.name
            ),
        }
    }
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
