//! The command line of `nhip simulate`.

use super::{Config, Format, FormatShare, Kind, node::DRAIN_US_MAX};
use crate::{
    argument,
    city::noise,
    duration,
    faults::{FaultError, FaultSetting, Faults, Preset},
    mqtt::{self, Protocol},
    report::VerifyConfig,
};
use clap::Args;
use std::{net::SocketAddr, time::Duration};

/// A fleet of simulated devices over real MQTT, then a report of what arrived.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Where the platform takes MQTT.
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDRESS", value_parser = argument::address)]
    pub mqtt: SocketAddr,
    /// Where the platform serves HTTP.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = argument::address)]
    pub http: SocketAddr,
    /// How many devices.
    #[arg(long, default_value_t = 1_000, value_parser = argument::whole(1_u32, 1_000_000))]
    pub devices: u32,
    /// How long, in the devices' time: 90s, 10m, 2h, 1d.
    #[arg(long, default_value = "10m", value_parser = duration::parse)]
    pub duration: Duration,
    /// How many of the devices' seconds pass in one of ours; 0 for as fast as it goes.
    #[arg(long, default_value_t = 60.0, value_parser = argument::number(0.0, 1e6))]
    pub speed: f64,
    /// Seconds between two measurements of a device; its kind decides if absent.
    #[arg(long, value_parser = argument::whole(1_u32, 86_400))]
    pub interval_s: Option<u32>,
    /// Kinds of stations, which take turns.
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        default_value = "air,weather,water,noise,light,traffic"
    )]
    pub kinds: Vec<Kind>,
    /// Decides city, devices and faults; with the same start, the same seed gives the same
    /// readings and the same faults at the same times of the devices.
    #[arg(long, default_value_t = 1, value_parser = argument::whole(0, u64::MAX))]
    pub seed: u64,
    /// The devices' time at the start, as 2026-11-22T06:00:00Z, to repeat a run; such that they
    /// end by now if absent.
    #[arg(long, value_name = "TIME", value_parser = start)]
    pub start: Option<jiff::Timestamp>,
    /// Threads that run devices; as many as the machine has cores if absent.
    #[arg(long, value_parser = argument::whole(1_u32, 256))]
    pub threads: Option<u32>,
    /// The boot counter of foreign devices; the devices' time at the start if absent.
    #[arg(long, value_parser = argument::whole(0, u32::MAX))]
    pub boot: Option<u32>,
    /// What the devices' names begin with.
    #[arg(long, default_value = "sim", value_parser = prefix)]
    pub prefix: String,
    /// Foreign devices that share a connection.
    #[arg(long, default_value_t = 1, value_parser = argument::whole(1_u32, 1_000_000))]
    pub devices_per_connection: u32,
    /// Messages in flight on a foreign device's connection.
    #[arg(long, default_value_t = 50, value_parser = argument::whole(1_u16, u16::MAX))]
    pub window: u16,
    /// New connections a second.
    #[arg(long, default_value_t = 2_000, value_parser = argument::whole(1_u32, 1_000_000))]
    pub connects_per_s: u32,
    /// Part of the foreign devices' connections that speak MQTT 5 instead of 3.1.1, 0 to 1.
    #[arg(long, default_value_t = 0.5, value_parser = argument::number(0.0, 1.0))]
    pub mqtt5: f64,
    /// What the devices write, and how many of them in proportion to the others. Devices that
    /// write compact run the firmware's own code; json, senml-json and senml-cbor are foreign.
    #[arg(
        long,
        value_name = "FORMAT[=SHARE]",
        value_delimiter = ',',
        default_value = "compact"
    )]
    pub formats: Vec<FormatShare>,
    /// What goes wrong.
    #[arg(long, value_enum, default_value_t = Preset::Ordinary)]
    pub faults: Preset,
    /// One rate by itself, as in duplicate=0.05; can be repeated.
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub fault: Vec<FaultSetting>,
    /// How long a device goes on without an acknowledgement, s.
    #[arg(long, default_value_t = 60, value_parser = argument::whole(1_u64, 86_400))]
    pub give_up_s: u64,
    /// How long the platform may take to answer for the first time, s; once it has, an outage
    /// is a fault that the devices live through.
    #[arg(long, default_value_t = 5, value_parser = argument::whole(1_u64, 3_600))]
    pub connect_s: u64,
    /// How long the platform may take to store all that it acknowledged, s.
    #[arg(long, default_value_t = 120, value_parser = argument::whole(0_u64, 86_400))]
    pub settle_s: u64,
    /// Do not compare with what the platform returns.
    #[arg(long)]
    pub no_verify: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl SimulateArgs {
    /// What is wrong with the arguments together: a fault that strikes no device of the fleet.
    pub fn check(&self) -> Result<(), FaultError> {
        let has = |firmware: bool| {
            self.formats
                .iter()
                .any(|part| (part.format == Format::Compact) == firmware && part.share > 0.0)
        };
        self.fault
            .iter()
            .try_for_each(|setting| setting.check(has(false), has(true)))
    }

    /// The run that these arguments ask for, at a time in µs since 1970 UTC.
    pub fn config(&self, now_us: i64) -> Config {
        let mut faults = Faults::preset(self.faults);
        self.fault.iter().for_each(|setting| faults.set(setting));
        let mut courier = mqtt::Config::new(self.mqtt);
        courier.window = self.window;
        courier.give_up_s_max = self.give_up_s;
        courier.seed = self.seed;
        let mut verify = VerifyConfig::new(self.http);
        verify.settle_s_max = self.settle_s;
        let speed = (self.speed > 0.0).then_some(self.speed);
        let duration_us = i64::try_from(self.duration.as_micros()).unwrap_or(i64::MAX);
        let start = self.start.map(jiff::Timestamp::as_microsecond);
        let from_us = start.unwrap_or(begin_us(now_us, duration_us, speed));
        Config {
            devices: self.devices,
            from_us,
            now_us,
            duration_us,
            speed,
            interval_s: self.interval_s,
            kinds: self.kinds.clone(),
            seed: self.seed,
            boot: self
                .boot
                .map_or((from_us / 1_000_000).unsigned_abs(), u64::from),
            prefix: self.prefix.clone(),
            devices_per_connection: self.devices_per_connection,
            connects_per_s: self.connects_per_s,
            threads: self.threads,
            mqtt5: self.mqtt5,
            formats: self.formats.clone(),
            faults,
            courier,
            connect_s_max: self.connect_s,
            verify: (!self.no_verify).then_some(verify),
            ledger_readings_max: Config::LEDGER_READINGS_MAX,
        }
    }
}

impl Config {
    /// The protocol of a connection.
    pub(super) fn protocol(&self, connection: usize) -> Protocol {
        let draw = noise::unit(self.seed ^ 0x70_726f, &[connection as i64]);
        if draw < self.mqtt5 {
            Protocol::V5
        } else {
            Protocol::V4
        }
    }

    /// The format of a device.
    pub(super) fn format(&self, device: u32) -> Format {
        let sum: f64 = self.formats.iter().map(|format| format.share).sum();
        let mut left = sum * noise::unit(self.seed ^ 0x66_6f72, &[i64::from(device)]);
        for format in &self.formats {
            left -= format.share;
            if left < 0.0 {
                return format.format;
            }
        }
        self.formats.last().map_or(Format::Json, |last| last.format)
    }
}

/// The devices' time at the start. What they deliver behind their last measurement is of a time
/// before ours too; at no more than our own pace they begin now.
fn begin_us(now_us: i64, duration_us: i64, speed: Option<f64>) -> i64 {
    match speed {
        Some(speed) if speed <= 1.0 => now_us,
        Some(speed) => now_us - DRAIN_US_MAX - (duration_us as f64 * (1.0 - 1.0 / speed)) as i64,
        None => now_us - DRAIN_US_MAX - duration_us,
    }
}

/// 2000-01-01: the platform has nothing older registered.
const START_S_MIN: i64 = 946_684_800;

fn start(text: &str) -> Result<jiff::Timestamp, String> {
    let start: Option<jiff::Timestamp> = text.parse().ok();
    let past =
        jiff::Timestamp::from_second(START_S_MIN).unwrap_or_default()..=jiff::Timestamp::now();
    start
        .filter(|start| past.contains(start))
        .ok_or_else(|| "a time from 2000 until now is needed, as 2026-11-22T06:00:00Z".to_owned())
}

fn prefix(text: &str) -> Result<String, String> {
    if crate::name::is_name(text) && text.len() <= 40 {
        return Ok(text.to_owned());
    }
    Err("a prefix is 1 to 40 of a-z 0-9 _ . - and begins with a letter or digit".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        simulate: SimulateArgs,
    }

    fn parse(args: &[&str]) -> Result<SimulateArgs, clap::Error> {
        Cli::try_parse_from(["x"].iter().chain(args)).map(|cli| cli.simulate)
    }

    #[test]
    fn devices_never_measure_in_our_future() {
        let now_us = 1_763_784_000_000_000;
        for (speed, from_us) in [
            ("0", now_us - 1_200_000_000),
            ("1", now_us),
            ("60", now_us - 1_190_000_000),
        ] {
            let config = parse(&["--speed", speed]).unwrap().config(now_us);
            assert_eq!(config.from_us, from_us);
        }
    }

    #[test]
    fn formats_are_spoken_in_proportion() {
        let config = parse(&["--formats", "json=3,compact"]).unwrap().config(0);
        let compact = (0..1_000)
            .filter(|device| config.format(*device) == Format::Compact)
            .count();
        assert!((200..300).contains(&compact), "{compact}");
        let all = parse(&[]).unwrap().config(0);
        assert!((0..100).all(|device| all.format(device) == Format::Compact));
    }

    #[test]
    fn a_single_fault_overrides_the_preset() {
        let args = parse(&["--faults", "none", "--fault", "duplicate=0.5"]).unwrap();
        let faults = args.config(0).faults;
        assert_eq!((faults.duplicate, faults.spike), (0.5, 0.0));
    }

    #[test]
    fn a_fault_that_strikes_nobody_is_refused() {
        for fault in ["duplicate=0.5", "malformed=0.1"] {
            let refused = parse(&["--fault", fault]).unwrap().check().unwrap_err();
            assert!(refused.to_string().contains("--formats"), "{refused}");
            let mixed = ["--fault", fault, "--formats", "compact,json"];
            assert_eq!(parse(&mixed).unwrap().check(), Ok(()));
        }
        let foreign = ["--fault", "ack_lost=0.5", "--formats", "json"];
        assert!(parse(&foreign).unwrap().check().is_err());
        assert_eq!(parse(&["--fault", "duplicate=0"]).unwrap().check(), Ok(()));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for args in [
            ["--duration", "10"],
            ["--duration", "0s"],
            ["--duration", "é"],
            ["--speed", "-1"],
            ["--mqtt5", "1.5"],
            ["--interval-s", "0.5"],
            ["--kinds", "bus"],
            ["--prefix", "Ünit"],
            ["--formats", "xml"],
            ["--fault", "nothing=1"],
            ["--devices", "0"],
            ["--mqtt", "here"],
            ["--http", "127.0.0.1"],
            ["--start", "tomorrow"],
            ["--start", "9000-01-01T00:00:00Z"],
            ["--start", "1969-01-01T00:00:00Z"],
            ["--give-up-s", "18446744073709551615"],
            ["--settle-s", "-1"],
            ["--connect-s", "0"],
            ["--fault", "storm_per_hour=1e12"],
            ["--fault", "ack_lost=2"],
        ] {
            assert!(parse(&args).is_err(), "{args:?}");
        }
    }
}
