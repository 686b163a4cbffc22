//! A mail server as an admin sees it, and the accounts on it that nobody knows.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::mailserver::Listener;
use super::{EmailAddress, Protocols, ServerId};

/// A mail server with its queue.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// The adapter.
    pub adapter: String,
    /// What it offers to clients.
    pub offers: Protocols,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// `unknown`, `up` or `down`.
    pub state: String,
    /// Name and version of what answered last.
    pub version: Option<String>,
    /// Why it is down, and when it is tried again.
    pub problem: Option<String>,
    /// Last asked at.
    pub checked_at: Option<DateTime<Utc>>,
    /// Last swept for drift at.
    pub swept_at: Option<DateTime<Utc>>,
    /// Mailboxes on it.
    pub mailboxes: u64,
    /// Changes that wait for it.
    pub queue: u64,
    /// Mailboxes that a sweep found changed.
    pub drifted: u64,
    /// Accounts on it that nobody knows.
    pub strays: u64,
}

/// An account on a server that nobody knows.
#[derive(Debug, Clone)]
pub struct Stray {
    /// Its address.
    pub address: EmailAddress,
    /// What is open on it.
    pub open: Protocols,
    /// First seen at.
    pub first_seen_at: DateTime<Utc>,
    /// Whether its domain belongs to a tenant, so that it can be adopted.
    pub adoptable: bool,
}

/// What a sweep found of such an account: as much as is needed to take it over as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The server's own id of it.
    pub remote_id: String,
    /// The name in the address list.
    pub display_name: String,
    /// What is open on it.
    pub open: Protocols,
    /// Whether mail is accepted for it.
    pub receives: bool,
    /// Bytes it may hold; 0 means without limit.
    pub quota_bytes: i64,
}
