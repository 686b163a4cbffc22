//! Which failures were tried again: noted on the failed item, so that nobody has to look for a later
//! one among all of them.
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::super::schema::conversion_item::{Column, Entity};
use super::super::{StoreError, Work};
use crate::authz::{ConvertMailboxes, Includes};
use crate::domain::{Batch, ItemState};

/// Notes it on the failures of these mailboxes, for which items were made.
pub(super) async fn note<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    mailboxes: impl Iterator<Item = Uuid> + Send,
) -> Result<(), StoreError> {
    note_where(work, Column::MailboxId.is_in(mailboxes)).await
}

/// The same for the mailboxes of a batch, whose items were made or called off.
pub(super) async fn note_batch<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    let these = work
        .scoped
        .find::<Entity>()
        .filter(Column::BatchId.eq(batch.id.0))
        .select_only()
        .column(Column::MailboxId)
        .into_query();
    note_where(work, Column::MailboxId.in_subquery(these)).await
}

/// Where nothing has failed, which is how it should be, no mailbox is looked up.
async fn note_where<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    mailboxes: SimpleExpr,
) -> Result<(), StoreError> {
    let failed = Column::State.eq(ItemState::Failed.as_str());
    let any = work.scoped.find::<Entity>().filter(failed);
    if any.one(&work.scoped.tx).await?.is_none() {
        return Ok(());
    }
    // Not the column itself: `SQLite` would walk all failures, however few the mailboxes are.
    let failed = Expr::cust(r#""state" || '' = 'failed'"#);
    work.scoped
        .update::<Entity>()
        .col_expr(Column::TriedAgain, Expr::exists(later()))
        .filter(Condition::all().add(mailboxes).add(failed))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// An item of the same mailbox that came later and was not called off. Ids sort by age.
fn later() -> sea_orm::sea_query::SelectStatement {
    let of_later = |column| Expr::col((Alias::new("later"), column));
    let of_this = |column| Expr::col((Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, Alias::new("later"))
        .and_where(of_later(Column::MailboxId).eq(of_this(Column::MailboxId)))
        .and_where(of_later(Column::Id).gt(of_this(Column::Id)))
        .and_where(of_later(Column::State).ne(ItemState::Cancelled.as_str()))
        .take()
}
