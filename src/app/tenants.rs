//! The tenant tree.
use super::AppError;
use crate::authz::{CreateTenants, ViewTenants};
use crate::domain::{Invalid, Page, PageRequest, Slug, TenantKind};
use crate::store::{Event, StoreError, Work, tenants};

pub use crate::store::tenants::TenantSummary;

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
    let q = q.map(str::trim).filter(|q| !q.is_empty());
    Ok(tenants::page(work, q, page).await?)
}

/// The tenant that the path names.
pub async fn show(work: &Work<ViewTenants>) -> Result<TenantSummary, AppError> {
    tenants::summary(work, work.tenant().id)
        .await?
        .ok_or(AppError::NotFound("tenant"))
}

/// Adds a tenant below the one that the path names, which must not be a customer.
pub async fn create(work: Work<CreateTenants>, new: NewTenant) -> Result<TenantSummary, AppError> {
    if work.tenant().kind == TenantKind::Customer {
        let detail = format!(
            "{} is a customer, and nothing can be below a customer. Add it below a reseller.",
            work.tenant().name
        );
        return Err(Invalid::field("parent", detail).into());
    }
    if new.kind == TenantKind::Platform {
        return Err(
            Invalid::field("kind", "There is one platform. Use reseller or customer.").into(),
        );
    }
    let id = match tenants::insert(&work, new.kind, &new.slug, &new.name).await {
        Err(StoreError::Taken(_)) => {
            let detail = format!(
                "There is a tenant “{}” already. Choose another short name.",
                new.slug
            );
            return Err(AppError::conflict("slug-taken", detail));
        }
        inserted => inserted?,
    };
    let created = tenants::summary(&work, id)
        .await?
        .ok_or(AppError::NotFound("tenant"))?;
    let event = Event::new("tenant.created", "tenant", new.slug.as_str()).id(id.0);
    let after = serde_json::json!({"kind": new.kind, "slug": new.slug, "name": new.name});
    work.commit(event.change(serde_json::Value::Null, after))
        .await?;
    Ok(created)
}
