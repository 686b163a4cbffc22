//! Items that are due, handed out with a lease, no more at once on one server than it can bear.
use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RelationDef,
    Select,
};
use uuid::Uuid;

use super::super::super::conversions::not_over;
use super::super::super::mailboxes::{kind, to_server};
use super::super::super::schema::{conversion_batch, conversion_item, mail_server, mailbox};
use super::super::super::{Engine, StoreError};
use super::super::hours::{has_come, is_ahead};
use super::super::{find, update};
use super::Job;
use crate::domain::ids::EventId;
use crate::domain::{
    BatchId, BatchState, EmailAddress, ItemId, ItemState, MailboxId, Place, PlanId, ServerId,
    TenantId, Way,
};

/// Leases the items that are due, on every server, until `per_server` are under way on each and no
/// batch has more than its own limit, whoever carries them out. The engine looks at each ring of
/// the bell, so that a look that finds nothing must be cheap however long the queue is.
pub async fn claim(
    engine: &Engine,
    owner: &str,
    lease: Duration,
    per_server: u64,
) -> Result<Vec<Job>, StoreError> {
    let now = engine.clock().now();
    begin_scheduled(engine, now).await?;
    let conn = &engine.core.conn;
    let servers: Vec<Uuid> = find::<mail_server::Entity>()
        .select_only()
        .column(mail_server::Column::Id)
        .into_tuple()
        .all(conn)
        .await?;
    let mut jobs = vec![];
    for server in servers {
        let room = Room::on(conn, server, per_server, now).await?;
        if !due_on(conn, room, now, 1).await?.is_empty() {
            jobs.extend(claim_on(engine, server, owner, lease, per_server).await?);
        }
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

/// What else may be under way on one server.
#[derive(Clone)]
struct Room {
    server: Uuid,
    /// Items that fit in on the server.
    left: u64,
    /// Items under way, by batch, on any server.
    under_way: HashMap<Uuid, u64>,
}

impl Room {
    async fn on(
        conn: &impl ConnectionTrait,
        server: Uuid,
        per_server: u64,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let leased: Vec<(Uuid, Uuid)> = find::<conversion_item::Entity>()
            .join(JoinType::InnerJoin, to_mailbox())
            .filter(is_ahead(conversion_item::Column::LeaseUntil, now))
            .filter(not_over())
            .select_only()
            .column(conversion_item::Column::BatchId)
            .column(mailbox::Column::ServerId)
            .into_tuple()
            .all(conn)
            .await?;
        let mut under_way: HashMap<Uuid, u64> = HashMap::new();
        for (batch, _) in &leased {
            *under_way.entry(*batch).or_default() += 1;
        }
        let here = leased.iter().filter(|(_, on)| *on == server).count() as u64;
        Ok(Self {
            server,
            left: per_server.saturating_sub(here),
            under_way,
        })
    }

    /// How many more of a batch may begin here.
    fn of(&self, batch: Uuid, at_once: Option<i32>) -> u64 {
        let limit = at_once.map_or(u64::MAX, |limit| u64::try_from(limit).unwrap_or(1));
        let under_way = self.under_way.get(&batch).copied().unwrap_or_default();
        Ord::min(self.left, limit.saturating_sub(under_way))
    }
}

/// Up to `most` items that are due on a server that has room for them: what has begun before what
/// has not, older batches before younger ones.
async fn due_on(
    conn: &impl ConnectionTrait,
    mut room: Room,
    now: DateTime<Utc>,
    most: u64,
) -> Result<Vec<JobRow>, StoreError> {
    room.left = Ord::min(room.left, most);
    if room.left == 0 {
        return Ok(vec![]);
    }
    let begun = due(room.server, now).filter(begun());
    let mut found = take(conn, begun, room.left).await?;
    room.left -= found.len() as u64;
    for row in &found {
        *room.under_way.entry(row.item.batch_id).or_default() += 1;
    }
    for (batch, at_once) in running(conn).await? {
        let more = room.of(batch, at_once);
        if more == 0 {
            continue;
        }
        let queued = due(room.server, now)
            .filter(conversion_item::Column::BatchId.eq(batch))
            .filter(conversion_item::Column::State.eq(ItemState::Queued.as_str()));
        let queued = take(conn, queued, more).await?;
        room.left -= queued.len() as u64;
        found.extend(queued);
    }
    Ok(found)
}

/// The batches that run, oldest first, each with its limit.
async fn running(conn: &impl ConnectionTrait) -> Result<Vec<(Uuid, Option<i32>)>, StoreError> {
    let running = find::<conversion_batch::Entity>()
        .filter(conversion_batch::Column::State.eq(BatchState::Running.as_str()))
        .select_only()
        .column(conversion_batch::Column::Id)
        .column(conversion_batch::Column::AtOnce)
        .order_by_asc(conversion_batch::Column::Id);
    Ok(running.into_tuple().all(conn).await?)
}

/// The items are skipped that a click has locked just now.
async fn take(
    conn: &impl ConnectionTrait,
    due: Select<conversion_item::Entity>,
    most: u64,
) -> Result<Vec<JobRow>, StoreError> {
    let mut due = due
        .column_as(conversion_batch::Column::KeepOpen, "keep_open")
        .column_as(conversion_batch::Column::StartedBy, "started_by")
        .column_as(mail_server::Column::Id, "server_id")
        .column_as(mail_server::Column::Name, "server_name")
        .order_by_asc(conversion_item::Column::Id)
        .limit(most);
    QuerySelect::query(&mut due).lock_with_tables_behavior(
        LockType::Update,
        [conversion_item::Entity],
        LockBehavior::SkipLocked,
    );
    Ok(due.into_model::<JobRow>().all(conn).await?)
}

fn due(server: Uuid, now: DateTime<Utc>) -> Select<conversion_item::Entity> {
    joined(find::<conversion_item::Entity>())
        .filter(mailbox::Column::ServerId.eq(server))
        .filter(is_due(now))
}

/// The rows of the server and of every batch with a limit are locked first, so that two processes
/// count one after the other.
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
    find::<conversion_batch::Entity>()
        .filter(conversion_batch::Column::State.eq(BatchState::Running.as_str()))
        .filter(conversion_batch::Column::AtOnce.is_not_null())
        .order_by_asc(conversion_batch::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&tx)
        .await?;
    let room = Room::on(&tx, server, per_server, now).await?;
    let rows = due_on(&tx, room, now, u64::MAX).await?;
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
        way: Way::parse(&item.way).unwrap_or(Way::InPlace),
        target: item.target_server_id.map(ServerId),
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

/// The states between the queue and the end.
fn begun() -> SimpleExpr {
    let begun = ItemState::ALL
        .iter()
        .filter(|state| !state.is_over() && **state != ItemState::Queued);
    conversion_item::Column::State.is_in(begun.map(|state| state.as_str()))
}

/// Not over, its time has come, nobody works on it; and its batch runs, or it cannot wait: its
/// doors are shut, or it has switched.
fn is_due(now: DateTime<Utc>) -> Condition {
    use conversion_item::Column;
    let time = has_come(Column::NextTryAt, now);
    let free = has_come(Column::LeaseUntil, now);
    let switched = Place::ALL.iter().filter(|place| place.has_switched());
    let may = Condition::any()
        .add(conversion_batch::Column::State.eq(BatchState::Running.as_str()))
        .add(mailbox::Column::DoorsShut.eq(true))
        .add(Column::Place.is_in(switched.map(|place| place.as_str())));
    Condition::all()
        .add(not_over())
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
