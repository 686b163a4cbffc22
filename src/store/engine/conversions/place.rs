//! The saved place of an item: on to the next step, or to a later try of this one.
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, ExprTrait, QueryFilter, QuerySelect, UpdateMany};
use serde_json::json;

use super::super::super::conversions::Trail;
use super::super::super::schema::{conversion_batch, conversion_item};
use super::super::super::{Engine, StoreError};
use super::super::{find, update};
use super::{Job, Saved};
use crate::domain::{BatchState, Place, Progress, Receipt, Way};

/// Saves that the next step is `to`, and makes the lease last from now. Says whether the batch
/// still runs.
pub async fn go_on(
    engine: &Engine,
    job: &Job,
    to: Place,
    lease: Duration,
) -> Result<Saved<bool>, StoreError> {
    let conn = &engine.core.conn;
    if !set_place(conn, job, to, engine.clock().now(), lease).await? {
        return Ok(Saved::Lost);
    }
    engine.bell().ring();
    Ok(Saved::Yes(batch_runs(conn, job).await?))
}

/// Saves the next step and a longer lease, if the lease holds; says whether it did. In a
/// transaction this takes the row's lock.
pub(super) async fn set_place(
    conn: &impl ConnectionTrait,
    job: &Job,
    to: Place,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<bool, StoreError> {
    use conversion_item::Column;
    let done = held(job)
        .col_expr(Column::Place, to.as_str().into())
        .col_expr(Column::State, to.state().as_str().into())
        .col_expr(Column::Attempts, 0.into())
        .col_expr(Column::WaitingFor, Expr::value(Option::<String>::None))
        .col_expr(
            Column::NextTryAt,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Whether the batch is neither held nor called off.
pub(super) async fn batch_runs(conn: &impl ConnectionTrait, job: &Job) -> Result<bool, StoreError> {
    let state: Option<String> = find::<conversion_batch::Entity>()
        .filter(conversion_batch::Column::Id.eq(job.batch.0))
        .select_only()
        .column(conversion_batch::Column::State)
        .into_tuple()
        .one(conn)
        .await?;
    Ok(state.as_deref() == Some(BatchState::Running.as_str()))
}

/// Saves why the conversion is given up, with what was measured, and that switching back is next.
pub async fn fail_over(
    engine: &Engine,
    job: &Job,
    error: &str,
    receipt: Option<&Receipt>,
    lease: Duration,
) -> Result<Saved, StoreError> {
    let (tx, now) = (engine.core.begin_write().await?, engine.clock().now());
    if !set_place(&tx, job, Place::SwitchBack, now, lease).await? {
        return Ok(Saved::Lost);
    }
    let receipt = receipt.map(serde_json::to_value).transpose()?;
    update::<conversion_item::Entity>()
        .col_expr(conversion_item::Column::Error, Expr::value(error))
        .col_expr(conversion_item::Column::Receipt, Expr::value(receipt))
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    engine.bell().ring();
    Ok(Saved::Yes(()))
}

/// Saves what it waits for and when it will be tried again, and gives the lease back.
pub async fn wait(
    engine: &Engine,
    job: &Job,
    why: &str,
    next_try: DateTime<Utc>,
    trail: &Trail,
) -> Result<(), StoreError> {
    use conversion_item::Column;
    held(job)
        .col_expr(Column::WaitingFor, Expr::value(why))
        .col_expr(Column::NextTryAt, Expr::value(next_try))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Was, Expr::value(json!(trail)))
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(Column::UpdatedAt, Expr::value(engine.clock().now()))
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(())
}

/// Gives the lease back; whoever claims the item next goes on at its place.
pub async fn release(engine: &Engine, job: &Job) -> Result<(), StoreError> {
    use conversion_item::Column;
    held(job)
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(())
}

/// Makes the lease last from now, and saves how far the step is.
pub async fn renew(
    engine: &Engine,
    job: &Job,
    progress: Option<Progress>,
    lease: Duration,
) -> Result<Saved, StoreError> {
    use conversion_item::Column;
    let now = engine.clock().now();
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut change = held(job).col_expr(Column::LeaseUntil, Expr::value(now + lease));
    if let Some(progress) = progress {
        change = change
            .col_expr(Column::MessagesDone, count(progress.messages_done).into())
            .col_expr(Column::MessagesTotal, count(progress.messages_total).into())
            .col_expr(Column::BytesDone, count(progress.bytes_done).into())
            .col_expr(Column::BytesTotal, count(progress.bytes_total).into())
            .col_expr(Column::UpdatedAt, Expr::value(now));
    }
    let done = change.exec(&engine.core.conn).await?;
    if done.rows_affected == 0 {
        return Ok(Saved::Lost);
    }
    if progress.is_some() {
        engine.bell().ring();
    }
    Ok(Saved::Yes(()))
}

fn held(job: &Job) -> UpdateMany<conversion_item::Entity> {
    update::<conversion_item::Entity>()
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .filter(conversion_item::Column::LeaseOwner.eq(job.lease.as_str()))
}

/// Saves how the item is done.
pub async fn set_way(engine: &Engine, job: &Job, way: Way) -> Result<Saved, StoreError> {
    let saved = held(job)
        .col_expr(conversion_item::Column::Way, way.as_str().into())
        .exec(&engine.core.conn)
        .await?;
    Ok(if saved.rows_affected == 0 {
        Saved::Lost
    } else {
        Saved::Yes(())
    })
}

/// Whether the lease still holds.
pub async fn holds(engine: &Engine, job: &Job) -> Result<bool, StoreError> {
    use sea_orm::PaginatorTrait as _;
    let item = find::<conversion_item::Entity>()
        .filter(conversion_item::Column::Id.eq(job.item.0))
        .filter(conversion_item::Column::LeaseOwner.eq(job.lease.as_str()));
    Ok(item.count(&engine.core.conn).await? > 0)
}
