//! A platform whose store and fold are plain memory.

mod answer;
mod city;
mod feed;
mod files;
mod fold;
mod store;
mod view;

pub(crate) use answer::{problem, text, until};
pub(crate) use city::{City, NOW_US};
pub(crate) use fold::reading;
