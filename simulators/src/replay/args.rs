//! The command line of `nhip replay`.

use super::{Column, Config, Mapping, MappingError};
use crate::{argument, mqtt, report::VerifyConfig};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, str::FromStr};

/// Recorded readings over real MQTT, then a report of what arrived.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// A CSV file with a header, or NDJSON (.ndjson, .jsonl); .gz is unpacked.
    #[arg(value_parser = argument::file)]
    pub file: PathBuf,
    /// Where the platform takes MQTT.
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDRESS", value_parser = argument::address)]
    pub mqtt: SocketAddr,
    /// Where the platform serves HTTP.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = argument::address)]
    pub http: SocketAddr,
    /// How fast: own (as recorded), xN (N times as fast), or once (as fast as it goes).
    #[arg(long, default_value = "once")]
    pub pace: Pace,
    /// A known file: its columns need not be named.
    #[arg(long, value_enum, conflicts_with_all = ["value", "time", "device_column", "device"])]
    pub preset: Option<Preset>,
    /// The column with the device's name.
    #[arg(long, conflicts_with = "device")]
    pub device_column: Option<String>,
    /// The device of all rows.
    #[arg(long, value_parser = argument::name)]
    pub device: Option<String>,
    /// The column of the time, or the columns of year, month, day, hour …
    #[arg(long, value_delimiter = ',')]
    pub time: Vec<String>,
    /// Hours east of Greenwich of times that don't say.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_parser = argument::number(-14.0, 14.0))]
    pub utc_offset_h: f64,
    /// A column of values: temp, temp=temperature, temp=temperature:[degF], or
    /// temp=temperature:[degF]:Cel with the unit that the datastream is to have.
    #[arg(long, value_name = "COLUMN[=DATASTREAM[:UNIT[:STORED]]]")]
    pub value: Vec<Column>,
    /// What stands where there is no value; an empty field always means none.
    #[arg(long, default_value = "NA")]
    pub na: Vec<String>,
    /// The boot counter of the readings; made of the file's content if absent.
    #[arg(long, value_parser = argument::whole(0, u32::MAX))]
    pub boot: Option<u32>,
    /// Messages in flight.
    #[arg(long, default_value_t = 500, value_parser = argument::whole(1_u16, u16::MAX))]
    pub window: u16,
    /// Speak MQTT 5 instead of 3.1.1.
    #[arg(long)]
    pub mqtt5: bool,
    /// Do not register devices and datastreams first.
    #[arg(long)]
    pub no_register: bool,
    /// How long the platform may take to answer for the first time, s.
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

/// Year, month, day, hour, minute, second.
const TIME_COLUMNS_MAX: usize = 6;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as it goes.
    Once,
}

/// Files whose columns are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// A year of weather at three airports of New York (nycflights13).
    NycWeather,
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = "a pace is own, xN as in x60, or once";
        match text {
            "own" => Ok(Self::Times(1.0)),
            "once" => Ok(Self::Once),
            _ => text
                .strip_prefix(['x', '×'])
                .and_then(|number| number.parse().ok())
                .filter(|number: &f64| (1e-3..=1e9).contains(number))
                .map(Self::Times)
                .ok_or_else(|| rule.to_owned()),
        }
    }
}

impl ReplayArgs {
    /// The replay that these arguments ask for. The message of an error says which flag is
    /// missing.
    pub fn config(&self) -> Result<Config, String> {
        let mapping = match self.preset {
            Some(Preset::NycWeather) => {
                Mapping::nyc_weather().map_err(|error: MappingError| error.to_string())?
            }
            None => self.mapping()?,
        };
        let mut courier = mqtt::Config::new(self.mqtt);
        courier.window = self.window;
        if self.mqtt5 {
            courier.protocol = mqtt::Protocol::V5;
        }
        let mut verify = VerifyConfig::new(self.http);
        verify.settle_s_max = self.settle_s;
        // Conversions are done twice, by the platform and here: they may differ in rounding.
        verify.tolerance = 1e-9;
        Ok(Config {
            file: self.file.clone(),
            mapping,
            speed: match self.pace {
                Pace::Times(times) => Some(times),
                Pace::Once => None,
            },
            boot: self.boot.map(u64::from),
            courier,
            connect_s_max: self.connect_s,
            register: (!self.no_register).then_some(self.http),
            verify: (!self.no_verify).then_some(verify),
            readings_max: Config::READINGS_MAX,
        })
    }

    fn mapping(&self) -> Result<Mapping, String> {
        let mut missing = Vec::new();
        if self.device_column.is_none() && self.device.is_none() {
            missing.push("--device-column or --device");
        }
        if self.time.is_empty() {
            missing.push("--time");
        }
        if self.value.is_empty() {
            missing.push("--value");
        }
        if !missing.is_empty() {
            return Err(format!("missing {}, or a --preset", missing.join(", ")));
        }
        if self.time.len() > TIME_COLUMNS_MAX {
            let given = self.time.join(",");
            return Err(format!(
                "--time {given}: a column, or those of year, month, day, hour, minute, second"
            ));
        }
        for (at, column) in self.value.iter().enumerate() {
            let twice = |other: &Column| other.datastream == column.datastream;
            if self.value[..at].iter().any(twice) {
                return Err(format!(
                    "--value {}: the datastream {} is there twice; give one another name, as in \
                     {}=NAME",
                    column.column, column.datastream, column.column
                ));
            }
        }
        Ok(Mapping {
            device_column: self.device_column.clone(),
            device: self.device.clone(),
            time_columns: self.time.clone(),
            utc_offset_s: (self.utc_offset_h * 3_600.0) as i32,
            values: self.value.clone(),
            gaps: self.na.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        replay: ReplayArgs,
    }

    fn parse(args: &[&str]) -> Result<ReplayArgs, clap::Error> {
        // Any file that is there.
        Cli::try_parse_from(["x", "Cargo.toml"].iter().chain(args)).map(|cli| cli.replay)
    }

    #[test]
    fn columns_are_named_or_a_preset_names_them() {
        let args = [
            "--device",
            "a",
            "--time",
            "y,m,d",
            "--value",
            "t=temperature:[degF]:Cel",
        ];
        let config = parse(&args).unwrap().config().unwrap();
        assert_eq!(config.mapping.time_columns, ["y", "m", "d"]);
        assert_eq!(config.mapping.values.len(), 1);
        let preset = parse(&["--preset", "nyc-weather"])
            .unwrap()
            .config()
            .unwrap();
        assert_eq!(preset.mapping.values.len(), 9);
        let missing = parse(&["--time", "t"]).unwrap().config().unwrap_err();
        assert!(missing.contains("--device") && missing.contains("--value"));
        assert!(!missing.contains("--time"));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for args in [
            ["--device", "Bad Name"],
            ["--value", "temp=Bad Name"],
            ["--value", "temp=t:[degF]:m"],
            ["--utc-offset-h", "15"],
            ["--boot", "-1"],
            ["--mqtt", "here"],
            ["--connect-s", "0"],
            ["--settle-s", "99999999"],
        ] {
            assert!(parse(&args).is_err(), "{args:?}");
        }
        assert!(Cli::try_parse_from(["x", "no-such-file.csv"]).is_err());
        let given = |more: &[&str]| {
            let args = [&["--device", "a", "--time", "t"], more].concat();
            parse(&args).unwrap().config().unwrap_err()
        };
        let twice = given(&["--value", "a=t", "--value", "b=t"]);
        assert!(twice.contains("datastream t is there twice"), "{twice}");
        let long = given(&["--time", "a,b,c,d,e,f", "--value", "v"]);
        assert!(long.contains("--time t,a,b,c,d,e,f"), "{long}");
    }

    #[test]
    fn a_pace_is_own_a_multiple_or_once() {
        assert_eq!("own".parse(), Ok(Pace::Times(1.0)));
        assert_eq!("x60".parse(), Ok(Pace::Times(60.0)));
        assert_eq!("×2.5".parse(), Ok(Pace::Times(2.5)));
        assert_eq!("once".parse(), Ok(Pace::Once));
        for text in ["", "x", "x0", "x-1", "fast"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }
}
