//! Mail servers, as an admin sees them, and the accounts on them that nobody knows.
use chrono::{DateTime, Utc};

use super::AppError;
use crate::authz::{ManageServers, ViewServers};
use crate::domain::mailserver::Listener;
use crate::domain::{EmailAddress, Mailbox, Page, PageRequest, Protocols, ServerId};
use crate::store::Work;

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

/// All servers; empty below the platform, whose they are.
pub async fn list(work: &Work<ViewServers>, page: &PageRequest) -> Result<Page<Server>, AppError> {
    let _ = (work, page);
    unimplemented!()
}

/// One server, by id or name.
pub async fn find(work: &Work<ViewServers>, server: &str) -> Result<Server, AppError> {
    let _ = (work, server);
    unimplemented!()
}

/// Accounts on it that nobody knows.
pub async fn strays(
    work: &Work<ViewServers>,
    server: &str,
    page: &PageRequest,
) -> Result<Page<Stray>, AppError> {
    let _ = (work, server, page);
    unimplemented!()
}

/// Takes such an account over as a shared mailbox of the tenant that owns its domain.
pub async fn adopt_stray(
    work: Work<ManageServers>,
    server: &str,
    address: &EmailAddress,
) -> Result<Mailbox, AppError> {
    let _ = (work, server, address);
    unimplemented!()
}
