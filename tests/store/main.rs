//! The store and the use-cases on it, without a web server: on SQLite, and on Postgres when asked
//! (`tests/support/database.rs`).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
mod at_once;
mod audit;
mod domains;
mod doors;
mod hosting;
mod mailboxes;
mod overview;
mod pace;
mod schema;
mod seats;
mod sign_in;
#[path = "../support/slow.rs"]
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod users;
