//! Seats: how many mailboxes of a plan a tenant may have, given to it from above.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{AppError, plans};
use crate::authz::{Includes, ManageSeats, Mutates, Permission, Role, ViewPlans, ViewSeats};
pub use crate::domain::seats::limit as parse_limit;
use crate::domain::seats::{Needed, NoSeat, in_range};
use crate::domain::{
    Invalid, Page, PageRequest, Plan, PlanId, Seats, Tenant, TenantId, TenantKind,
};
pub use crate::store::seats::RunOut;
use crate::store::{self, Cx, Event, Work};

/// A plan, and how a tenant stands with it.
#[derive(Debug, Clone)]
pub struct PlanSeats {
    /// The plan.
    pub plan: Plan,
    /// Its seats.
    pub seats: Seats,
    /// When the tenant's own limit was set; `None` while it has none.
    pub set_at: Option<DateTime<Utc>>,
}

impl PlanSeats {
    /// What is different after each change of the limit; for [`set`].
    #[must_use]
    pub fn version(&self) -> String {
        self.set_at
            .map_or_else(|| "none".to_owned(), |at| at.timestamp_micros().to_string())
    }
}

/// A tenant with its seats.
#[derive(Debug, Clone)]
pub struct TenantSeats {
    /// The tenant.
    pub tenant: Tenant,
    /// Its seats of the plan that was asked for.
    pub seats: Seats,
}

/// Every plan that the tenant of the path may use, its own first, with its seats.
pub async fn list<P>(work: &Work<P>) -> Result<Vec<PlanSeats>, AppError>
where
    P: Includes<ViewSeats> + Includes<ViewPlans>,
{
    let plans = plans::list(work, work.tenant().id).await?;
    let standing = store::seats::of(work, work.tenant().id, &ids(&plans)).await?;
    Ok(with_seats(plans, &standing))
}

/// The same by name, page by page.
pub async fn page<P>(work: &Work<P>, request: &PageRequest) -> Result<Page<PlanSeats>, AppError>
where
    P: Includes<ViewSeats> + Includes<ViewPlans>,
{
    let page = plans::page(work, request).await?;
    let standing = store::seats::of(work, work.tenant().id, &ids(&page.items)).await?;
    let Page { items, next, total } = page;
    let items = with_seats(items, &standing);
    Ok(Page { items, next, total })
}

/// The tenants right below the one of the path, by name, each with its seats of one plan; `q`
/// searches name and slug.
pub async fn below<P>(
    work: &Work<P>,
    plan: &Plan,
    q: Option<&str>,
    request: &PageRequest,
) -> Result<Page<TenantSeats>, AppError>
where
    P: Includes<ViewSeats> + Includes<ViewPlans>,
{
    let page = store::seats::below(work, plan.id, q, request).await?;
    Ok(page.map(|(tenant, seats)| TenantSeats { tenant, seats }))
}

/// The limits of the tenant of the path and all below that run out, the worst ten, and how many there
/// are.
pub async fn run_out<P: Includes<ViewSeats>>(
    work: &Work<P>,
) -> Result<(Vec<RunOut>, u64), AppError> {
    Ok(store::seats::run_out(work, 10).await?)
}

/// One plan, by id or slug, with the seats of the tenant of the path.
pub async fn find<P>(work: &Work<P>, plan: &str) -> Result<PlanSeats, AppError>
where
    P: Includes<ViewSeats> + Includes<ViewPlans>,
{
    let plan = plans::find(work, plan).await?;
    let standing = store::seats::of(work, work.tenant().id, &[plan.id]).await?;
    let found = with_seats(vec![plan], &standing).pop();
    found.ok_or(AppError::NotFound("plan"))
}

/// The seat that one more mailbox of a plan would need at a tenant within reach, where there is a
/// limit.
pub async fn needed<P: Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
    plan: &Plan,
) -> Result<Option<Needed>, AppError> {
    let wanted = BTreeMap::from([((tenant, plan.id), plan)]);
    let needed = store::seats::needed(work, &wanted).await?;
    Ok(needed.into_values().next())
}

/// For pages: whether the tenant of the path can be given seats by whoever asks. It hides, it does
/// not protect.
#[must_use]
pub fn may_set<P: Permission>(cx: &Cx<P>) -> bool {
    cx.role_above() >= Some(ManageSeats::NEEDS)
}

/// The same with a sentence, for a page that nobody else has a use for.
pub fn expect_from_above<P: Permission>(cx: &Cx<P>) -> Result<(), AppError> {
    from_above(cx.tenant(), cx.role_above())
}

/// Gives the tenant of the path a limit, or takes it away: from above it only. A fault is at `limit`.
pub async fn set(
    work: Work<ManageSeats>,
    plan: &str,
    limit: Option<u64>,
    expected: Option<&str>,
) -> Result<PlanSeats, AppError> {
    from_above(work.tenant(), work.role_above())?;
    let plan = plans::find(&work, plan).await?;
    store::seats::hold(&work, plan.id).await?;
    let before = find(&work, &plan.id.to_string()).await?;
    if expected.is_some_and(|expected| expected != before.version()) {
        return Err(AppError::Stale);
    }
    if before.seats.limit == limit {
        return Ok(before);
    }
    if let Some(limit) = limit {
        in_range("limit", limit)?;
        expect_possible(&work, &before, limit).await?;
    }
    store::seats::set(&work, plan.id, limit).await?;
    let after = find(&work, &plan.id.to_string()).await?;
    let told = |seats: &Seats| {
        seats
            .limit
            .map_or(Value::Null, |limit| json!({ "limit": limit }))
    };
    let target = format!("{} at {}", plan.name, work.tenant().name);
    let event = Event::new("seats.changed", "seats", target)
        .id(plan.id.0)
        .change(told(&before.seats), told(&after.seats));
    work.commit(event).await?;
    Ok(after)
}

/// Takes a seat for a mailbox that is written in the same transaction, or says that there is none.
pub(super) async fn take<P: Mutates + Includes<ViewPlans>>(
    work: &Work<P>,
    tenant: TenantId,
    plan: PlanId,
) -> Result<Result<(), NoSeat>, AppError> {
    let refused = store::seats::take(work, tenant, plan).await?;
    Ok(refused.map_or(Ok(()), Err))
}

fn from_above(tenant: &Tenant, above: Option<Role>) -> Result<(), AppError> {
    if above >= Some(ManageSeats::NEEDS) {
        return Ok(());
    }
    let name = &tenant.name;
    Err(AppError::Forbidden(
        if tenant.kind == TenantKind::Platform {
            format!(
                "{name} is above all others: its seats have no limit, and it cannot be given one."
            )
        } else {
            format!("{name} cannot give itself seats. Ask an admin of the tenant above it.")
        },
    ))
}

/// Refuses a limit below what is there, and one above what there is to give.
async fn expect_possible(
    work: &Work<ManageSeats>,
    now: &PlanSeats,
    limit: u64,
) -> Result<(), AppError> {
    let (tenant, plan, used) = (&work.tenant().name, &now.plan.name, now.seats.used);
    let fault = |detail| Err(Invalid::field("limit", detail).into());
    if limit < used {
        return fault(match (work.tenant().kind, used) {
            (TenantKind::Customer, 1) => format!(
                "One mailbox of {plan} exists at {tenant}. Enter 1 or more, or take it away first."
            ),
            (TenantKind::Customer, _) => format!(
                "{used} mailboxes of {plan} exist at {tenant}. Enter {used} or more, or take some \
                 away first."
            ),
            _ => format!(
                "{tenant} uses {used} of {plan}, with what it gave to those below it. Enter {used} \
                 or more, or free some first."
            ),
        });
    }
    let Some(most) = now.seats.most.filter(|most| *most < limit) else {
        return Ok(());
    };
    let giver = store::seats::giver(work).await?;
    let counts = now.seats.limit.unwrap_or(used);
    let left = most - counts;
    let besides = if counts == 0 {
        String::new()
    } else {
        format!(" besides the {counts} that {tenant} counts for")
    };
    fault(format!(
        "{giver} has {left} seats of {plan} left{besides}. Enter {most} or less, or ask whoever gives \
         {giver} its seats for more."
    ))
}

fn ids(plans: &[Plan]) -> Vec<PlanId> {
    plans.iter().map(|plan| plan.id).collect()
}

fn with_seats(plans: Vec<Plan>, standing: &store::seats::Standing) -> Vec<PlanSeats> {
    let each = |plan: Plan| {
        let (seats, set_at) = standing.seats(plan.id);
        PlanSeats {
            plan,
            seats,
            set_at,
        }
    };
    plans.into_iter().map(each).collect()
}
