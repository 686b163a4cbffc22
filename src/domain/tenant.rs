//! The tree: one platform, resellers to any depth, customers as leaves.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Invalid, TenantId};

/// What a node of the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    /// The root: the hosting company.
    Platform,
    /// Sells to resellers and customers below it.
    Reseller,
    /// A leaf: owns domains, users and mailboxes.
    Customer,
}

impl TenantKind {
    /// The word used in JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Reseller => "reseller",
            Self::Customer => "customer",
        }
    }

    /// What the database holds; an unknown word is a customer, the least of them.
    #[must_use]
    pub fn stored(word: &str) -> Self {
        match word {
            "platform" => Self::Platform,
            "reseller" => Self::Reseller,
            _ => Self::Customer,
        }
    }
}

/// The name of a tenant in URLs: 2 to 40 of `a-z 0-9 -`, beginning and ending with none of `-`,
/// unique on the whole platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug.
    pub fn parse(field: &str, typed: &str) -> Result<Self, Invalid> {
        let typed = typed.trim();
        let fits = (2..=40).contains(&typed.len())
            && typed
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !typed.starts_with('-')
            && !typed.ends_with('-')
            && uuid::Uuid::try_parse(typed).is_err();
        if fits {
            return Ok(Self(typed.to_owned()));
        }
        Err(Invalid::field(
            field,
            format!(
                "“{typed}” cannot stand in an address. Use 2 to 40 small letters, digits and \
                 hyphens, such as alder-finch."
            ),
        ))
    }

    /// What the database holds, which was parsed when it was written.
    #[must_use]
    pub fn stored(slug: String) -> Self {
        Self(slug)
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The node above; `None` for the platform.
    pub parent: Option<TenantId>,
    /// What it is.
    pub kind: TenantKind,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name on screens.
    pub name: String,
    /// Where it is, as the IANA time zone database names it: for times on screens and schedules.
    pub time_zone: String,
    /// Why it is suspended, while it is.
    pub suspended: Option<String>,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
}
