//! The contract of [`pilothouse::backends::MailServer`]: the same sentences, run against the
//! server in memory and against a real mail stack; and what only a real stack can show.
//!
//! `PILOTHOUSE_TEST_STACK_INFO` names the `info.json` of a running stack. Without it the real half
//! fails, unless `PILOTHOUSE_TEST_REAL=0` says that it is left out on purpose.
#![expect(
    clippy::unwrap_used,
    reason = "a sentence is test code, though the #[test] function only calls it"
)]
#[path = "../conversions/awkward.rs"]
mod awkward;
#[path = "../clients/mod.rs"]
#[expect(dead_code, reason = "not every test binary needs every client")]
mod clients;
mod copy_pace;
mod copying;
mod support;

mod accounts;
mod doors;
mod groupware;
mod measure;
mod outage;
mod own_stack;
mod phone;
mod routes;
#[path = "../support/slow.rs"]
mod slow;
mod snapshots;
mod tray;
