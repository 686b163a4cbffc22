//! Domains: adding, proving, disabling, removing.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AppError;
use crate::authz::{Includes, ManageDomains, ViewDomains};
use crate::domain::{DomainId, DomainName, Page, PageRequest, Slug, TenantId};
use crate::store::Work;

/// A DNS record that somebody has to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// What it is for: `proof`, `mx`, `spf`, `autoconfig`, `autodiscover`, `imaps`, `submission`, `caldavs`, `carddavs`.
    pub purpose: String,
    /// Its type, such as `TXT`.
    pub kind: String,
    /// Its full name, without a trailing dot.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether DNS had it when last asked; `None` when it was never asked.
    pub seen: Option<bool>,
}

/// A domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: Slug,
    /// Its name in A-labels.
    pub name: DomainName,
    /// Whether its mailboxes may be used.
    pub enabled: bool,
    /// Proved by its TXT record at.
    pub proved_at: Option<DateTime<Utc>>,
    /// Vouched for by the platform.
    pub vouched: bool,
    /// What to publish, and what DNS said when last asked.
    pub records: Vec<DnsRecord>,
    /// DNS is being asked now.
    pub checking: bool,
    /// DNS was last asked at.
    pub checked_at: Option<DateTime<Utc>>,
    /// Why the last look was no proof, in one sentence.
    pub check_problem: Option<String>,
    /// Users in it.
    pub users: u64,
    /// Mailboxes in it.
    pub mailboxes: u64,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
}

impl Domain {
    /// Whether mail is accepted for it: proved or vouched for.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.vouched || self.proved_at.is_some()
    }

    /// For `ETag` and `If-Match`.
    #[must_use]
    pub fn version(&self) -> String {
        self.updated_at.timestamp_micros().to_string()
    }
}

/// Domains of the tenant and all below, by name; `q` searches the name.
pub async fn list(
    work: &Work<ViewDomains>,
    q: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Domain>, AppError> {
    let _ = (work, q, page);
    unimplemented!()
}

/// One domain.
pub async fn find<P: Includes<ViewDomains>>(
    work: &Work<P>,
    name: &DomainName,
) -> Result<Domain, AppError> {
    let _ = (work, name);
    unimplemented!()
}

/// Adds a domain to the tenant that the path names, which must be a customer. Only staff of the
/// platform may vouch for it.
pub async fn create(
    work: Work<ManageDomains>,
    name: DomainName,
    vouch: bool,
) -> Result<Domain, AppError> {
    let _ = (work, name, vouch);
    unimplemented!()
}

/// Enables or disables a domain; its mailboxes follow. `vouch` is for staff of the platform.
pub async fn update(
    work: Work<ManageDomains>,
    name: &DomainName,
    enabled: Option<bool>,
    vouch: Option<bool>,
    expected: Option<&str>,
) -> Result<Domain, AppError> {
    let _ = (work, name, enabled, vouch, expected);
    unimplemented!()
}

/// Asks for a look at DNS, which the engine takes.
pub async fn request_verification(
    work: Work<ManageDomains>,
    name: &DomainName,
) -> Result<Domain, AppError> {
    let _ = (work, name);
    unimplemented!()
}

/// Removes a domain that has no users and no mailboxes left.
pub async fn remove(work: Work<ManageDomains>, name: &DomainName) -> Result<(), AppError> {
    let _ = (work, name);
    unimplemented!()
}
