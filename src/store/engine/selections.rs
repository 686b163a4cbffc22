//! Selections that are to be looked at, handed out with a lease, and what the look found: written
//! in chunks, so that a killed process costs one chunk, and only while the lease holds.
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::super::conversions::{numbers, to_row};
use super::super::mailboxes::kind;
use super::super::schema::{conversion_batch, conversion_choice, conversion_selection};
use super::super::{Engine, StoreError};
use super::conversions::Saved;
use super::hours::has_come;
use super::{delete, find, update};
use crate::domain::conversion::KeepOpen;
use crate::domain::ids::EventId;
use crate::domain::seats::Promised;
use crate::domain::selection::{Choice, Verdict};
use crate::domain::{
    BatchId, BatchState, ItemId, Kind, MailboxFilter, MailboxId, PlanId, ServerId, TenantId,
};

/// Rows in one statement, which each connection keeps prepared: a wide one takes megabytes.
const ROWS: usize = 100;

/// A selection under a lease.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its batch.
    pub batch: BatchId,
    /// Where that was started: the look reaches the tenants at or below it.
    pub tenant: TenantId,
    /// The target kind.
    pub to: Kind,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
    /// The server that they are to be on, where that was said.
    pub server: Option<ServerId>,
    /// The filter that finds the mailboxes; `None` when they are listed.
    pub filter: Option<MailboxFilter>,
    /// The last address that the filter found.
    pub cursor: Option<String>,
    /// Seats promised to rows that were looked at.
    pub promised: Promised,
    lease: String,
}

/// Leases the oldest selection that is to be looked at.
pub async fn claim(
    engine: &Engine,
    owner: &str,
    lease: Duration,
) -> Result<Option<Task>, StoreError> {
    use conversion_selection::Column;
    let now = engine.clock().now();
    let due = Condition::all()
        .add(Column::CheckedAt.is_null())
        .add(has_come(Column::LeaseUntil, now));
    let row = find::<conversion_selection::Entity>()
        .filter(due.clone())
        .order_by_asc(Column::BatchId)
        .one(&engine.core.conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let name = format!("{owner}/{}", EventId::new());
    let taken = update::<conversion_selection::Entity>()
        .col_expr(Column::LeaseOwner, Expr::value(name.as_str()))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .filter(Column::BatchId.eq(row.batch_id))
        .filter(due)
        .exec(&engine.core.conn)
        .await?;
    let batch = find::<conversion_batch::Entity>()
        .filter(conversion_batch::Column::Id.eq(row.batch_id))
        .filter(conversion_batch::Column::State.eq(BatchState::Draft.as_str()))
        .one(&engine.core.conn)
        .await?;
    let Some(batch) = batch.filter(|_| taken.rows_affected == 1) else {
        return Ok(None);
    };
    Ok(Some(Task {
        batch: BatchId(batch.id),
        tenant: TenantId(batch.tenant_id),
        to: kind(&batch.to_kind),
        keep_open: serde_json::from_value(batch.keep_open)?,
        server: batch.target_server_id.map(ServerId),
        filter: row.filter.map(serde_json::from_value).transpose()?,
        cursor: row.cursor,
        promised: promised(engine, batch.id).await?,
        lease: name,
    }))
}

/// The seats promised by looks before this one, which were cut off: added up once, however many chunks
/// follow.
async fn promised(engine: &Engine, batch: Uuid) -> Result<Promised, StoreError> {
    use conversion_choice::Column;
    let rows: Vec<(Uuid, Uuid, i64)> = find::<conversion_choice::Entity>()
        .filter(Column::BatchId.eq(batch))
        .filter(Column::Verdict.ne(Verdict::Waits.as_str()))
        .filter(Column::SeatOf.is_not_null())
        .filter(Column::PlanId.is_not_null())
        .select_only()
        .columns([Column::SeatOf, Column::PlanId])
        .column_as(Column::SeatOf.count(), "promised")
        .group_by(Column::SeatOf)
        .group_by(Column::PlanId)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let each = |(holder, plan, promised)| {
        let promised: i64 = promised;
        let promised = u64::try_from(promised).unwrap_or_default();
        ((TenantId(holder), PlanId(plan)), promised)
    };
    Ok(Promised::before(rows.into_iter().map(each)))
}

/// The next rows that were named and not looked at, in the order of the list.
pub async fn unseen(
    engine: &Engine,
    task: &Task,
    limit: u64,
) -> Result<Vec<(ItemId, Option<i32>, String)>, StoreError> {
    use conversion_choice::Column;
    let rows: Vec<(Uuid, Option<i32>, String)> = find::<conversion_choice::Entity>()
        .filter(Column::BatchId.eq(task.batch.0))
        .filter(Column::Verdict.eq(Verdict::Waits.as_str()))
        .select_only()
        .columns([Column::Id, Column::Line, Column::Address])
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(id, line, typed)| (ItemId(id), line, typed))
        .collect())
}

/// Those of these mailboxes that the selection has already.
pub async fn already(
    engine: &Engine,
    task: &Task,
    mailboxes: &[MailboxId],
) -> Result<HashSet<MailboxId>, StoreError> {
    use conversion_choice::Column;
    // A mailbox is in few drafts: the batch is looked for here, so that no database walks through it.
    let rows: Vec<(Uuid, Uuid)> = find::<conversion_choice::Entity>()
        .filter(Column::MailboxId.is_in(mailboxes.iter().map(|id| id.0)))
        .filter(Column::Verdict.ne(Verdict::Waits.as_str()))
        .select_only()
        .columns([Column::BatchId, Column::MailboxId])
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let here = rows.into_iter().filter(|(batch, _)| *batch == task.batch.0);
    Ok(here.map(|(_, mailbox)| MailboxId(mailbox)).collect())
}

/// Writes what was found, in place of the rows that were only named, and how far the look is; a
/// look that is through gives its lease back.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine writes for all tenants, each row for that of its mailbox"
)]
pub async fn save(
    engine: &Engine,
    task: &Task,
    found: &[Choice],
    cursor: Option<&str>,
    through: bool,
    lease: Duration,
) -> Result<Saved, StoreError> {
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    if !set_place(&tx, task, (found.len(), cursor), through, now + lease, now).await? {
        return Ok(Saved::Lost);
    }
    // What a filter found was not there before.
    if task.filter.is_none() {
        delete::<conversion_choice::Entity>()
            .filter(conversion_choice::Column::Id.is_in(found.iter().map(|one| one.id.0)))
            .exec(&tx)
            .await?;
    }
    let row = |choice: &Choice| {
        let mut row = to_row(task.batch, choice);
        let tenant = choice.mailbox.map_or(task.tenant, |(tenant, _)| tenant);
        row.tenant_id = Set(tenant.0);
        row
    };
    for found in found.chunks(ROWS) {
        conversion_choice::Entity::insert_many(found.iter().map(row))
            .exec_without_returning(&tx)
            .await?;
    }
    if through {
        keep_numbers(&tx, task).await?;
    }
    tx.commit().await?;
    engine.bell().ring();
    Ok(Saved::Yes(()))
}

/// Adds everything up, once for whoever looks at the draft.
async fn keep_numbers(tx: &sea_orm::DatabaseTransaction, task: &Task) -> Result<(), StoreError> {
    let rows = find::<conversion_choice::Entity>()
        .filter(conversion_choice::Column::BatchId.eq(task.batch.0));
    let numbers = serde_json::to_value(numbers(rows, tx).await?)?;
    update::<conversion_selection::Entity>()
        .col_expr(conversion_selection::Column::Numbers, Expr::value(numbers))
        .filter(conversion_selection::Column::BatchId.eq(task.batch.0))
        .exec(tx)
        .await?;
    Ok(())
}

async fn set_place(
    tx: &sea_orm::DatabaseTransaction,
    task: &Task,
    (rows, cursor): (usize, Option<&str>),
    through: bool,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    use conversion_selection::Column;
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let done = update::<conversion_selection::Entity>()
        .col_expr(Column::Checked, Expr::col(Column::Checked).add(rows))
        .col_expr(Column::Cursor, Expr::value(cursor))
        .col_expr(Column::LeaseUntil, Expr::value((!through).then_some(until)))
        .col_expr(Column::CheckedAt, Expr::value(through.then_some(now)))
        .filter(Column::BatchId.eq(task.batch.0))
        .filter(Column::LeaseOwner.eq(task.lease.as_str()))
        .filter(Column::CheckedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Gives the lease back, so that another look can go on at once.
pub async fn release(engine: &Engine, task: &Task) -> Result<(), StoreError> {
    use conversion_selection::Column;
    update::<conversion_selection::Entity>()
        .col_expr(
            Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .filter(Column::BatchId.eq(task.batch.0))
        .filter(Column::LeaseOwner.eq(task.lease.as_str()))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}
