//! A small streaming IMAP client (RFC 9051 and its forerunners), for mailboxes that the panel
//! opens as an administrator. It knows no product: what a server can do is asked, never assumed.
//!
//! `connect` opens connections, `wire` cuts bytes into responses, `value` and `response` understand
//! them, `session` talks, `survey` reads a whole mailbox into a snapshot, `copy` copies one to
//! another server, `tray` works an inbox off, `knock` only finds out whether one is let in. `names` is
//! about folder names.
mod connect;
pub mod copy;
mod find;
mod knock;
mod names;
mod response;
mod session;
mod survey;
mod tray;
mod value;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use super::ServerError;
use crate::domain::mailserver::Security;
use response::Said;

pub use connect::Trust;
pub use find::in_inbox;
pub use knock::{Shut, knock};
pub use survey::survey;
pub use tray::{Lying, Tray};

/// A server that sends nothing for this long is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whom to be, and where.
#[derive(Debug, Clone)]
pub struct Login {
    /// `host:port` of a listener. Its host is what a certificate must be for.
    pub place: String,
    /// Connects here, and does not look the host up again: for hosts that were checked.
    pub at: Option<SocketAddr>,
    /// How the connection is protected. Without, the password is sent as it is: on loopback.
    pub security: Security,
    /// Whose certificates are good.
    pub trust: Trust,
    /// The login name, which may name another person's mailbox on behalf of an administrator.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// Whether the panel signs in as the administrator of a server of ours. That it may do so was
    /// seen when the server was registered, so a refusal is taken for one that passes: a server
    /// that is dying, or starting, says “authentication failed” too.
    pub as_administrator: bool,
}

impl Login {
    /// An administrator's door on loopback, without TLS.
    #[must_use]
    pub fn on_loopback(place: String, user: String, password: SecretString) -> Self {
        Self {
            place,
            at: None,
            security: Security::None,
            trust: Trust::default(),
            user,
            password,
            as_administrator: true,
        }
    }
}

/// What went wrong on a connection.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The connection, or what came over it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is no safe connection: a certificate that is not good, or no TLS where it is needed.
    #[error("{0}")]
    Unsafe(String),
    /// The server hung up, with these words.
    #[error("the server hung up: {0}")]
    Bye(String),
    /// It said something that is not IMAP.
    #[error("the server said something that is not IMAP")]
    Malformed,
    /// It does not let its administrator in just now, with these words.
    #[error("signing in: {0}")]
    NotLetIn(String),
    /// It did not do what was asked.
    #[error("{what}: {}", said.text)]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        said: Said,
    },
}

impl Fault {
    /// Whether the server says that there is no such folder (RFC 5530).
    fn is_nonexistent(&self) -> bool {
        matches!(self, Self::Refused { said, .. } if said.code.as_deref() == Some("NONEXISTENT"))
    }

    /// In the words of every adapter; `place` is where the server is.
    fn explained(self, place: &str) -> ServerError {
        match &self {
            Self::Refused { said, .. } => match said.code.as_deref() {
                // RFC 5530 §3: they pass by themselves.
                Some("UNAVAILABLE" | "INUSE" | "SERVERBUG" | "LIMIT") => {
                    ServerError::Busy(self.to_string())
                }
                _ => ServerError::Refused(self.to_string()),
            },
            Self::NotLetIn(_) => ServerError::Busy(self.to_string()),
            Self::Unsafe(_) => ServerError::Refused(format!("IMAP at {place}: {self}")),
            Self::Io(fault) if fault.kind() == io::ErrorKind::TimedOut => {
                ServerError::Unreachable(format!("IMAP at {place} sent nothing for {PATIENCE:?}"))
            }
            Self::Io(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => {
                ServerError::Unreachable(format!("IMAP at {place} closed the connection"))
            }
            _ => ServerError::Unreachable(format!("IMAP at {place}: {self}")),
        }
    }
}
