//! Conversions: the batches that people start, hold and call off, and the audited steps by which
//! the engine changes a mailbox for them.
//!
//! Rows are locked in one order everywhere (item, mailbox, batch), so that a click and a step never
//! wait for one another in a circle. A step changes nothing unless its lease on the item still
//! holds: see [`super::engine::conversions`].
mod again;
mod choices;
mod control;
mod drafts;
mod read;
pub mod reversals;
mod start;
mod steps;
mod subjects;

pub use choices::{choices, count_choices, next_choices, tally};
pub(super) use choices::{numbers, to_row};
pub use control::{cancel, pause, resume, retry_failed};
pub use drafts::{
    Draft, Terms, confirm, discard, filter_of, list as name, look_again, open_draft, set_terms,
};
pub use read::{count_items, find, finished, item, items, list, of_mailbox};
pub use start::{Start, add, open};
pub use steps::{Outcome, Switched, finish, switch, switch_back};
pub use subjects::{Begun, Facts, Named, facts, lock, named_facts, server_names, way_back};

pub(super) use read::{item_from_row, not_over};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ServerId;
use crate::domain::conversion::Settings;

/// From which server to which a mailbox has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The server that it was on.
    pub from: ServerId,
    /// The server that it is on.
    pub to: ServerId,
    /// How long the account there had been kept before, if an earlier move had left it behind.
    pub kept_until: Option<DateTime<Utc>>,
}

/// What the engine notes on an item about its own steps, so that each can be done twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trail {
    /// What the mailbox had before the switch; there once it has switched.
    pub settings: Option<Settings>,
    /// The servers of a move, once it has switched.
    pub moved: Option<Moved>,
    /// It was switched back.
    pub put_back: bool,
    /// Since when the server has been answering that it cannot, while the doors are shut.
    pub refusing_since: Option<DateTime<Utc>>,
}
