//! What of a batch can be undone, and that it was. An item can be undone while its time lasts and
//! nothing has converted its mailbox since: the later conversion is undone first.
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};
use uuid::Uuid;

use super::super::engine::conversions::Job;
use super::super::schema::{conversion_batch, conversion_item, mailbox};
use super::super::{StoreError, Work};
use super::read::item_from_row;
use super::subjects::all_named;
use crate::authz::{ConvertMailboxes, Includes, Mutates, Permission, ViewConversions};
use crate::domain::{BatchId, Item, ItemId, ItemState};

/// How many mailboxes of a batch can be undone now.
pub async fn count<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
) -> Result<u64, StoreError> {
    let rows = of(work, batch).filter(can_be_undone(work.now));
    Ok(rows.count(&work.scoped.tx).await?)
}

/// The items of a batch that can be undone now, by id, `limit` of them after `after`.
pub async fn undoable<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    after: Option<ItemId>,
    limit: u64,
) -> Result<Vec<Item>, StoreError> {
    let mut rows = of(work, batch).filter(can_be_undone(work.now));
    if let Some(after) = after {
        rows = rows.filter(conversion_item::Column::Id.gt(after.0));
    }
    let rows = rows
        .order_by_asc(conversion_item::Column::Id)
        .limit(limit)
        .all(&work.scoped.tx)
        .await?;
    items(rows, work.now)
}

/// The items of a batch for the mailboxes named by id or address, whether they can be undone or not.
pub async fn named<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    mailboxes: &[String],
) -> Result<Vec<Item>, StoreError> {
    let these = all_named(work, mailboxes)
        .select_only()
        .column(mailbox::Column::Id)
        .into_query();
    let rows = of(work, batch)
        .filter(conversion_item::Column::MailboxId.in_subquery(these))
        .all(&work.scoped.tx)
        .await?;
    items(rows, work.now)
}

/// Those of these items whose mailbox was converted again since, or is being converted.
pub async fn overtaken<P: Includes<ViewConversions>>(
    work: &Work<P>,
    these: &[Item],
) -> Result<HashSet<ItemId>, StoreError> {
    let ids: Vec<Uuid> = work
        .scoped
        .find::<conversion_item::Entity>()
        .select_only()
        .column(conversion_item::Column::Id)
        .filter(conversion_item::Column::Id.is_in(these.iter().map(|item| item.id.0)))
        .filter(has_a_later_one())
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    Ok(ids.into_iter().map(ItemId).collect())
}

fn items(rows: Vec<conversion_item::Model>, now: DateTime<Utc>) -> Result<Vec<Item>, StoreError> {
    rows.into_iter()
        .map(|row| item_from_row(row, now))
        .collect()
}

fn of<P: Permission>(work: &Work<P>, batch: BatchId) -> Select<conversion_item::Entity> {
    work.scoped
        .find::<conversion_item::Entity>()
        .filter(conversion_item::Column::BatchId.eq(batch.0))
}

fn can_be_undone(now: DateTime<Utc>) -> Condition {
    use conversion_item::Column;
    Condition::all()
        .add(Column::State.eq(ItemState::Done.as_str()))
        .add(Column::UndoUntil.gt(now))
        .add(has_a_later_one().not())
}

/// Another item of the same mailbox that came later and was neither called off nor switched back.
/// Ids sort by age.
fn has_a_later_one() -> SimpleExpr {
    let (later, this) = (Alias::new("later"), conversion_item::Entity);
    let of_later = |column| Expr::col((later.clone(), column));
    let of_this = |column| Expr::col((this, column));
    let nothing_came_of_it = [ItemState::Failed, ItemState::Cancelled].map(ItemState::as_str);
    let query = Query::select()
        .expr(Expr::val(1))
        .from_as(conversion_item::Entity, later.clone())
        .and_where(
            of_later(conversion_item::Column::MailboxId)
                .eq(of_this(conversion_item::Column::MailboxId)),
        )
        .and_where(of_later(conversion_item::Column::Id).gt(of_this(conversion_item::Column::Id)))
        .and_where(of_later(conversion_item::Column::State).is_not_in(nothing_came_of_it))
        .to_owned();
    Expr::exists(query)
}

/// Once a mailbox is converted back: what this item undoes becomes `undone`. The engine sees all
/// tenants; the batch may belong to one above the mailbox's.
#[expect(
    clippy::disallowed_methods,
    reason = "the batch of a locked item, which a tenant above may own"
)]
pub(super) async fn mark_undone<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    job: &Job,
) -> Result<(), StoreError> {
    use conversion_item::Column;
    use sea_orm::EntityTrait as _;
    let reverses: Option<Option<Uuid>> = conversion_batch::Entity::find_by_id(job.batch.0)
        .select_only()
        .column(conversion_batch::Column::Reverses)
        .into_tuple()
        .one(&work.scoped.tx)
        .await?;
    let Some(Some(reverses)) = reverses else {
        return Ok(());
    };
    work.scoped
        .update::<conversion_item::Entity>()
        .col_expr(Column::State, ItemState::Undone.as_str().into())
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
        .filter(Column::BatchId.eq(reverses))
        .filter(Column::MailboxId.eq(job.mailbox.0))
        .filter(Column::State.eq(ItemState::Done.as_str()))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}
