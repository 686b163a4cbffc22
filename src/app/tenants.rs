//! The tenant tree.
use super::AppError;
use crate::authz::{CreateTenants, ViewTenants};
use crate::domain::{Page, PageRequest, Slug, Tenant, TenantKind};
use crate::store::Work;

/// A tenant with what a list shows.
#[derive(Debug, Clone)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: Tenant,
    /// The parent's name in URLs.
    pub parent_slug: Option<Slug>,
    /// The parent's name on screens.
    pub parent_name: Option<String>,
    /// Domains at or below it.
    pub domains: u64,
    /// Users at or below it.
    pub users: u64,
    /// Mailboxes at or below it.
    pub mailboxes: u64,
}

/// What a new tenant is made of; parsed at the door.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// A reseller or a customer.
    pub kind: TenantKind,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name on screens.
    pub name: String,
}

/// The tenant and all below it, by name; `q` searches name and slug.
pub async fn list(
    work: &Work<ViewTenants>,
    q: Option<&str>,
    page: &PageRequest,
) -> Result<Page<TenantSummary>, AppError> {
    let _ = (work, q, page);
    unimplemented!()
}

/// The tenant that the path names.
pub async fn show(work: &Work<ViewTenants>) -> Result<TenantSummary, AppError> {
    let _ = work;
    unimplemented!()
}

/// Adds a tenant below the one that the path names, which must not be a customer.
pub async fn create(work: Work<CreateTenants>, new: NewTenant) -> Result<TenantSummary, AppError> {
    let _ = (work, new);
    unimplemented!()
}
