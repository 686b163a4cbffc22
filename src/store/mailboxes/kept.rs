//! Mailboxes that are kept, whose time ends.
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::schema::{mailbox, tenant};
use super::super::{StoreError, Work};
use crate::authz::{Includes, ViewMailboxes};
use crate::domain::TenantId;

/// Kept mailboxes of one customer that end on one day.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The customer's name.
    pub tenant_name: String,
    /// Its name in URLs.
    pub tenant_slug: String,
    /// When the first of them ends.
    pub ends: DateTime<Utc>,
    /// Some of them.
    pub addresses: Vec<String>,
    /// How many there are.
    pub total: u64,
}

/// Those of a customer within reach that end on the day that begins then (UTC), `limit` of them by
/// name; `None` when there is none.
pub async fn ending<P: Includes<ViewMailboxes>>(
    work: &Work<P>,
    id: TenantId,
    day: DateTime<Utc>,
    limit: u32,
) -> Result<Option<Ending>, StoreError> {
    use mailbox::Column;
    let rows = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(Column::TenantId.eq(id.0))
        .filter(Column::PurgeAfter.gte(day))
        .filter(Column::PurgeAfter.lt(day + TimeDelta::days(1)))
        .filter(Column::RetainedAt.is_not_null())
        .filter(Column::PurgeAskedAt.is_null());
    let total = rows.clone().count(&work.scoped.tx).await?;
    let some: Vec<(String, Option<DateTime<Utc>>)> = rows
        .order_by_asc(Column::PurgeAfter)
        .limit(u64::from(limit))
        .select_only()
        .columns([Column::Address, Column::PurgeAfter])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let tenant = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    let (Some(tenant), Some((_, Some(ends)))) = (tenant, some.first().cloned()) else {
        return Ok(None);
    };
    Ok(Some(Ending {
        tenant_name: tenant.name,
        tenant_slug: tenant.slug,
        ends,
        addresses: some.into_iter().map(|(address, _)| address).collect(),
        total,
    }))
}
