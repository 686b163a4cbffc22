//! What of the limits a look at many mailboxes meets: read once for all of them.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::super::schema::{seat, tenant};
use super::super::{StoreError, Work};
use super::{Limit, ids, ledgers};
use crate::authz::{Includes, Permission, ViewPlans};
use crate::domain::seats::{Needed, NoSeat};
use crate::domain::{Plan, PlanId, TenantId};

/// For each tenant within reach and plan the seat that a mailbox would need, where there is a limit;
/// where there is none, nothing.
pub async fn needed<P: Includes<ViewPlans>>(
    work: &Work<P>,
    wanted: &BTreeMap<(TenantId, PlanId), &Plan>,
) -> Result<HashMap<(TenantId, PlanId), Needed>, StoreError> {
    let plans: BTreeSet<PlanId> = wanted.keys().map(|(_, plan)| *plan).collect();
    let plans: Vec<PlanId> = plans.into_iter().collect();
    if !is_limited(work, &plans).await? {
        return Ok(HashMap::new());
    }
    let places = places(work, wanted.keys().map(|(tenant, _)| tenant.0)).await?;
    let paths: Vec<&str> = places.values().map(|(path, _)| path.as_str()).collect();
    let limits = ledgers::limits_above(work, &paths, &plans).await?;
    let mut found = vec![];
    for (key @ (tenant, id), plan) in wanted {
        let Some((path, name)) = places.get(tenant) else {
            continue;
        };
        if let Some(limit) = nearest(&limits, path, *id) {
            let refusal = NoSeat {
                tenant: name.clone(),
                plan: plan.name.clone(),
                limit: (limit.path == *path).then_some(limit.most),
            };
            found.push((*key, limit, refusal));
        }
    }
    let holders: BTreeSet<&str> = found
        .iter()
        .map(|(_, limit, _)| limit.path.as_str())
        .collect();
    let holders: Vec<String> = holders.into_iter().map(str::to_owned).collect();
    let there = ledgers::at_or_below(work, &holders, &plans).await?;
    let needed = found.into_iter().map(|(key, limit, refusal)| {
        let holder = ids(&limit.path).next_back().unwrap_or_default();
        let needed = Needed {
            holder: TenantId(holder),
            plan: limit.plan,
            left: there.left(&limit.path, limit.plan).unwrap_or_default(),
            refusal,
        };
        (key, needed)
    });
    Ok(needed.collect())
}

/// The limit of a plan that counts at a path.
fn nearest<'a>(limits: &'a [Limit], path: &str, plan: PlanId) -> Option<&'a Limit> {
    let counts = |limit: &&Limit| {
        let rest = path.strip_prefix(limit.path.as_str());
        limit.plan == plan && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    limits
        .iter()
        .filter(counts)
        .max_by_key(|limit| limit.path.len())
}

/// Whether anybody has a limit of any of these plans: without one there is nothing more to ask.
#[expect(
    clippy::disallowed_methods,
    reason = "whether there is any limit at all; it is not shown"
)]
pub async fn is_limited<P: Includes<ViewPlans>>(
    work: &Work<P>,
    plans: &[PlanId],
) -> Result<bool, StoreError> {
    if plans.is_empty() {
        return Ok(false);
    }
    let one: Option<Uuid> = seat::Entity::find()
        .filter(seat::Column::PlanId.is_in(plans.iter().map(|plan| plan.0)))
        .select_only()
        .column(seat::Column::TenantId)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    Ok(one.is_some())
}

/// Path and name of each of these tenants within reach.
async fn places<P: Permission>(
    work: &Work<P>,
    tenants: impl Iterator<Item = Uuid>,
) -> Result<HashMap<TenantId, (String, String)>, StoreError> {
    use tenant::Column;
    let wanted: BTreeSet<Uuid> = tenants.collect();
    let rows: Vec<(Uuid, String, String)> = work
        .scoped
        .find::<tenant::Entity>()
        .filter(Column::Id.is_in(wanted))
        .select_only()
        .columns([Column::Id, Column::Path, Column::Name])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let place = |(id, path, name)| (TenantId(id), (path, name));
    Ok(rows.into_iter().map(place).collect())
}
