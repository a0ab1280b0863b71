//! The HTTP API, the live streams and the page, over what the store, the registry and the
//! fold show.
//!
//! It knows neither the log's files nor the store's, and nothing of MQTT.
#![forbid(unsafe_code)]

mod body;
mod compression;
mod config;
mod contract;
mod cursor;
mod datastreams;
mod dead_letters;
mod devices;
mod fragment;
mod guard;
mod health;
mod hosts;
mod json_body;
mod latest;
mod live;
mod live_readings;
mod metrics;
pub mod model;
mod page;
mod params;
mod parts;
mod problem;
mod readings;
mod reconciliation;
mod render;
mod router;
mod selected;
mod series;
mod server;
mod store_copy;
mod time;
mod timing;

pub use config::Config;
pub use hosts::Hosts;
pub use live_readings::LiveReadings;
pub use metrics::Metrics;
pub use parts::{Asset, Assets, LogFigures, PartState, Parts, Readiness};
pub use problem::Problem;
pub use router::{openapi, router, starting};
pub use server::serve;
pub use time::{is_before, is_time};
