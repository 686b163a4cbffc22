//! What every test stands on: a database of its own ([`database`]) and a tree of tenants with
//! people in it ([`world`]). Each test binary uses the part it needs.
#![allow(
    dead_code,
    reason = "every test binary uses another part of it, one of them all"
)]
pub mod database;
pub mod name_server;
pub mod world;

pub use database::TestDatabase;
pub use world::World;
