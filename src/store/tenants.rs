//! Tenants.
use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};
use uuid::Uuid;

use super::schema::{domain, mailbox, tenant, user};
use super::scoped::Owned;
use super::{StoreError, Work};
use crate::authz::{CreateTenants, Includes, Permission, ViewTenants};
use crate::domain::{Page, PageRequest, Slug, Tenant, TenantId, TenantKind};

/// A tenant with what a list shows.
#[derive(Debug, Clone)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: Tenant,
    /// The parent's name in URLs, when the parent is within reach.
    pub parent_slug: Option<Slug>,
    /// The parent's name on screens, when the parent is within reach.
    pub parent_name: Option<String>,
    /// Domains at or below it.
    pub domains: u64,
    /// Users at or below it.
    pub users: u64,
    /// Mailboxes at or below it.
    pub mailboxes: u64,
}

pub(super) fn from_row(row: tenant::Model) -> Tenant {
    Tenant {
        id: TenantId(row.id),
        parent: row.parent_id.map(TenantId),
        kind: TenantKind::stored(&row.kind),
        slug: Slug::stored(row.slug),
        name: row.name,
        time_zone: row.time_zone,
        suspended: row
            .suspended_at
            .map(|_| row.suspended_reason.unwrap_or_default()),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The slugs of these tenants, for rows that show whose they are.
pub(super) async fn slugs<P: Permission>(
    work: &Work<P>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Slug>, StoreError> {
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<(Uuid, String)> = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.is_in(ids))
        .select_only()
        .columns([tenant::Column::Id, tenant::Column::Slug])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let slugs = rows.into_iter().map(|(id, slug)| (id, Slug::stored(slug)));
    Ok(slugs.collect())
}

/// The tenant and all below, by name; `q` searches name and slug.
pub async fn page<P: Includes<ViewTenants>>(
    work: &Work<P>,
    q: Option<&str>,
    request: &PageRequest,
) -> Result<Page<TenantSummary>, StoreError> {
    let mut query = work.scoped.find::<tenant::Entity>();
    if let Some(q) = q {
        query = query.filter(named_like(q));
    }
    let total = query.clone().count(&work.scoped.tx).await?;
    if let Some(after) = request.after.as_deref().and_then(after) {
        query = query.filter(after);
    }
    let rows = query
        .order_by_asc(tenant::Column::Name)
        .order_by_asc(tenant::Column::Id)
        .limit(u64::from(request.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, request, total, |row| {
        vec![row.name.clone(), row.id.to_string()]
    });
    let Page { items, next, total } = page;
    let items = summaries(work, items).await?;
    Ok(Page { items, next, total })
}

/// Those with this in their name or slug.
pub(super) fn named_like(q: &str) -> Condition {
    Condition::any()
        .add(contains(tenant::Column::Name, q))
        .add(contains(tenant::Column::Slug, q))
}

/// Those after one, in the order of lists.
pub(super) fn after(key: &[String]) -> Option<Condition> {
    use tenant::Column::{Id, Name};
    let [name, id] = key else { return None };
    let (name, id) = (name.as_str(), id.parse::<Uuid>().ok()?);
    let later = Name.eq(name).and(Id.gt(id));
    Some(Condition::any().add(Name.gt(name)).add(later))
}

/// The tenant that the path names.
pub async fn summary<P: Includes<ViewTenants>>(
    work: &Work<P>,
    id: TenantId,
) -> Result<Option<TenantSummary>, StoreError> {
    let row = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    Ok(summaries(work, row.into_iter().collect()).await?.pop())
}

/// A new tenant right below the one that the path names. [`StoreError::Taken`] when there is one
/// of that slug anywhere.
#[expect(
    clippy::disallowed_methods,
    reason = "a new tenant is its own owner; that its parent is the path's is written here"
)]
pub async fn insert<P: Includes<CreateTenants>>(
    work: &Work<P>,
    kind: TenantKind,
    slug: &Slug,
    name: &str,
) -> Result<TenantId, StoreError> {
    let id = TenantId::new();
    tenant::ActiveModel {
        id: Set(id.0),
        parent_id: Set(Some(work.tenant().id.0)),
        kind: Set(kind.as_str().to_owned()),
        slug: Set(slug.as_str().to_owned()),
        name: Set(name.to_owned()),
        path: Set(format!("{}/{id}", work.scoped.reach.path)),
        suspended_at: Set(None),
        suspended_reason: Set(None),
        time_zone: Set("UTC".to_owned()),
        audit_seq: Set(0),
        audit_hash: Set(String::new()),
        created_at: Set(work.now()),
        updated_at: Set(work.now()),
        ..Default::default()
    }
    .insert(&work.scoped.tx)
    .await?;
    Ok(id)
}

/// Adds parents and counts: a fixed number of queries, however many rows.
async fn summaries<P: Permission>(
    work: &Work<P>,
    rows: Vec<tenant::Model>,
) -> Result<Vec<TenantSummary>, StoreError> {
    let parents = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.is_in(rows.iter().filter_map(|row| row.parent_id)))
        .all(&work.scoped.tx)
        .await?;
    let parents: HashMap<Uuid, tenant::Model> =
        parents.into_iter().map(|row| (row.id, row)).collect();
    let domains = per_tenant::<domain::Entity, P>(work).await?;
    let users = per_tenant::<user::Entity, P>(work).await?;
    let mailboxes = per_tenant::<mailbox::Entity, P>(work).await?;
    let summary = |row: tenant::Model| {
        let parent = row.parent_id.and_then(|id| parents.get(&id));
        TenantSummary {
            parent_slug: parent.map(|parent| Slug::stored(parent.slug.clone())),
            parent_name: parent.map(|parent| parent.name.clone()),
            domains: at_or_below(&domains, &row.path),
            users: at_or_below(&users, &row.path),
            mailboxes: at_or_below(&mailboxes, &row.path),
            tenant: from_row(row),
        }
    };
    Ok(rows.into_iter().map(summary).collect())
}

/// How many rows of a table each tenant within reach has of its own, by path, in order.
async fn per_tenant<E: Owned, P: Permission>(
    work: &Work<P>,
) -> Result<Vec<(String, u64)>, StoreError> {
    let counts: Vec<(Uuid, i64)> = work
        .scoped
        .find::<E>()
        .select_only()
        .column(E::TENANT)
        .column_as(E::TENANT.count(), "rows")
        .group_by(E::TENANT)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let counts: HashMap<Uuid, i64> = counts.into_iter().collect();
    let paths: Vec<(Uuid, String)> = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.is_in(counts.keys().copied()))
        .select_only()
        .columns([tenant::Column::Id, tenant::Column::Path])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let mut by_path: Vec<(String, u64)> = paths
        .into_iter()
        .map(|(id, path)| (path, u64::try_from(counts[&id]).unwrap_or_default()))
        .collect();
    by_path.sort_unstable();
    Ok(by_path)
}

fn at_or_below(counts: &[(String, u64)], path: &str) -> u64 {
    let first = counts.partition_point(|(other, _)| other.as_str() < path);
    counts[first..]
        .iter()
        .take_while(|(other, _)| other.starts_with(path))
        .map(|(_, rows)| rows)
        .sum()
}

/// Whether a column holds `typed` somewhere, whatever the case; its `%` and `_` mean themselves.
pub(super) fn contains<C: ColumnTrait>(column: C, typed: &str) -> Expr {
    let mut pattern = String::from("%");
    for c in typed.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Expr::expr(Func::lower(Expr::col((
        column.entity_name(),
        column.as_column_ref().1,
    ))))
    .like(LikeExpr::new(pattern).escape('\\'))
}
