//! `nhip device`: the devices of a running platform.

mod check;
mod datastream;
mod figures;

use crate::{
    argument,
    cli::say,
    client::{Client, encode},
};
use clap::{Args, Subcommand};
use datastream::Datastream;
use nhip_simulators::argument::name;
use serde_json::{Value, json};

/// What to do with devices.
#[derive(Debug, Args)]
pub struct Device {
    #[command(subcommand)]
    verb: Verb,
    /// The platform's API
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080", value_parser = argument::url)]
    url: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Register a device, or change what is known of it: what is not mentioned stays
    Add {
        /// Its name, as in its topics
        #[arg(value_parser = name)]
        name: String,
        /// What people call it
        #[arg(long, value_parser = argument::title)]
        title: Option<String>,
        /// Degrees east and north, as 106.70,10.77
        #[arg(long, value_name = "LONGITUDE,LATITUDE", value_parser = argument::position, allow_hyphen_values = true)]
        position: Option<[f64; 2]>,
        /// The name of the place it stands in
        #[arg(long, value_parser = name)]
        place: Option<String>,
        /// A datastream to register or change, as pm2_5,unit=ug/m3,min=0,max=500 or
        /// upstream,property=water_level; as often as there are datastreams
        #[arg(
            long = "datastream",
            value_name = "NAME[,property=…][,unit=…][,min=…,max=…]"
        )]
        datastreams: Vec<Datastream>,
        /// Since when place, position, units and ranges hold [default: now]
        #[arg(long, value_name = "TIME", value_parser = argument::instant)]
        from: Option<String>,
    },
    /// List the devices
    List,
    /// Show one device with its datastreams
    Show {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// Watch a device for some minutes and say what it does wrong; fails if there is anything
    Check(check::Check),
    /// Take a device's credential away (not in this version: devices have none)
    Revoke {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// Give a device a new credential (not in this version: devices have none)
    Rotate {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
}

impl Device {
    /// What to say in place of doing it, if it can't be done in this version.
    pub fn unsupported(&self) -> Option<String> {
        let (verb, name) = match &self.verb {
            Verb::Revoke { name } => ("revoke", name),
            Verb::Rotate { name } => ("rotate", name),
            _ => return None,
        };
        Some(format!(
            "this version can't {verb} credentials: devices have none, and security.anonymous \
             says who comes in. To take no more readings of {name}, retire it: curl -X DELETE \
             {}{}",
            self.url,
            path(name)
        ))
    }

    /// Does it and prints what came of it.
    pub fn run(&self) -> anyhow::Result<()> {
        let client = Client::new(&self.url);
        match &self.verb {
            Verb::Add {
                name,
                title,
                position,
                place,
                datastreams,
                from,
            } => {
                let mut body = json!({});
                if let Some(from) = from {
                    body["from"] = json!(from);
                }
                if let Some(title) = title {
                    body["title"] = json!(title);
                }
                if let Some(coordinates) = position {
                    body["position"] = json!({"type": "Point", "coordinates": coordinates});
                }
                if let Some(place) = place {
                    body["place"] = json!(place);
                }
                if !datastreams.is_empty() {
                    body["datastreams"] = datastreams.iter().map(Datastream::json).collect();
                }
                let device: Value = client.ask("PUT", &path(name), Some(&body))?;
                say(&serde_json::to_string_pretty(&device)?);
            }
            Verb::Revoke { .. } | Verb::Rotate { .. } => {}
            Verb::Check(check) => check.run(&client)?,
            Verb::List => list(&client)?,
            Verb::Show { name } => {
                let device: Value = client.get(&path(name))?;
                say(&serde_json::to_string_pretty(&device)?);
            }
        }
        Ok(())
    }
}

/// One line a device: its name, its place, when it was last seen.
fn list(client: &Client) -> anyhow::Result<()> {
    let mut cursor = String::new();
    loop {
        let page: Value = client.get(&format!("/api/v1/devices?limit=1000{cursor}"))?;
        for device in page["items"].as_array().into_iter().flatten() {
            let word = |key: &str| device[key].as_str().unwrap_or("-").to_owned();
            say(&format!(
                "{}\t{}\t{}",
                word("name"),
                word("place"),
                word("last_seen")
            ));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => return Ok(()),
        }
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/devices/{}", encode(name))
}
