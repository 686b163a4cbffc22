//! API keys.
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::AppError;
use crate::authz::{ManageApiKeys, Role, Scope, ViewApiKeys};
use crate::domain::{ApiKeyId, Page, PageRequest, Slug};
use crate::store::Work;

/// A key, without its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub tenant_slug: Slug,
    /// What it is for.
    pub label: String,
    /// Its role on the tenant and all below.
    pub role: Role,
    /// What it is limited to; empty means everything its role may.
    pub scopes: Vec<Scope>,
    /// The networks it may come from, as `address/bits`; empty means any.
    pub networks: Vec<String>,
    /// The last four characters, to recognise it by.
    pub hint: String,
    /// Who made it.
    pub created_by: String,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Good until.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last used at.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Revoked at.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a new key is made of.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What it is for.
    pub label: String,
    /// Its role; not above the maker's own.
    pub role: Role,
    /// What it is limited to.
    pub scopes: Vec<Scope>,
    /// The networks it may come from, parsed: address and prefix length.
    pub networks: Vec<(std::net::IpAddr, u8)>,
    /// Good until.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The keys of the tenant and all below, newest first.
pub async fn list(work: &Work<ViewApiKeys>, page: &PageRequest) -> Result<Page<ApiKey>, AppError> {
    let _ = (work, page);
    unimplemented!()
}

/// Makes a key; the secret (`ph_…`) is returned this once.
pub async fn create(
    work: Work<ManageApiKeys>,
    new: NewApiKey,
) -> Result<(ApiKey, SecretString), AppError> {
    let _ = (work, new);
    unimplemented!()
}

/// Ends a key at once; ending it again changes nothing.
pub async fn revoke(work: Work<ManageApiKeys>, id: ApiKeyId) -> Result<ApiKey, AppError> {
    let _ = (work, id);
    unimplemented!()
}
