//! Fleets over real MQTT, models of a city, replay of recorded data, and a report that
//! proves what arrived.
//!
//! It knows the platform from outside only: MQTT and HTTP. It never opens a store or a log.
#![forbid(unsafe_code)]

pub mod argument;
pub mod city;
pub mod conformance;
pub mod demo;
pub mod duration;
pub mod faults;
pub mod fleet;
pub mod http;
pub mod mqtt;
pub mod name;
pub mod reach;
pub mod replay;
pub mod report;
