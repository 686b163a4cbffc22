//! Plans. A tenant may use its own and those of every tenant above it, which are out of its reach
//! otherwise: this room is the one that looks up.
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::schema::{plan, tenant};
use super::{StoreError, Work};
use crate::authz::{Includes, ViewPlans};
use crate::domain::{Mailbox, Plan, PlanId, Slug, TenantId};

pub(super) fn from_row(row: plan::Model) -> Result<Plan, StoreError> {
    Ok(Plan {
        id: PlanId(row.id),
        tenant: TenantId(row.tenant_id),
        slug: Slug::stored(row.slug),
        name: row.name,
        kind: super::mailboxes::kind(&row.kind),
        allowed: serde_json::from_value(row.allowed)?,
        starts_on: serde_json::from_value(row.starts_on)?,
        quota_bytes: row.quota_bytes,
        retention_days: row.retention_days,
        price_code: row.price_code,
        is_default: row.is_default,
    })
}

/// The plans that a tenant within reach may use: its own first, then those of the one above, and
/// so on; by name among those of one tenant. Empty for a tenant out of reach.
#[expect(
    clippy::disallowed_methods,
    reason = "the tenant is within reach; the ids come from its own path"
)]
pub async fn usable<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<Vec<Plan>, StoreError> {
    let above = above(work, tenant).await?;
    let mut rows = plan::Entity::find()
        .filter(plan::Column::TenantId.is_in(above.iter().copied()))
        .order_by_asc(plan::Column::Name)
        .order_by_asc(plan::Column::Id)
        .all(&work.scoped.tx)
        .await?;
    // Stable: the order by name stays within each tenant.
    rows.sort_by_key(|row| above.iter().position(|id| *id == row.tenant_id));
    rows.into_iter().map(from_row).collect()
}

/// The plan of a mailbox, which may belong to a tenant above.
#[expect(
    clippy::disallowed_methods,
    reason = "a mailbox that was looked up names its plan"
)]
pub async fn of<P: Includes<ViewPlans>>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<Plan, StoreError> {
    let row = plan::Entity::find()
        .filter(plan::Column::Id.eq(mailbox.plan.0))
        .one(&work.scoped.tx)
        .await?;
    from_row(row.ok_or_else(|| {
        sea_orm::DbErr::RecordNotFound(format!("plan {} of {}", mailbox.plan, mailbox.address))
    })?)
}

/// A tenant within reach and those above it, nearest first.
async fn above<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<Vec<Uuid>, StoreError> {
    let path: Option<String> = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(tenant.0))
        .select_only()
        .column(tenant::Column::Path)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    let path = path.unwrap_or_default();
    let ids = path.rsplit('/').filter_map(|id| id.parse().ok());
    Ok(ids.collect())
}
