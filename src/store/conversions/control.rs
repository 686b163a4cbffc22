//! Holding a batch, letting it go on, calling it off, trying again.
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select, UpdateMany};
use serde_json::json;
use uuid::Uuid;

use super::super::mailboxes::{asked, standing, touch};
use super::super::schema::{conversion_batch, conversion_item, conversion_snapshot, mailbox};
use super::super::{StoreError, Work};
use super::read::not_over;
use super::{Trail, again};
use crate::authz::{ConvertMailboxes, Includes, Mutates};
use crate::domain::{Batch, BatchState, ItemState, Place};

/// Items changed by one statement.
const CHUNK: u64 = 500;

/// Holds it.
pub async fn pause<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    set_state(work, batch, BatchState::Paused, false).await
}

/// Lets it go on: at once, or at its time if that has not come.
pub async fn resume<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    let waits = batch.not_before.is_some_and(|then| work.now < then);
    let state = if waits {
        BatchState::Scheduled
    } else {
        BatchState::Running
    };
    set_state(work, batch, state, false).await
}

/// Calls off every item that has not switched, and opens the doors that were shut for one. Says
/// how many it was.
pub async fn cancel<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<u64, StoreError> {
    use conversion_item::Column;
    let mut called_off = call_off_unbegun(work, batch).await?;
    let before_switch = Place::BEFORE_SWITCH.iter().map(|place| place.as_str());
    let due = of(work, batch)
        .filter(not_over())
        .filter(Column::Place.is_in(before_switch));
    loop {
        let ids = some_of(work, due.clone()).await?;
        if ids.is_empty() {
            break;
        }
        call_off(work, &ids).await?;
        called_off += ids.len() as u64;
    }
    again::note_batch(work, batch).await?;
    let left = of(work, batch)
        .filter(not_over())
        .one(&work.scoped.tx)
        .await?;
    set_state(work, batch, BatchState::Cancelled, left.is_none()).await?;
    Ok(called_off)
}

/// The next of these items, locked: a batch may have more than a statement takes ids.
async fn some_of<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    items: Select<conversion_item::Entity>,
) -> Result<Vec<Uuid>, StoreError> {
    let some = items
        .select_only()
        .column(conversion_item::Column::Id)
        .order_by_asc(conversion_item::Column::Id)
        .limit(CHUNK)
        .lock_exclusive();
    Ok(some.into_tuple().all(&work.scoped.tx).await?)
}

/// What nobody has begun holds no mailbox and has no snapshot: one statement, however many.
async fn call_off_unbegun<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<u64, StoreError> {
    use conversion_item::Column;
    let done = called_off(work)
        .filter(Column::BatchId.eq(batch.id.0))
        .filter(Column::State.eq(ItemState::Queued.as_str()))
        .filter(Column::StartedAt.is_null())
        .exec(&work.scoped.tx)
        .await?;
    Ok(done.rows_affected)
}

async fn call_off<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    called_off(work)
        .filter(conversion_item::Column::Id.is_in(ids.iter().copied()))
        .exec(&work.scoped.tx)
        .await?;
    let_go(work, ids).await?;
    forget_snapshots(work, ids).await
}

fn called_off<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
) -> UpdateMany<conversion_item::Entity> {
    use conversion_item::Column;
    work.scoped
        .update::<conversion_item::Entity>()
        .col_expr(Column::State, ItemState::Cancelled.as_str().into())
        .col_expr(Column::Place, Place::Over.as_str().into())
        .col_expr(Column::WaitingFor, Expr::value(Option::<String>::None))
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(Column::FinishedAt, Expr::value(work.now))
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
}

/// Queues the failed items again, as if for the first time. Says how many it was.
pub async fn retry_failed<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<u64, StoreError> {
    let queued = queue_again(work, batch).await?;
    if batch.state != BatchState::Paused {
        resume(work, batch).await?;
    }
    Ok(queued)
}

/// A failed item has let go of its mailbox, so that one statement does it, however many there are.
async fn queue_again<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<u64, StoreError> {
    use conversion_item::Column;
    let nothing = || Expr::value(Option::<String>::None);
    let done = work
        .scoped
        .update::<conversion_item::Entity>()
        .col_expr(Column::State, ItemState::Queued.as_str().into())
        .col_expr(Column::Place, Place::Check.as_str().into())
        .col_expr(Column::Was, Expr::value(json!(Trail::default())))
        .col_expr(Column::Error, nothing())
        .col_expr(Column::WaitingFor, nothing())
        .col_expr(Column::LeaseOwner, nothing())
        .col_expr(Column::Attempts, 0.into())
        .col_expr(Column::MessagesDone, 0.into())
        .col_expr(Column::BytesDone, 0.into())
        .col_expr(
            Column::Receipt,
            Expr::value(Option::<serde_json::Value>::None),
        )
        .col_expr(Column::NextTryAt, no_time())
        .col_expr(Column::StartedAt, no_time())
        .col_expr(Column::FinishedAt, no_time())
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
        .filter(Column::BatchId.eq(batch.id.0))
        .filter(Column::State.eq(ItemState::Failed.as_str()))
        .exec(&work.scoped.tx)
        .await?;
    Ok(done.rows_affected)
}

fn no_time() -> Expr {
    Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None)
}

fn of<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> sea_orm::Select<conversion_item::Entity> {
    work.scoped
        .find::<conversion_item::Entity>()
        .filter(conversion_item::Column::BatchId.eq(batch.id.0))
}

pub(super) async fn set_state<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
    state: BatchState,
    over: bool,
) -> Result<(), StoreError> {
    use conversion_batch::Column;
    let finished = over.then_some(work.now);
    work.scoped
        .update::<conversion_batch::Entity>()
        .col_expr(Column::State, state.as_str().into())
        .col_expr(Column::FinishedAt, Expr::value(finished))
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
        .filter(Column::Id.eq(batch.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Takes the items' hands off their mailboxes; doors that are shut open again in the old kind.
async fn let_go<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    items: &[Uuid],
) -> Result<(), StoreError> {
    let held = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::ConvertingItem.is_in(items.iter().copied()))
        .order_by_asc(mailbox::Column::Id)
        .lock_exclusive()
        .all(&work.scoped.tx)
        .await?;
    for mut row in held {
        row.converting_item = None;
        if row.doors_shut {
            row.doors_shut = false;
            touch(&mut row, work.now)?;
        }
        standing(&row).state().as_str().clone_into(&mut row.state);
        work.scoped
            .update::<mailbox::Entity>()
            .set(asked(&row))
            .filter(mailbox::Column::Id.eq(row.id))
            .exec(&work.scoped.tx)
            .await?;
    }
    Ok(())
}

/// Deletes the snapshots of these items, which the caller has found within reach.
#[expect(
    clippy::disallowed_methods,
    reason = "a snapshot belongs to an item, and these items are within reach"
)]
pub(super) async fn forget_snapshots<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    items: &[Uuid],
) -> Result<(), StoreError> {
    use sea_orm::EntityTrait as _;
    conversion_snapshot::Entity::delete_many()
        .filter(conversion_snapshot::Column::ItemId.is_in(items.iter().copied()))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}
