//! What is taken and what was given, read for a part of the tree at once: a fixed number of queries,
//! however many tenants and plans.
use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select,
};
use uuid::Uuid;

use super::super::schema::{mailbox, seat, tenant};
use super::super::scoped;
use super::super::{StoreError, Work, tenants};
use super::{Limit, ids, place};
use crate::authz::{Includes, Permission, ViewSeats};
use crate::domain::seats::Ledger;
use crate::domain::{Page, PageRequest, PlanId, Seats, Tenant, TenantId};

/// Parts of the tree in one query.
const PARTS: usize = 100;

/// How a part of the tree stands with some plans.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    ledgers: HashMap<PlanId, Ledger>,
    changed: HashMap<(String, PlanId), DateTime<Utc>>,
    path: String,
}

impl Standing {
    /// How the tenant that it was read for stands with a plan, and when its limit was set.
    #[must_use]
    pub fn seats(&self, plan: PlanId) -> (Seats, Option<DateTime<Utc>>) {
        let ledger = self.ledgers.get(&plan);
        let seats = ledger.map(|ledger| ledger.seats(&self.path));
        let changed = self.changed.get(&(self.path.clone(), plan)).copied();
        (seats.unwrap_or_default(), changed)
    }

    /// How many can still be taken at a path that was read.
    pub(super) fn left(&self, path: &str, plan: PlanId) -> Option<u64> {
        self.ledgers.get(&plan)?.left(path)
    }

    /// The limits that run out, each by the path of its tenant.
    pub(super) fn run_out(&self) -> Vec<(String, PlanId, Seats)> {
        let of = |(plan, ledger): (&PlanId, &Ledger)| {
            let low = ledger.run_out().into_iter();
            low.map(|(path, seats)| (path.to_owned(), *plan, seats))
                .collect::<Vec<_>>()
        };
        self.ledgers.iter().flat_map(of).collect()
    }

    fn add(&mut self, limits: Vec<Limit>) {
        for limit in limits {
            let ledger = self.ledgers.entry(limit.plan).or_default();
            ledger.set_limit(limit.path.clone(), limit.most);
            self.changed
                .insert((limit.path, limit.plan), limit.changed_at);
        }
    }
}

/// How a tenant within reach stands with these plans.
pub async fn of<P: Includes<ViewSeats>>(
    work: &Work<P>,
    tenant: TenantId,
    plans: &[PlanId],
) -> Result<Standing, StoreError> {
    let (path, _) = place(work, tenant).await?;
    around(work, path, plans).await
}

/// The tenants right below the one that the path names, by name, each with how it stands with a plan;
/// `q` searches name and slug.
pub async fn below<P: Includes<ViewSeats>>(
    work: &Work<P>,
    plan: PlanId,
    q: Option<&str>,
    request: &PageRequest,
) -> Result<Page<(Tenant, Seats)>, StoreError> {
    use tenant::Column;
    let mut children = work
        .scoped
        .find::<tenant::Entity>()
        .filter(Column::ParentId.eq(work.tenant().id.0));
    if let Some(q) = q {
        children = children.filter(tenants::named_like(q));
    }
    let total = children.clone().count(&work.scoped.tx).await?;
    if let Some(after) = request.after.as_deref().and_then(tenants::after) {
        children = children.filter(after);
    }
    let rows = children
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Id)
        .limit(u64::from(request.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, request, total, |row| {
        vec![row.name.clone(), row.id.to_string()]
    });
    let all = around(work, work.scoped.reach.path.clone(), &[plan]).await?;
    let ledger = all.ledgers.get(&plan);
    let left = ledger.and_then(|ledger| ledger.left(&all.path));
    Ok(page.map(|row| {
        let seats = ledger.map(|ledger| ledger.seats_with(&row.path, left));
        (tenants::from_row(row), seats.unwrap_or_default())
    }))
}

/// Everything that decides about the seats at and below a path.
async fn around<P: Permission>(
    work: &Work<P>,
    path: String,
    plans: &[PlanId],
) -> Result<Standing, StoreError> {
    let above = limits_above(work, &[path.as_str()], plans).await?;
    // What the highest limit has left depends on all that is below it.
    let highest = above.iter().map(|limit| limit.path.as_str());
    let highest = highest.chain([path.as_str()]).min_by_key(|path| path.len());
    let part = [highest.unwrap_or_default().to_owned()];
    let mut standing = at_or_below(work, &part, plans).await?;
    standing.path = path;
    Ok(standing)
}

/// The limits of these tenants and those above them.
pub(super) async fn limits_above<P: Permission>(
    work: &Work<P>,
    paths: &[&str],
    plans: &[PlanId],
) -> Result<Vec<Limit>, StoreError> {
    let above: BTreeSet<Uuid> = paths.iter().flat_map(|path| ids(path)).collect();
    limits(work, plans, seat::Column::TenantId.is_in(above)).await
}

/// What is taken and given at and below these paths.
pub(super) async fn at_or_below<P: Permission>(
    work: &Work<P>,
    paths: &[String],
    plans: &[PlanId],
) -> Result<Standing, StoreError> {
    let mut standing = Standing::default();
    for some in paths.chunks(PARTS) {
        let parts = some.iter().map(|path| scoped::at_or_below(path));
        let parts = parts.fold(Condition::any(), Condition::add);
        standing.add(limits(work, plans, parts.clone()).await?);
        for (path, plan, mailboxes) in taken(work, plans, parts).await? {
            let ledger = standing.ledgers.entry(PlanId(plan)).or_default();
            ledger.set_taken(path, u64::try_from(mailboxes).unwrap_or_default());
        }
    }
    Ok(standing)
}

#[expect(
    clippy::disallowed_methods,
    reason = "limits above and beside decide, and are not shown"
)]
async fn limits<P: Permission>(
    work: &Work<P>,
    plans: &[PlanId],
    whose: impl sea_orm::sea_query::IntoCondition,
) -> Result<Vec<Limit>, StoreError> {
    use seat::Column;
    let rows: Vec<(String, Uuid, i64, DateTime<Utc>)> = seat::Entity::find()
        .join(JoinType::InnerJoin, given_to())
        .filter(Column::PlanId.is_in(plans.iter().map(|plan| plan.0)))
        .filter(whose)
        .select_only()
        .column(tenant::Column::Path)
        .columns([Column::PlanId, Column::Most, Column::UpdatedAt])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let limit = |(path, plan, most, changed_at)| Limit {
        path,
        plan: PlanId(plan),
        most: u64::try_from(most).unwrap_or_default(),
        changed_at,
    };
    Ok(rows.into_iter().map(limit).collect())
}

/// Mailboxes by tenant and plan. What is only kept takes no seat.
async fn taken<P: Permission>(
    work: &Work<P>,
    plans: &[PlanId],
    parts: Condition,
) -> Result<Vec<(String, Uuid, i64)>, StoreError> {
    use mailbox::Column;
    #[expect(
        clippy::disallowed_methods,
        reason = "mailboxes beside count, and are not shown"
    )]
    let mailboxes: Select<mailbox::Entity> = mailbox::Entity::find();
    let rows = mailboxes
        .join(JoinType::InnerJoin, mailbox_of())
        .filter(Column::PlanId.is_in(plans.iter().map(|plan| plan.0)))
        .filter(Column::RetainedAt.is_null())
        .filter(parts)
        .select_only()
        .column(tenant::Column::Path)
        .column(Column::PlanId)
        .column_as(Column::TenantId.count(), "mailboxes")
        .group_by(tenant::Column::Path)
        .group_by(Column::PlanId)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    Ok(rows)
}

fn given_to() -> RelationDef {
    seat::Entity::belongs_to(tenant::Entity)
        .from(seat::Column::TenantId)
        .to(tenant::Column::Id)
        .into()
}

fn mailbox_of() -> RelationDef {
    mailbox::Entity::belongs_to(tenant::Entity)
        .from(mailbox::Column::TenantId)
        .to(tenant::Column::Id)
        .into()
}
