//! Who runs out of seats, for the first page.
use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::super::schema::{plan, seat, tenant};
use super::super::{StoreError, Work, tenants};
use super::ledgers;
use crate::authz::{Includes, ViewSeats};
use crate::domain::{PlanId, Seats, Slug, Tenant};

/// A limit of which nothing is left, or less than a tenth.
#[derive(Debug, Clone)]
pub struct RunOut {
    /// Whose limit it is.
    pub tenant: Tenant,
    /// The plan's name in URLs.
    pub plan_slug: Slug,
    /// The plan's name on screens.
    pub plan_name: String,
    /// How it stands.
    pub seats: Seats,
}

/// The limits within reach that run out: those with nothing left first, then by how little is; at
/// most `shown` of them, and how many there are.
pub async fn run_out<P: Includes<ViewSeats>>(
    work: &Work<P>,
    shown: usize,
) -> Result<(Vec<RunOut>, u64), StoreError> {
    use seat::Column;
    // Nothing more is asked where nobody has a limit.
    let limits: Vec<(Uuid, Uuid)> = work
        .scoped
        .find::<seat::Entity>()
        .filter(Column::Most.gt(0))
        .select_only()
        .columns([Column::TenantId, Column::PlanId])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    if limits.is_empty() {
        return Ok((vec![], 0));
    }
    let plans: BTreeSet<PlanId> = limits.iter().map(|(_, plan)| PlanId(*plan)).collect();
    let plans: Vec<PlanId> = plans.into_iter().collect();
    let part = [work.scoped.reach.path.clone()];
    let mut low = ledgers::at_or_below(work, &part, &plans).await?.run_out();
    low.sort_by_key(|(_, _, seats)| (seats.left, seats.limit));
    let total = low.len() as u64;
    low.truncate(shown);
    let named = named(work, low).await?;
    Ok((named, total))
}

/// With the names of tenants and plans.
async fn named<P: Includes<ViewSeats>>(
    work: &Work<P>,
    low: Vec<(String, PlanId, Seats)>,
) -> Result<Vec<RunOut>, StoreError> {
    let rows = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Path.is_in(low.iter().map(|(path, ..)| path.as_str())))
        .all(&work.scoped.tx)
        .await?;
    let tenants: HashMap<String, Tenant> = rows
        .into_iter()
        .map(|row| (row.path.clone(), tenants::from_row(row)))
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "a limit within reach names its plan, which a tenant above may own"
    )]
    let plans = plan::Entity::find();
    let rows: Vec<(Uuid, String, String)> = plans
        .filter(plan::Column::Id.is_in(low.iter().map(|(_, plan, _)| plan.0)))
        .select_only()
        .columns([plan::Column::Id, plan::Column::Slug, plan::Column::Name])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let plans: HashMap<Uuid, (String, String)> = rows
        .into_iter()
        .map(|(id, slug, name)| (id, (slug, name)))
        .collect();
    let each = |(path, plan, seats): (String, PlanId, Seats)| {
        let (slug, name) = plans.get(&plan.0)?;
        Some(RunOut {
            tenant: tenants.get(&path)?.clone(),
            plan_slug: Slug::stored(slug.clone()),
            plan_name: name.clone(),
            seats,
        })
    };
    Ok(low.into_iter().filter_map(each).collect())
}
