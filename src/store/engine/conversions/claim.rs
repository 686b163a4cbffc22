//! Items that are due, handed out with a lease, no more at once on one server than it can bear.
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait,
    FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RelationDef,
    Select,
};
use uuid::Uuid;

use super::super::super::conversions::over;
use super::super::super::mailboxes::kind;
use super::super::super::schema::{conversion_batch, conversion_item, mail_server, mailbox};
use super::super::super::{Engine, StoreError};
use super::super::{find, update};
use super::Job;
use crate::domain::ids::EventId;
use crate::domain::{
    BatchId, BatchState, EmailAddress, ItemId, ItemState, MailboxId, Place, PlanId, ServerId,
    TenantId,
};

/// Leases the items that are due, on every server, until `per_server` are under way on each,
/// whoever carries them out.
pub async fn claim(
    engine: &Engine,
    owner: &str,
    lease: Duration,
    per_server: u64,
) -> Result<Vec<Job>, StoreError> {
    let now = engine.clock().now();
    begin_scheduled(engine, now).await?;
    let servers: Vec<Uuid> = joined(find::<conversion_item::Entity>())
        .filter(is_due(now))
        .select_only()
        .column(mailbox::Column::ServerId)
        .distinct()
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let mut jobs = vec![];
    for server in servers {
        jobs.extend(claim_on(engine, server, owner, lease, per_server).await?);
    }
    Ok(jobs)
}

/// Batches whose time has come.
async fn begin_scheduled(engine: &Engine, now: DateTime<Utc>) -> Result<(), StoreError> {
    use conversion_batch::Column;
    let scheduled = Condition::all()
        .add(Column::State.eq(BatchState::Scheduled.as_str()))
        .add(Column::NotBefore.lte(now));
    let waiting = find::<conversion_batch::Entity>().filter(scheduled.clone());
    if waiting.count(&engine.core.conn).await? == 0 {
        return Ok(());
    }
    update::<conversion_batch::Entity>()
        .col_expr(Column::State, BatchState::Running.as_str().into())
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(scheduled)
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct JobRow {
    #[sea_orm(nested)]
    item: conversion_item::Model,
    keep_open: serde_json::Value,
    started_by: String,
    server_id: Uuid,
    server_name: String,
}

/// The row of the server is locked first, so that two processes count one after the other; the
/// items are skipped that a click has locked just now.
async fn claim_on(
    engine: &Engine,
    server: Uuid,
    owner: &str,
    lease: Duration,
    per_server: u64,
) -> Result<Vec<Job>, StoreError> {
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    find::<mail_server::Entity>()
        .filter(mail_server::Column::Id.eq(server))
        .lock(LockType::NoKeyUpdate)
        .one(&tx)
        .await?;
    let here = mailbox::Column::ServerId.eq(server);
    let under_way = joined(find::<conversion_item::Entity>())
        .filter(here.clone())
        .filter(over().not())
        .filter(conversion_item::Column::LeaseUntil.gt(now))
        .count(&tx)
        .await?;
    let mut due = joined(find::<conversion_item::Entity>())
        .filter(here)
        .filter(is_due(now))
        .column_as(conversion_batch::Column::KeepOpen, "keep_open")
        .column_as(conversion_batch::Column::StartedBy, "started_by")
        .column_as(mail_server::Column::Id, "server_id")
        .column_as(mail_server::Column::Name, "server_name")
        .order_by_asc(begun_first())
        .order_by_asc(conversion_item::Column::Id)
        .limit(per_server.saturating_sub(under_way));
    QuerySelect::query(&mut due).lock_with_tables_behavior(
        LockType::Update,
        [conversion_item::Entity],
        LockBehavior::SkipLocked,
    );
    let rows = due.into_model::<JobRow>().all(&tx).await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        jobs.push(lend(&tx, row, owner, now, lease).await?);
    }
    tx.commit().await?;
    if !jobs.is_empty() {
        engine.bell().ring();
    }
    Ok(jobs)
}

async fn lend(
    tx: &DatabaseTransaction,
    row: JobRow,
    owner: &str,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Job, StoreError> {
    use conversion_item::Column;
    let item = row.item;
    let place = Place::parse(&item.place).unwrap_or(Place::SwitchBack);
    let name = format!("{owner}/{}", EventId::new());
    let started_at = item.started_at.unwrap_or(now);
    update::<conversion_item::Entity>()
        .col_expr(Column::LeaseOwner, Expr::value(name.as_str()))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(Column::State, place.state().as_str().into())
        .col_expr(Column::StartedAt, Expr::value(started_at))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(item.id))
        .exec(tx)
        .await?;
    Ok(Job {
        item: ItemId(item.id),
        batch: BatchId(item.batch_id),
        tenant: TenantId(item.tenant_id),
        mailbox: MailboxId(item.mailbox_id),
        address: EmailAddress::stored(item.address),
        server: ServerId(row.server_id),
        server_name: row.server_name,
        place,
        from: kind(&item.from_kind),
        to: kind(&item.to_kind),
        plan: PlanId(item.plan_id),
        keep_open: serde_json::from_value(row.keep_open)?,
        started_by: row.started_by,
        started_at,
        attempts: u32::try_from(item.attempts).unwrap_or_default(),
        trail: serde_json::from_value(item.was)?,
        error: item.error,
        receipt: item.receipt.map(serde_json::from_value).transpose()?,
        lease: name,
    })
}

/// What has begun goes before what has not.
fn begun_first() -> SimpleExpr {
    let queued = conversion_item::Column::State.eq(ItemState::Queued.as_str());
    CaseStatement::new().case(queued, 1).finally(0).into()
}

/// Not over, its time has come, nobody works on it; and its batch runs, or it cannot wait: its
/// doors are shut, or it has switched.
fn is_due(now: DateTime<Utc>) -> Condition {
    use conversion_item::Column;
    let time = Condition::any()
        .add(Column::NextTryAt.is_null())
        .add(Column::NextTryAt.lte(now));
    let free = Condition::any()
        .add(Column::LeaseUntil.is_null())
        .add(Column::LeaseUntil.lte(now));
    let switched = Place::ALL.iter().filter(|place| place.has_switched());
    let may = Condition::any()
        .add(conversion_batch::Column::State.eq(BatchState::Running.as_str()))
        .add(mailbox::Column::DoorsShut.eq(true))
        .add(Column::Place.is_in(switched.map(|place| place.as_str())));
    Condition::all()
        .add(over().not())
        .add(time)
        .add(free)
        .add(may)
}

fn joined(items: Select<conversion_item::Entity>) -> Select<conversion_item::Entity> {
    items
        .join(JoinType::InnerJoin, to_mailbox())
        .join(JoinType::InnerJoin, to_batch())
        .join(JoinType::InnerJoin, to_server())
}

fn to_mailbox() -> RelationDef {
    conversion_item::Entity::belongs_to(mailbox::Entity)
        .from(conversion_item::Column::MailboxId)
        .to(mailbox::Column::Id)
        .into()
}

fn to_batch() -> RelationDef {
    conversion_item::Entity::belongs_to(conversion_batch::Entity)
        .from(conversion_item::Column::BatchId)
        .to(conversion_batch::Column::Id)
        .into()
}

fn to_server() -> RelationDef {
    mailbox::Entity::belongs_to(mail_server::Entity)
        .from(mailbox::Column::ServerId)
        .to(mail_server::Column::Id)
        .into()
}

/// Takes back every lease on items and mailboxes, on SQLite only: there is one process, so that
/// whoever held one is gone. On Postgres another process may be at work, and its lease runs out if
/// it is not. The name of a mailbox's holder stays: it tells that the last pass was cut off.
pub async fn forget_leases(engine: &Engine) -> Result<(), StoreError> {
    use conversion_item::Column;
    if engine.core.conn.get_database_backend() == DbBackend::Postgres {
        return Ok(());
    }
    update::<conversion_item::Entity>()
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .filter(Column::LeaseOwner.is_not_null())
        .exec(&engine.core.conn)
        .await?;
    let now = engine.clock().now();
    update::<mailbox::Entity>()
        .col_expr(mailbox::Column::LeaseUntil, Expr::value(now))
        .filter(mailbox::Column::LeaseUntil.gt(now))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}
