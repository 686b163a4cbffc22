//! A mailbox as every surface sees it.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::groupware::Holdings;
use super::mailserver::Answer;
use super::{
    CheckId, DomainId, EmailAddress, Kind, Levels, MailboxId, PlanId, Protocol, Protocols,
    ServerId, Slug, TenantId, UserId,
};

/// Where a mailbox stands, for people. Derived by [`Standing::state`], never set by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailboxState {
    /// Asked for; the server was not read back yet.
    Pending,
    /// The server was read back and is as asked.
    Ready,
    /// A conversion is under way.
    Converting,
    /// Suspended, and the server was read back so.
    Suspended,
    /// Taken away and kept.
    Retained,
    /// The server refuses what was asked for; somebody has to act.
    Failed,
}

impl MailboxState {
    /// The word used in JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Converting => "converting",
            Self::Suspended => "suspended",
            Self::Retained => "retained",
            Self::Failed => "failed",
        }
    }

    /// The state of that word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Ready,
            Self::Converting,
            Self::Suspended,
            Self::Retained,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// The facts that a state is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Taken away and kept.
    pub retained: bool,
    /// A conversion item holds it.
    pub converting: bool,
    /// The server refused for good (not: did not answer).
    pub refused: bool,
    /// The generation on the server is the one asked for.
    pub seen: bool,
    /// Suspended itself.
    pub suspended: bool,
}

impl Standing {
    /// The one state that people see.
    #[must_use]
    pub const fn state(self) -> MailboxState {
        if self.converting {
            MailboxState::Converting
        } else if self.retained {
            MailboxState::Retained
        } else if self.refused {
            MailboxState::Failed
        } else if !self.seen {
            MailboxState::Pending
        } else if self.suspended {
            MailboxState::Suspended
        } else {
            MailboxState::Ready
        }
    }
}

/// One difference between what was asked for and what a sweep found on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs, such as `open.pop3`, `quota` or `account`.
    pub aspect: String,
    /// What the panel asked for, for people.
    pub asked: String,
    /// What is on the server, for people.
    pub found: String,
}

/// A mailbox with the names of what it belongs to.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: Slug,
    /// Whose mail it is; `None` for a shared one.
    pub user: Option<UserId>,
    /// The domain of its address.
    pub domain: DomainId,
    /// Its primary address.
    pub address: EmailAddress,
    /// The name on screens and in the address list.
    pub display_name: String,
    /// What it is.
    pub kind: Kind,
    /// What was sold.
    pub plan: PlanId,
    /// The plan's name in the API.
    pub plan_slug: Slug,
    /// The mail server that holds it.
    pub server: ServerId,
    /// That server's name.
    pub server_name: String,
    /// Where it stands.
    pub state: MailboxState,
    /// One sentence on what it waits for, when it is not ready.
    pub problem: Option<String>,
    /// Everything that decides what is open.
    pub levels: Levels,
    /// Why it is suspended, while it is.
    pub suspended: Option<String>,
    /// Whether mail is accepted for it.
    pub receives: bool,
    /// Taken away at, while it is retained.
    pub retained_at: Option<DateTime<Utc>>,
    /// Destroyed after, while it is retained.
    pub purge_after: Option<DateTime<Utc>>,
    /// Whether it is being destroyed.
    pub purge_asked: bool,
    /// Bytes it may hold.
    pub quota_bytes: i64,
    /// Bytes it holds, as of `usage_at`.
    pub used_bytes: i64,
    /// Messages it holds, as of `usage_at`.
    pub messages: i64,
    /// What it holds besides mail, as of `usage_at`; `None` where that is not known.
    pub holdings: Option<Holdings>,
    /// When size and messages were last read from the server.
    pub usage_at: Option<DateTime<Utc>>,
    /// The last login by each protocol.
    pub last_used: BTreeMap<Protocol, DateTime<Utc>>,
    /// Grows with each change asked for.
    pub asked_generation: i64,
    /// The generation that was read back from the server.
    pub seen_generation: i64,
    /// When the server was last read back.
    pub seen_at: Option<DateTime<Utc>>,
    /// What was open on the server then.
    pub seen_open: Option<Protocols>,
    /// What a sweep found different since.
    pub drift: Vec<Difference>,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
}

impl Mailbox {
    /// For `ETag` and `If-Match`: another one whenever anything about the mailbox is another, also
    /// what was seen on the server. It begins with [`Mailbox::asked_version`].
    #[must_use]
    pub fn version(&self) -> String {
        // `Debug` names every field, so that a new one cannot be forgotten here.
        let whole = Sha256::digest(format!("{self:?}").as_bytes());
        let whole = super::snapshot::hex(&whole[..8]);
        format!("{}-{whole}", self.asked_version())
    }

    /// For forms: another one only when somebody asked for a change, so that a mail which arrives
    /// while a person types does not refuse the form.
    #[must_use]
    pub fn asked_version(&self) -> String {
        let at = self.updated_at.timestamp_micros();
        format!("{:x}.{}", at, self.asked_generation)
    }

    /// Whether `expected` is the version, whole or as a form knows it.
    #[must_use]
    pub fn is_version(&self, expected: &str) -> bool {
        expected == self.version() || expected == self.asked_version()
    }
}

/// A live check, asked for or done.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Whether the answers are in.
    pub done: bool,
    /// One for each protocol that is open.
    pub answers: Vec<Answer>,
    /// Asked for at.
    pub created_at: DateTime<Utc>,
}
