//! A person of a customer.
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{EmailAddress, Invalid, Mailbox, Slug, TenantId, UserId};

/// A person of a customer, with a mailbox or none.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: Slug,
    /// What the person signs in with; the address of the mailbox, when there is one.
    pub address: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// The mailbox, if there is one (also a retained one).
    pub mailbox: Option<Mailbox>,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// For `ETag` and `If-Match`: another one whenever the user or the mailbox is another.
    #[must_use]
    pub fn version(&self) -> String {
        let mailbox = self.mailbox.as_ref().map(Mailbox::version);
        format!(
            "{}~{}",
            self.asked_version(),
            mailbox.as_deref().unwrap_or("none")
        )
    }

    /// For forms: another one only when somebody changed the user.
    #[must_use]
    pub fn asked_version(&self) -> String {
        format!("{:x}", self.updated_at.timestamp_micros())
    }

    /// Whether `expected` is the version, whole or as a form knows it.
    #[must_use]
    pub fn is_version(&self, expected: &str) -> bool {
        expected == self.version() || expected == self.asked_version()
    }
}

/// A password as it was typed: 8 to 256 characters, none of them a control character.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// The fewest characters (NIST SP 800-63B-4 §3.1.1.2 asks for at least 8).
    pub const MIN: usize = 8;
    /// The most: more would only make hashing slow.
    pub const MAX: usize = 256;

    /// Reads a password; the fault never repeats it.
    pub fn parse(field: &str, typed: SecretString) -> Result<Self, Invalid> {
        let length = typed.expose_secret().chars().count();
        if length < Self::MIN {
            return Err(Invalid::field(field, "Enter at least 8 characters."));
        }
        if length > Self::MAX {
            return Err(Invalid::field(field, "Enter at most 256 characters."));
        }
        if typed.expose_secret().chars().any(char::is_control) {
            return Err(Invalid::field(field, "Leave out tabs and line breaks."));
        }
        Ok(Self(typed))
    }

    /// The characters, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The name of a person or a thing on screens: 1 to 100 characters on one line.
pub fn display_name(field: &str, typed: &str) -> Result<String, Invalid> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Invalid::field(field, "Enter a name."));
    }
    if typed.chars().count() > 100 {
        return Err(Invalid::field(field, "Enter at most 100 characters."));
    }
    if typed.chars().any(char::is_control) {
        return Err(Invalid::field(field, "Leave out tabs and line breaks."));
    }
    Ok(typed.to_owned())
}
