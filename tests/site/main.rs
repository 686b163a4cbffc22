//! The site through its front door: a real server on a port of its own, a database of its own, a
//! mail server in memory and the engine that drives it. The files mirror the paths.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#[path = "../support/mod.rs"]
mod support;

mod app;
mod people;

mod api;
mod doors;
mod fuzz;
mod latency;
mod openapi;
mod pages;
mod site;
