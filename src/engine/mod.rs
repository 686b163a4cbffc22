//! What happens by itself: mailboxes are brought to what was asked for, conversions go from step to
//! step, servers are asked how they do, sweeps look for what was changed behind our back.
//!
//! Each part is a loop that is woken by the bell and by a timer, takes work with a lease so that
//! several panel processes can share it, and does the same thing whatever woke it.
pub mod backoff;
pub mod bounces;
pub mod conversion;
pub mod dns;
pub mod domains;
pub mod imports;
pub mod ledger;
pub mod messages;
pub mod reconciler;
pub mod retention;
pub mod routes;
pub mod servers;
pub mod sweep;

mod arrived;
mod checks;
mod grants;
mod health;
mod leases;
pub mod rhythm;
mod run;
pub mod selection;
mod usage;

pub use run::run;

use std::time::Duration;

use crate::domain::ids::EventId;
use crate::store;

/// What every part of the engine is given.
#[derive(Clone)]
pub struct Context {
    /// All tenants.
    pub store: store::Engine,
    /// The mail servers, connected.
    pub servers: servers::Servers,
    /// How fast and how much.
    pub pace: Pace,
    /// The name of this process in leases; another process has another one.
    pub owner: String,
}

impl Context {
    /// A name for the leases of one pass: of this process, and of no other pass in it.
    fn lease_name(&self) -> String {
        format!("{}/{}", self.owner, EventId::new())
    }
}

/// How fast and how much. The defaults suit one panel and a handful of servers.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Look for due work at least this often, whatever the bell says.
    pub tick: Duration,
    /// Mailboxes brought forward at once on one server.
    pub mailboxes_per_server: usize,
    /// Conversions at once on one server.
    pub conversions_per_server: usize,
    /// A lease lasts this long unless it is renewed.
    pub lease: Duration,
    /// Ask each server how it does this often.
    pub health_every: Duration,
    /// Sweep each server for drift this often.
    pub sweep_every: Duration,
    /// Read sizes and last logins this often.
    pub usage_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(2),
            mailboxes_per_server: 8,
            conversions_per_server: 4,
            lease: Duration::from_secs(20),
            health_every: Duration::from_secs(15),
            sweep_every: Duration::from_mins(5),
            usage_every: Duration::from_mins(1),
        }
    }
}
