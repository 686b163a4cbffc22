//! The engine, on a database of its own and a mail server in memory; and, where there is one, on
//! the real mail stack. Everything is asked for through the use-cases that pages and scripts use.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../clients/mod.rs"]
#[expect(dead_code, reason = "not every test binary needs every client")]
mod clients;

mod crowd;
mod drift;
mod gate;
mod imports;
mod levels;
mod outages;
mod provisioning;
mod real_stack;
mod sharing;
mod stage;
