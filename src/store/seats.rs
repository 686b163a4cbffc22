//! Seats: limits that tenants were given, and the seats that mailboxes take.
//!
//! Whoever takes a seat holds the row of the plan against whoever sets a limit, and the row of the
//! limit that counts against others who take one: so what was counted still holds when the mailbox is
//! written, and there is never one too many. SQLite drops the locks: there the transaction holds the
//! whole file. Limits and mailboxes of tenants above and beside are counted as well: nothing but their
//! sum comes out of here.
mod ledgers;
mod low;
mod needed;

pub use ledgers::{Standing, below, of};
pub use low::{RunOut, run_out};
pub use needed::{is_limited, needed};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set};
use uuid::Uuid;

use super::schema::{plan, seat, tenant};
use super::{StoreError, Work};
use crate::authz::{Includes, ManageSeats, Mutates, Permission, ViewPlans};
use crate::domain::seats::NoSeat;
use crate::domain::{PlanId, TenantId};

/// A limit that a tenant was given.
#[derive(Debug, Clone)]
struct Limit {
    path: String,
    plan: PlanId,
    most: u64,
    changed_at: DateTime<Utc>,
}

/// Takes a seat of a plan for a mailbox of a tenant within reach, which this transaction is about to
/// write; where there is none, says so.
pub async fn take<P: Mutates + Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
    plan: PlanId,
) -> Result<Option<NoSeat>, StoreError> {
    hold_plan(work, plan, LockType::KeyShare).await?;
    let (path, name) = place(work, tenant).await?;
    let limits = ledgers::limits_above(work, &[path.as_str()], &[plan]).await?;
    let Some(holder) = limits.iter().max_by_key(|limit| limit.path.len()) else {
        return Ok(None);
    };
    hold_limit(work, holder).await?;
    let there = ledgers::at_or_below(work, std::slice::from_ref(&holder.path), &[plan]).await?;
    if there.left(&holder.path, plan) != Some(0) {
        return Ok(None);
    }
    Ok(Some(NoSeat {
        tenant: name,
        plan: plan_name(work, plan).await?,
        limit: (holder.path == path).then_some(holder.most),
    }))
}

/// Waits for everybody who is about to take a seat of a plan, and lets nobody begin until this
/// transaction ends.
pub async fn hold<P: Includes<ManageSeats> + Mutates>(
    work: &Work<P>,
    plan: PlanId,
) -> Result<(), StoreError> {
    hold_plan(work, plan, LockType::Update).await
}

/// Gives the tenant that the path names a limit, or takes it away.
pub async fn set<P: Includes<ManageSeats> + Mutates>(
    work: &Work<P>,
    plan: PlanId,
    limit: Option<u64>,
) -> Result<(), StoreError> {
    let this = seat::Column::PlanId
        .eq(plan.0)
        .and(seat::Column::TenantId.eq(work.tenant().id.0));
    let Some(limit) = limit else {
        let row = work.scoped.delete::<seat::Entity>().filter(this);
        row.exec(&work.scoped.tx).await?;
        return Ok(());
    };
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let change = seat::ActiveModel {
        most: Set(most),
        updated_at: Set(work.now),
        ..Default::default()
    };
    let rows = work.scoped.update::<seat::Entity>().set(change);
    let changed = rows.filter(this).exec(&work.scoped.tx).await?;
    if changed.rows_affected == 0 {
        let row = seat::ActiveModel {
            plan_id: Set(plan.0),
            most: Set(most),
            created_at: Set(work.now),
            updated_at: Set(work.now),
            ..Default::default()
        };
        work.scoped.insert::<seat::Entity, _>(row).await?;
    }
    Ok(())
}

/// The name of the tenant above the one that the path names.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever gives seats has a role above, and knows it"
)]
pub async fn giver<P: Includes<ManageSeats>>(work: &Work<P>) -> Result<String, StoreError> {
    let Some(parent) = work.tenant().parent else {
        return Ok(String::new());
    };
    let name: Option<String> = tenant::Entity::find_by_id(parent.0)
        .select_only()
        .column(tenant::Column::Name)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    Ok(name.unwrap_or_default())
}

/// Where a tenant within reach is in the tree, and its name.
async fn place<P: Permission>(
    work: &Work<P>,
    tenant: TenantId,
) -> Result<(String, String), StoreError> {
    let row: Option<(String, String)> = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(tenant.0))
        .select_only()
        .columns([tenant::Column::Path, tenant::Column::Name])
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    let gone = || sea_orm::DbErr::RecordNotFound(format!("tenant {tenant}"));
    Ok(row.ok_or_else(gone)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the plan was looked up; a tenant above may own it"
)]
async fn hold_plan<P: Mutates>(
    work: &Work<P>,
    plan: PlanId,
    lock: LockType,
) -> Result<(), StoreError> {
    plan::Entity::find_by_id(plan.0)
        .select_only()
        .column(plan::Column::Id)
        .lock(lock)
        .into_tuple::<Uuid>()
        .one(&work.scoped.tx)
        .await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the limit that counts may be a tenant's above"
)]
async fn hold_limit<P: Mutates>(work: &Work<P>, limit: &Limit) -> Result<(), StoreError> {
    let holder = ids(&limit.path).next_back();
    seat::Entity::find()
        .filter(seat::Column::TenantId.eq(holder.unwrap_or_default()))
        .filter(seat::Column::PlanId.eq(limit.plan.0))
        .select_only()
        .column(seat::Column::TenantId)
        .lock_exclusive()
        .into_tuple::<Uuid>()
        .one(&work.scoped.tx)
        .await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the plan was looked up; a tenant above may own it"
)]
async fn plan_name<P: Permission>(work: &Work<P>, plan: PlanId) -> Result<String, StoreError> {
    let name: Option<String> = plan::Entity::find_by_id(plan.0)
        .select_only()
        .column(plan::Column::Name)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    Ok(name.unwrap_or_default())
}

/// The tenants on a path, the root first.
fn ids(path: &str) -> impl DoubleEndedIterator<Item = Uuid> {
    path.split('/').filter_map(|id| id.parse().ok())
}
