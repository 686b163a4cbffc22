//! Plans: which ones a tenant may use.
use super::AppError;
use crate::authz::{Includes, ViewPlans};
use crate::domain::{Kind, Plan, TenantId};
use crate::store::Work;

/// The plans that a tenant may use, its own and those of the tenants above it.
pub async fn list<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<Vec<Plan>, AppError> {
    let _ = (work, tenant);
    unimplemented!()
}

/// The plan of that slug, or the default one of that kind, that a tenant may use. The fault is at
/// `field`.
pub async fn choose<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
    kind: Kind,
    slug: Option<&str>,
    field: &str,
) -> Result<Plan, AppError> {
    let _ = (work, tenant, kind, slug, field);
    unimplemented!()
}
