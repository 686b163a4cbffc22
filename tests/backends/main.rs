//! The contract of [`pilothouse::backends::MailServer`]: the same sentences, run against the
//! server in memory and against a real mail stack.
#[path = "../clients/mod.rs"]
#[expect(dead_code, reason = "not every test binary needs every client")]
mod clients;
