//! A mail server as an admin sees it, and the accounts on it that nobody knows.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::mailserver::Listener;
use super::{EmailAddress, Kind, Protocols, ServerId};

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

/// A server that a mailbox might be put on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub server: ServerId,
    /// What it offers to clients.
    pub offers: Protocols,
    /// Mailboxes on it, or on their way to it.
    pub mailboxes: u64,
}

/// The rule of placement: of the servers that offer all that the kind starts with, those that offer
/// the least beyond it, and of these the one with the fewest mailboxes.
#[must_use]
pub fn place(kind: Kind, candidates: &[Candidate]) -> Option<ServerId> {
    let fit = candidates.iter().filter(|one| kind.held_by(one.offers));
    let beyond = |one: &Candidate| one.offers.without(kind.starts_on()).len();
    let best = fit.min_by_key(|one| (beyond(one), one.mailboxes, one.server));
    best.map(|one| one.server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Protocol;

    fn candidate(offers: &[Protocol], mailboxes: u64) -> Candidate {
        Candidate {
            server: ServerId::new(),
            offers: Protocols::of(offers),
            mailboxes,
        }
    }

    #[test]
    fn the_least_capable_server_that_fits_is_chosen_and_of_two_the_emptier() {
        let mail = [Protocol::Imap, Protocol::Pop3, Protocol::Smtp];
        let all = Protocol::ALL;
        let servers = [
            candidate(&all, 0),
            candidate(&mail, 7),
            candidate(&mail, 3),
            candidate(&[Protocol::Imap], 0),
        ];
        assert_eq!(place(Kind::PopImap, &servers), Some(servers[2].server));
        assert_eq!(place(Kind::Exchange, &servers), Some(servers[0].server));
        assert_eq!(place(Kind::Exchange, &servers[1..]), None);
    }
}
