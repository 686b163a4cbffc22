//! The first page: what needs somebody, worst first.
use super::AppError;
use crate::authz::ViewMailboxes;
use crate::domain::{EmailAddress, Item, Mailbox};
use crate::store::Work;

/// The figures and the lists of the first page; each list holds at most ten.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Tenants below.
    pub tenants: u64,
    /// Domains.
    pub domains: u64,
    /// Users.
    pub users: u64,
    /// POP/IMAP mailboxes.
    pub pop_imap: u64,
    /// Exchange mailboxes.
    pub exchange: u64,
    /// Retained mailboxes.
    pub kept: u64,
    /// Bytes all mailboxes hold together.
    pub used_bytes: i64,
    /// Conversions that are under way.
    pub converting: u64,
    /// Conversions that failed and whose mailbox was not converted since.
    pub failed_conversions: Vec<Item>,
    /// How many of those there are.
    pub failed_conversions_total: u64,
    /// Mailboxes that the server refuses.
    pub failed_mailboxes: Vec<Mailbox>,
    /// How many of those there are.
    pub failed_mailboxes_total: u64,
    /// Mailboxes that were changed on their server.
    pub drifted: Vec<Mailbox>,
    /// How many of those there are.
    pub drifted_total: u64,
    /// Domains not proved yet.
    pub unproved: Vec<crate::app::domains::Domain>,
    /// How many of those there are.
    pub unproved_total: u64,
    /// Mailboxes that wait for their server.
    pub waiting_total: u64,
    /// Mailboxes above 90 % of their quota.
    pub nearly_full: Vec<(EmailAddress, i64, i64)>,
    /// How many of those there are.
    pub nearly_full_total: u64,
}

/// What needs somebody on this tenant and all below.
pub async fn show(work: &Work<ViewMailboxes>) -> Result<Overview, AppError> {
    let _ = work;
    unimplemented!()
}
