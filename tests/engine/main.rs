//! The engine, on a database of its own and a mail server in memory; and, where there is one, on
//! the real mail stack. Everything is asked for through the use-cases that pages and scripts use.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod drift;
mod levels;
mod outages;
mod provisioning;
mod sharing;
mod stage;
