//! Which rows a list shows. Everything that is not named is shown.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Kind, MailboxState};

/// Which mailboxes a list shows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MailboxFilter {
    /// Searches name and address.
    pub q: Option<String>,
    /// Only of that kind.
    pub kind: Option<Kind>,
    /// Only in that state.
    pub state: Option<MailboxState>,
    /// Only of that domain.
    pub domain: Option<String>,
    /// Only of that user: id or address.
    pub user: Option<String>,
    /// Only on that server, by its name.
    pub server: Option<String>,
    /// Only used since then.
    pub used_since: Option<DateTime<Utc>>,
    /// Only not used since then.
    pub unused_since: Option<DateTime<Utc>>,
    /// Only those that a sweep found changed on the server.
    pub drifted: bool,
    /// Only shared ones: those without a user.
    pub shared: bool,
    /// With retained ones, which are left out otherwise unless `state` asks for them.
    pub retained: bool,
}

/// Which users a list shows.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Searches name and address.
    pub q: Option<String>,
    /// Only of that domain.
    pub domain: Option<String>,
    /// Only with a mailbox of that kind.
    pub kind: Option<Kind>,
    /// Only with a mailbox in that state.
    pub state: Option<MailboxState>,
}

/// How many mailboxes each tab shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TabCounts {
    /// POP/IMAP mailboxes that are not retained.
    pub pop_imap: u64,
    /// Exchange mailboxes that are not retained.
    pub exchange: u64,
    /// Shared mailboxes: without a user, not retained.
    pub shared: u64,
    /// Retained ones.
    pub kept: u64,
}
