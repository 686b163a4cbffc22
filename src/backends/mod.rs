//! Mail servers, each behind the same trait. An adapter only carries out what it is told: which
//! changes are needed is decided in [`crate::engine`], and tenancy is unknown here.
//!
//! `dovecot_sogo` drives Dovecot, Postfix and `SOGo`. `memory` holds mailboxes in the process, for
//! fast tests of our own logic; it is never offered to an operator.
mod door;
pub mod dovecot_sogo;
pub mod groupware;
pub mod imap;
pub mod memory;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::domain::filters::Filters;
use crate::domain::mailserver::{
    Answer, Change, Entrance, Listener, Observed, ObservedMailbox, Route, Usage,
};
use crate::domain::snapshot::Snapshot;
use crate::domain::{EmailAddress, Invalid, Progress, Protocol, Protocols};
pub use door::Door;

/// The server of a registration, by the name of its adapter. Settings and secrets are checked
/// field by field; nothing is connected yet, so a server that is down can be registered.
pub fn adapter(
    name: &str,
    settings: Value,
    secrets: Value,
) -> Result<Arc<dyn MailServer>, Invalid> {
    match name {
        "dovecot_sogo" => Ok(Arc::new(dovecot_sogo::DovecotSogo::new(settings, secrets)?)),
        other => Err(Invalid::field(
            "adapter",
            format!("There is no adapter “{other}”. Use “dovecot_sogo”."),
        )),
    }
}

/// The same for what the store holds: `secrets` is a JSON object, and what the adapter cannot read
/// is [`ServerError::Refused`].
pub fn connect(
    name: &str,
    settings: &Value,
    secrets: &SecretString,
) -> Result<Arc<dyn MailServer>, ServerError> {
    let refused = |why: String| ServerError::Refused(why);
    let secrets = serde_json::from_str(secrets.expose_secret())
        .map_err(|_| refused("its secrets are not a JSON object".to_owned()))?;
    adapter(name, settings.clone(), secrets).map_err(|invalid| refused(invalid.to_string()))
}

/// What an adapter can do beyond what every one must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// It can drop the open sessions of one mailbox. Without it, a closed protocol stays usable
    /// for clients that are connected already, and the panel says so.
    pub ends_sessions: bool,
    /// It tells when each protocol was last used.
    pub tells_last_use: bool,
    /// It tells a fingerprint of the password hash.
    pub tells_password: bool,
}

/// Why a mail server did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServerError {
    /// It did not answer, or not in time: whether the request had an effect is unknown. Try again.
    #[error("does not answer: {0}")]
    Unreachable(String),
    /// It answered that it cannot just now (locked, over load, storage in trouble). Try again.
    #[error("cannot do it at the moment: {0}")]
    Busy(String),
    /// It refuses, and will refuse again: somebody has to act.
    #[error("refuses: {0}")]
    Refused(String),
}

impl ServerError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy(_))
    }
}

/// How a server is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Name and version of what answered, for people.
    pub version: String,
    /// How long the answer took.
    pub took: Duration,
}

/// How much of each message a snapshot reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every message in full, to compute its SHA-256.
    Bodies,
    /// UIDs, flags, dates and sizes; SHA-256 is taken from the snapshot given as known, and only
    /// messages that are not in it are read in full.
    Marks,
}

/// What a server of one product can be asked. Every method has its own time limit, retries what is
/// safe to repeat, and may be called twice with the same effect as once.
#[async_trait]
pub trait MailServer: Send + Sync {
    /// What it offers to clients.
    fn offers(&self) -> Protocols;

    /// What it can do beyond what every adapter must.
    fn abilities(&self) -> Abilities;

    /// Where clients connect.
    fn listeners(&self) -> Vec<Listener>;

    /// Whether it answers on every admin interface that the adapter needs, and whether these are
    /// of a version that the adapter knows.
    async fn health(&self) -> Result<Health, ServerError>;

    /// What it holds for these addresses; every address asked for is in the answer.
    async fn observe(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError>;

    /// Accounts in the order of their addresses, at most `limit`, after `after`: for sweeps.
    async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError>;

    /// Carries out one change. Returns the server's own id of the account, where there is one.
    async fn apply(&self, change: &Change) -> Result<Option<String>, ServerError>;

    /// How full these mailboxes are and when they were last used; one that the server does not
    /// have is left out.
    async fn usage(&self, addresses: &[EmailAddress]) -> Result<Vec<Usage>, ServerError>;

    /// Reads a mailbox as an administrator, whatever its switches, and leaves no trace in it: no
    /// flag, no last use. One message in memory at a time, and less of a large one. Also does what
    /// the server needs so that every folder can be synchronised by clients of either kind.
    /// `told` is called now and then with how far it is.
    async fn snapshot(
        &self,
        mailbox: &EmailAddress,
        depth: Depth,
        known: Option<&Snapshot>,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Snapshot, ServerError>;

    /// The door through which the panel opens a mailbox over IMAP, whatever its switches.
    fn mail_door(&self, _mailbox: &EmailAddress) -> Option<imap::Login> {
        None
    }

    /// The ability to number this mailbox's folders and messages, where the server has it.
    fn numbering(&self, _mailbox: &EmailAddress) -> Option<Arc<dyn imap::copy::Numbering>> {
        None
    }

    /// The panel's way to this mailbox's calendars and contacts, where the server has them and lets
    /// the panel in.
    fn groupware(&self, _mailbox: &EmailAddress) -> Option<Arc<dyn groupware::Groupware>> {
        None
    }

    /// The mailbox's filter scripts; `None` where the server has none or does not let the panel at
    /// them.
    async fn filters(&self, _mailbox: &EmailAddress) -> Result<Option<Filters>, ServerError> {
        Ok(None)
    }

    /// Makes the mailbox's filter scripts these and no others.
    async fn put_filters(
        &self,
        _mailbox: &EmailAddress,
        _filters: &Filters,
    ) -> Result<(), ServerError> {
        Err(ServerError::Refused("has no filters".to_owned()))
    }

    /// Where other servers reach it; `None` when its registration does not say where it takes mail.
    fn entrance(&self) -> Option<Entrance>;

    /// Learns where mailboxes live. What comes for one that lives elsewhere is passed on, mail and
    /// clients alike, from when this returns; an account that is here under its address is out of
    /// reach then, for clients and for new mail, but not for the panel. The domain need not be known
    /// yet; until it is, nothing is accepted for it. A route of a higher generation stays.
    async fn route(&self, routes: &[Route]) -> Result<(), ServerError>;

    /// Learns where other servers are reached now, by their names; what it passes on to one of them
    /// goes there from when this returns. Those that it passes nothing on to it need not remember.
    async fn introduce(&self, _peers: &[(String, Entrance)]) -> Result<(), ServerError> {
        Ok(())
    }

    /// The same mailbox in this process, for a server that has no wire.
    fn in_process(&self, _mailbox: &EmailAddress) -> Option<memory::Mailbox> {
        None
    }

    /// Connects to the listener of `protocol` as a client would, up to the greeting.
    async fn check(&self, protocol: Protocol) -> Answer;
}
