//! Domains.
use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{CaseStatement, Condition, Expr};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait as _, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Set, SqlErr,
};
use uuid::Uuid;

use super::schema::{domain, mail_server, mailbox, user};
use super::scoped::Owned;
use super::tenants::{self, contains};
use super::{StoreError, Work};
use crate::authz::{Includes, ManageDomains, Permission, ViewDomains};
use crate::domain::dns::{self, DnsRecord, MailHost};
use crate::domain::{DomainId, DomainName, MailboxState, Page, PageRequest, Slug, TenantId};

/// A domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: Slug,
    /// Its name in A-labels.
    pub name: DomainName,
    /// Whether its mailboxes may be used.
    pub enabled: bool,
    /// Proved by its TXT record at.
    pub proved_at: Option<DateTime<Utc>>,
    /// Vouched for by the platform.
    pub vouched: bool,
    /// What to publish, and what DNS said when last asked.
    pub records: Vec<DnsRecord>,
    /// DNS is being asked now.
    pub checking: bool,
    /// DNS was last asked at.
    pub checked_at: Option<DateTime<Utc>>,
    /// Why the last look was no proof, in one sentence.
    pub check_problem: Option<String>,
    /// Users in it.
    pub users: u64,
    /// Mailboxes in it.
    pub mailboxes: u64,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
}

impl Domain {
    /// Whether mail is accepted for it: proved or vouched for.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.vouched || self.proved_at.is_some()
    }

    /// For `ETag` and `If-Match`.
    #[must_use]
    pub fn version(&self) -> String {
        self.updated_at.timestamp_micros().to_string()
    }
}

/// What came of a look at DNS.
#[derive(Debug, Clone)]
pub struct Look {
    /// The request that was answered.
    pub asked_at: DateTime<Utc>,
    /// Every record that should be there, with `seen` filled in.
    pub records: Vec<DnsRecord>,
    /// Why it was no proof, in one sentence.
    pub problem: Option<String>,
}

/// Domains of the tenant and all below, by name; `q` searches the name.
pub async fn page<P: Includes<ViewDomains>>(
    work: &Work<P>,
    q: Option<&str>,
    request: &PageRequest,
) -> Result<Page<Domain>, StoreError> {
    let mut query = work.scoped.find::<domain::Entity>();
    if let Some(q) = q {
        query = query.filter(contains(domain::Column::Name, q));
    }
    let total = query.clone().count(&work.scoped.tx).await?;
    if let Some([name]) = request.after.as_deref() {
        query = query.filter(domain::Column::Name.gt(name.as_str()));
    }
    let rows = query
        .order_by_asc(domain::Column::Name)
        .limit(u64::from(request.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let Page { items, next, total } = Page::cut(rows, request, total, |row| vec![row.name.clone()]);
    let items = complete(work, items).await?;
    Ok(Page { items, next, total })
}

/// The names of the first domains of the tenant and all below, to choose from.
pub async fn names<P: Includes<ViewDomains>>(
    work: &Work<P>,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let rows = work
        .scoped
        .find::<domain::Entity>()
        .select_only()
        .column(domain::Column::Name)
        .order_by_asc(domain::Column::Name)
        .limit(limit);
    Ok(rows.into_tuple().all(&work.scoped.tx).await?)
}

/// One domain.
pub async fn find<P: Includes<ViewDomains>>(
    work: &Work<P>,
    name: &DomainName,
) -> Result<Option<Domain>, StoreError> {
    let row = work
        .scoped
        .find::<domain::Entity>()
        .filter(domain::Column::Name.eq(name.as_str()))
        .one(&work.scoped.tx)
        .await?;
    Ok(complete(work, row.into_iter().collect()).await?.pop())
}

/// A new domain of the tenant that the path names. [`StoreError::Taken`] when there is one of that
/// name anywhere.
pub async fn insert<P: Includes<ManageDomains>>(
    work: &Work<P>,
    name: &DomainName,
    proof_token: &str,
    vouched: bool,
) -> Result<(), StoreError> {
    let row = domain::ActiveModel {
        id: Set(DomainId::new().0),
        name: Set(name.as_str().to_owned()),
        enabled: Set(true),
        proof_token: Set(proof_token.to_owned()),
        vouched: Set(vouched),
        created_at: Set(work.now()),
        updated_at: Set(work.now()),
        ..Default::default()
    };
    work.scoped.insert(row).await?;
    Ok(())
}

/// Sets what decides whether mail is accepted and mailboxes are open; the mailboxes follow.
pub async fn set<P: Includes<ManageDomains>>(
    work: &Work<P>,
    domain: &Domain,
    enabled: bool,
    vouched: bool,
) -> Result<(), StoreError> {
    let change = domain::ActiveModel {
        enabled: Set(enabled),
        vouched: Set(vouched),
        ..Default::default()
    };
    write(work, domain, change).await?;
    bring_mailboxes(work, domain).await
}

/// Asks for a look at DNS.
pub async fn ask_for_look<P: Includes<ManageDomains>>(
    work: &Work<P>,
    domain: &Domain,
) -> Result<(), StoreError> {
    let change = domain::ActiveModel {
        check_asked_at: Set(Some(work.now())),
        ..Default::default()
    };
    write(work, domain, change).await
}

/// Keeps what DNS said, unless another process has kept it; says whether the domain is proved by
/// it for the first time. A proof once given stays.
pub async fn keep_look<P: Includes<ManageDomains>>(
    work: &Work<P>,
    domain: &Domain,
    look: &Look,
) -> Result<Option<bool>, StoreError> {
    let proves = look.problem.is_none() && domain.proved_at.is_none();
    let mut change = domain::ActiveModel {
        check_asked_at: Set(None),
        checked_at: Set(Some(work.now())),
        check_problem: Set(look.problem.clone()),
        seen_records: Set(Some(serde_json::to_value(&look.records)?)),
        updated_at: Set(later(work, domain)),
        ..Default::default()
    };
    if proves {
        change.proved_at = Set(Some(work.now()));
    }
    let written = work
        .scoped
        .update::<domain::Entity>()
        .set(change)
        .filter(domain::Column::Id.eq(domain.id.0))
        .filter(domain::Column::CheckAskedAt.eq(look.asked_at))
        .exec(&work.scoped.tx)
        .await?;
    if written.rows_affected == 0 {
        return Ok(None);
    }
    if proves && !domain.vouched {
        bring_mailboxes(work, domain).await?;
    }
    Ok(Some(proves))
}

/// Removes a domain; `false` when something in it is still there.
pub async fn remove<P: Includes<ManageDomains>>(
    work: &Work<P>,
    domain: &Domain,
) -> Result<bool, StoreError> {
    let removed = work
        .scoped
        .delete::<domain::Entity>()
        .filter(domain::Column::Id.eq(domain.id.0))
        .exec(&work.scoped.tx)
        .await;
    match removed {
        Err(error)
            if matches!(
                error.sql_err(),
                Some(SqlErr::ForeignKeyConstraintViolation(_))
            ) =>
        {
            Ok(false)
        }
        removed => Ok(removed?.rows_affected == 1),
    }
}

async fn write<P: Permission>(
    work: &Work<P>,
    domain: &Domain,
    mut change: domain::ActiveModel,
) -> Result<(), StoreError> {
    change.updated_at = Set(later(work, domain));
    work.scoped
        .update::<domain::Entity>()
        .set(change)
        .filter(domain::Column::Id.eq(domain.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Two changes within a microsecond must not have the same version.
fn later<P: Permission>(work: &Work<P>, domain: &Domain) -> DateTime<Utc> {
    let after = domain.updated_at + TimeDelta::microseconds(1);
    std::cmp::max(work.now(), after)
}

/// Every mailbox of the domain is asked for anew, in one statement.
async fn bring_mailboxes<P: Permission>(work: &Work<P>, domain: &Domain) -> Result<(), StoreError> {
    use mailbox::Column;
    let plain = Condition::all()
        .add(Column::RetainedAt.is_null())
        .add(Column::ConvertingItem.is_null());
    let pending = MailboxState::Pending.as_str();
    let state = CaseStatement::new()
        .case(plain, pending)
        .finally(Expr::col(Column::State));
    work.scoped
        .update::<mailbox::Entity>()
        .col_expr(
            Column::AskedGeneration,
            Expr::col(Column::AskedGeneration).add(1),
        )
        .col_expr(Column::NextTryAt, Expr::value(work.now()))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::Refused, Expr::value(false))
        .col_expr(Column::Problem, Expr::value(Option::<String>::None))
        .col_expr(Column::State, state.into())
        .col_expr(Column::UpdatedAt, Expr::value(work.now()))
        .filter(Column::DomainId.eq(domain.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Adds whose it is, what to publish and what is in it: a fixed number of queries.
pub(super) async fn complete<P: Permission>(
    work: &Work<P>,
    rows: Vec<domain::Model>,
) -> Result<Vec<Domain>, StoreError> {
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let slugs = tenants::slugs(work, rows.iter().map(|row| row.tenant_id)).await?;
    let users = per_domain::<user::Entity, P>(work, user::Column::DomainId, &ids).await?;
    let boxes = per_domain::<mailbox::Entity, P>(work, mailbox::Column::DomainId, &ids).await?;
    let servers = mail_hosts(work).await?;
    let count = |counts: &HashMap<Uuid, i64>, id| {
        counts
            .get(&id)
            .map_or(0, |rows| u64::try_from(*rows).unwrap_or_default())
    };
    let mut domains = vec![];
    for row in rows {
        domains.push(Domain {
            tenant_slug: slugs[&row.tenant_id].clone(),
            users: count(&users, row.id),
            mailboxes: count(&boxes, row.id),
            records: records(&row, &servers)?,
            id: DomainId(row.id),
            tenant: TenantId(row.tenant_id),
            name: DomainName::stored(row.name),
            enabled: row.enabled,
            proved_at: row.proved_at,
            vouched: row.vouched,
            checking: row.check_asked_at.is_some(),
            checked_at: row.checked_at,
            check_problem: row.check_problem,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    Ok(domains)
}

/// What to publish now, each with what the last look said of it.
fn records(row: &domain::Model, servers: &[MailHost]) -> Result<Vec<DnsRecord>, StoreError> {
    let name = DomainName::stored(row.name.clone());
    let mut records = dns::records(&name, &row.proof_token, servers);
    let Some(seen) = &row.seen_records else {
        return Ok(records);
    };
    let seen: Vec<DnsRecord> = serde_json::from_value(seen.clone())?;
    for record in &mut records {
        let same = |other: &&DnsRecord| {
            (&other.kind, &other.name, &other.value) == (&record.kind, &record.name, &record.value)
        };
        record.seen = seen.iter().find(same).and_then(|other| other.seen);
    }
    Ok(records)
}

/// The servers, of which a customer may know where clients connect and nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "where clients connect is public: it goes into DNS"
)]
async fn mail_hosts<P: Permission>(work: &Work<P>) -> Result<Vec<MailHost>, StoreError> {
    let rows: Vec<(String, serde_json::Value)> = mail_server::Entity::find()
        .order_by_asc(mail_server::Column::Name)
        .select_only()
        .columns([mail_server::Column::Name, mail_server::Column::Listeners])
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let host = |(name, listeners)| {
        let listeners = serde_json::from_value(listeners)?;
        Ok(MailHost { name, listeners })
    };
    rows.into_iter().map(host).collect()
}

async fn per_domain<E: Owned, P: Permission>(
    work: &Work<P>,
    column: E::Column,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, i64>, StoreError> {
    let counts: Vec<(Uuid, i64)> = work
        .scoped
        .find::<E>()
        .filter(column.is_in(ids.iter().copied()))
        .select_only()
        .column(column)
        .column_as(column.count(), "rows")
        .group_by(column)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    Ok(counts.into_iter().collect())
}
