//! What a mail server should hold, what it does hold, and the differences as changes.
//! The words in which [`crate::engine`] and the adapters speak; nothing here names a product.
use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::groupware::Holdings;
use super::snapshot::hex;
use super::{DomainName, EmailAddress, MailboxId, Protocol, Protocols};

/// A mailbox as it should be on its server.
#[derive(Debug, Clone)]
pub struct DesiredMailbox {
    /// The panel's id: the marker by which an account is known as ours.
    pub id: MailboxId,
    /// The server's own id, once it is known.
    pub remote_id: Option<String>,
    /// The login and primary address.
    pub address: EmailAddress,
    /// The name in the address list.
    pub display_name: String,
    /// An argon2id PHC string; `None` means that nobody can sign in with a password.
    pub password_hash: Option<SecretString>,
    /// The protocols that are open.
    pub open: Protocols,
    /// Whether mail is accepted for it.
    pub receives: bool,
    /// The sentence a client is told when a protocol is closed, made by [`wire_sentence`].
    pub closed_reason: Option<String>,
    /// Bytes it may hold.
    pub quota_bytes: i64,
    /// Whether the server takes mail for the domain.
    pub domain_accepts: bool,
}

/// A sentence that can stand in a reply of every protocol: printable ASCII, one line, at most 200
/// characters. What a person typed as a reason passes through here on its way to a server.
#[must_use]
pub fn wire_sentence(typed: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' => c,
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2013}' | '\u{2014}' => '-',
        c if c.is_whitespace() || c.is_control() => ' ',
        _ => '?',
    };
    let line: String = typed.chars().map(plain).collect();
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    words
        .join(" ")
        .chars()
        .take(200)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// A fingerprint of a stored password hash, so that hashes are compared but not passed around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordMark(pub String);

impl PasswordMark {
    /// The mark of a PHC string: its SHA-256 in hexadecimal, which a server's database can compute
    /// by itself; `-` when nobody can sign in with a password.
    #[must_use]
    pub fn of(hash: Option<&SecretString>) -> Self {
        let digest = |hash: &SecretString| hex(&Sha256::digest(hash.expose_secret().as_bytes()));
        Self(hash.map_or_else(|| "-".to_owned(), digest))
    }
}

/// An account as a server holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMailbox {
    /// The server's own id.
    pub remote_id: String,
    /// Whose account it is, if the panel made it.
    pub marker: Option<MailboxId>,
    /// The login and primary address.
    pub address: EmailAddress,
    /// The name in the address list.
    pub display_name: String,
    /// `None` when the server does not tell.
    pub password: Option<PasswordMark>,
    /// The protocols that are open.
    pub open: Protocols,
    /// Whether mail is accepted for it.
    pub receives: bool,
    /// The sentence a client is told when a protocol is closed.
    pub closed_reason: Option<String>,
    /// Bytes it may hold.
    pub quota_bytes: i64,
}

/// What a server holds for one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Whether it takes mail for the domain; `None` when it does not know the domain.
    pub domain_accepts: Option<bool>,
    /// The account, if there is one.
    pub account: Option<ObservedMailbox>,
}

/// One property of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// The panel's marker.
    Marker,
    /// The login and primary address.
    Address,
    /// The name in the address list.
    DisplayName,
    /// The password hash.
    Password,
    /// The open protocols.
    Open,
    /// Whether mail is accepted.
    Receives,
    /// The sentence of refusal.
    ClosedReason,
    /// The size.
    Quota,
}

/// One step from what is to what should be. Every one may be applied twice.
#[derive(Debug, Clone)]
pub enum Change {
    /// Make the domain known and take mail for it, or not.
    PutDomain {
        /// The domain.
        name: DomainName,
        /// Whether mail is taken for it.
        accepts: bool,
    },
    /// Make the account.
    Create(DesiredMailbox),
    /// Bring these aspects of the account to what is desired.
    Update {
        /// The server's own id of the account.
        remote_id: String,
        /// How it should be.
        desired: DesiredMailbox,
        /// What differs.
        aspects: Vec<Aspect>,
    },
    /// Forget cached logins and drop open sessions: a door closed, or the password changed. Once it is
    /// done, nothing that was begun in one of them changes the mailbox any more.
    EndSessions {
        /// Whose.
        address: EmailAddress,
        /// The server's own id of the account.
        remote_id: String,
    },
    /// Destroy the account with all its mail, calendars and contacts.
    Remove {
        /// Whose.
        address: EmailAddress,
        /// The server's own id of the account.
        remote_id: String,
    },
}

/// Where other servers reach a server, with mail and with clients that came to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The host.
    pub host: String,
    /// The port that takes mail from other servers.
    pub smtp: u16,
    /// The port of IMAP with STARTTLS, if it offers IMAP.
    pub imap: Option<u16>,
    /// The port of POP3 with STLS, if it offers POP3.
    pub pop3: Option<u16>,
    /// The port of ManageSieve with STARTTLS, if it has it.
    pub sieve: Option<u16>,
    /// Its front door for `ActiveSync` and DAV, if it offers one of them: scheme, host and port.
    pub http: Option<String>,
    /// Whether its certificate must be one that is trusted; on loopback any will do.
    pub verified: bool,
}

/// Where a mailbox lives, for a server that serves its domain.
#[derive(Debug, Clone)]
pub struct Route {
    /// The mailbox: names the route, whatever its address.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// Counts the changes of the mailbox: a route never replaces one of a higher generation.
    pub generation: i64,
    /// The server that it lives on; `None` when that is the one that is told.
    pub onward: Option<Onward>,
}

/// What a server must know to pass on what comes for a mailbox that lives elsewhere.
#[derive(Debug, Clone)]
pub struct Onward {
    /// The name of the server that it lives on.
    pub server: String,
    /// Where that server is reached.
    pub entrance: Entrance,
    /// Whether mail for it is taken at all.
    pub receives: bool,
    /// Whether its owner may hand in mail here, signing in with this password.
    pub submits: bool,
    /// An argon2id PHC string; `None` means that nobody can sign in with a password.
    pub password_hash: Option<SecretString>,
}

/// How full a mailbox is and when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Whose.
    pub address: EmailAddress,
    /// Bytes it holds.
    pub used_bytes: i64,
    /// Messages it holds.
    pub messages: i64,
    /// The last login by each protocol; one never used is not named.
    pub last_used: BTreeMap<Protocol, DateTime<Utc>>,
    /// What it holds besides mail, where the server tells.
    pub holdings: Option<Holdings>,
}

/// A place where clients connect, for settings pages, discovery and live checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// What is spoken there.
    pub protocol: Protocol,
    /// The host name clients use.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The URL, for protocols over HTTP.
    pub url: Option<String>,
}

/// Whether a host is this machine: `localhost`, or an address of it, in brackets or not.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Upgraded by STARTTLS or STLS.
    Starttls,
    /// None: on loopback only.
    None,
}

/// What one protocol answered to a live check, as a client would see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was tried.
    pub protocol: Protocol,
    /// Whether the listener could be reached and greeted us.
    pub reachable: bool,
    /// One sentence: what the listener said.
    pub detail: String,
    /// Milliseconds to the greeting.
    pub millis: u32,
}
