//! Plans: which ones a tenant may use.
use super::AppError;
use crate::authz::{Includes, ViewPlans};
use crate::domain::{Invalid, Kind, Page, PageRequest, Plan, TenantId};
use crate::store::{self, Work};

/// The plans that a tenant may use, its own and those of the tenants above it.
pub async fn list<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<Vec<Plan>, AppError> {
    Ok(store::plans::usable(work, tenant).await?)
}

/// The same by name, page by page.
pub async fn page<P: Includes<ViewPlans>>(
    work: &Work<P>,
    request: &PageRequest,
) -> Result<Page<Plan>, AppError> {
    let key = |plan: &Plan| vec![plan.name.clone(), plan.id.to_string()];
    let mut plans = list(work, work.tenant().id).await?;
    plans.sort_by_key(key);
    let total = plans.len() as u64;
    if let Some(after) = &request.after {
        plans.retain(|plan| key(plan) > *after);
    }
    Ok(Page::cut(plans, request, total, key))
}

/// One plan that the tenant of the path may use, by id or slug. Where two have the same slug, the
/// nearer tenant's counts.
pub async fn find<P: Includes<ViewPlans>>(work: &Work<P>, plan: &str) -> Result<Plan, AppError> {
    let named = |known: &Plan| known.slug.as_str() == plan || known.id.to_string() == plan;
    let plans = list(work, work.tenant().id).await?;
    let found = plans.into_iter().find(named);
    found.ok_or(AppError::NotFound("plan"))
}

/// The plan of that slug, or the default one of that kind, that a tenant may use. Where two have
/// the same slug, the nearer tenant's counts. The fault is at `field`.
pub async fn choose<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
    kind: Kind,
    slug: Option<&str>,
    field: &str,
) -> Result<Plan, AppError> {
    let plans = store::plans::usable(work, tenant).await?;
    let found = match slug {
        Some(slug) => plans.iter().find(|plan| plan.slug.as_str() == slug),
        None => plans
            .iter()
            .find(|plan| plan.is_default && plan.kind == kind),
    };
    match (found, slug) {
        (Some(plan), _) if plan.kind == kind => Ok(plan.clone()),
        (Some(plan), _) => Err(Invalid::field(
            field,
            format!(
                "{} is a plan for {} mailboxes. Choose one for {}: {}.",
                plan.slug,
                plan.kind.label(),
                kind.label(),
                named(&plans, kind)
            ),
        )
        .into()),
        (None, Some(slug)) => Err(Invalid::field(
            field,
            format!(
                "There is no plan “{slug}” here. Choose one for {}: {}.",
                kind.label(),
                named(&plans, kind)
            ),
        )
        .into()),
        (None, None) => Err(Invalid::field(
            field,
            format!(
                "No plan is the default for {}. Choose one: {}.",
                kind.label(),
                named(&plans, kind)
            ),
        )
        .into()),
    }
}

/// The slugs of the plans of a kind, for a sentence.
fn named(plans: &[Plan], kind: Kind) -> String {
    let of_kind = plans.iter().filter(|plan| plan.kind == kind);
    let slugs: Vec<_> = of_kind.map(|plan| plan.slug.as_str()).collect();
    if slugs.is_empty() {
        "none is there yet".to_owned()
    } else {
        slugs.join(", ")
    }
}
