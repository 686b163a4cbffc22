//! Drafts: batches that are chosen and looked at before they are confirmed. However many rows one
//! has, they are written in chunks, or by the database itself from rows that it has.
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, Func, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
};
use serde_json::json;

use super::super::schema::{
    conversion_batch, conversion_choice, conversion_item, conversion_selection, mailbox,
};
use super::super::{StoreError, Work};
use super::choices::to_row;
use super::read::not_over;
use super::start::{self, Start, stored};
use super::{Trail, again};
use crate::authz::{ConvertMailboxes, Includes, Mutates};
use crate::domain::conversion::KeepOpen;
use crate::domain::selection::{Choice, Verdict};
use crate::domain::{
    Batch, BatchId, BatchState, ItemState, Kind, MailboxFilter, Place, ServerId, Way,
};

/// Rows in one statement: each has some twenty values, and SQLite takes 32,766 of them.
const ROWS: usize = 500;

/// What a draft is made of.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The target kind.
    pub to: Kind,
    /// What was chosen, in words.
    pub chosen: &'a str,
    /// The filter that finds the mailboxes; `None` when they are listed.
    pub filter: Option<&'a MailboxFilter>,
    /// How many rows one expects.
    pub expected: u64,
    /// What is to be done with them, as far as that is known.
    pub terms: &'a Terms,
    /// The server that they are to be on, where that was said.
    pub server: Option<ServerId>,
}

/// When and how the mailboxes of a batch are converted.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Not before then.
    pub not_before: Option<DateTime<Utc>>,
    /// How many may be under way at once.
    pub at_once: Option<u32>,
    /// Whether the users are told by mail.
    pub notify_users: bool,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
}

/// Writes a draft for the tenant that the path names; the engine looks at its mailboxes.
pub async fn open_draft<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    draft: &Draft<'_>,
) -> Result<BatchId, StoreError> {
    let terms = draft.terms;
    let start = Start {
        to: draft.to,
        not_before: terms.not_before,
        notify_users: terms.notify_users,
        keep_open: &terms.keep_open,
        at_once: terms.at_once,
        reverses: None,
        server: draft.server,
    };
    let id = start::write(work, &start, BatchState::Draft).await?;
    let selection = conversion_selection::ActiveModel {
        batch_id: Set(id.0),
        filter: Set(draft.filter.map(serde_json::to_value).transpose()?),
        chosen: Set(draft.chosen.to_owned()),
        cursor: Set(None),
        expected: Set(i64::try_from(draft.expected).unwrap_or(i64::MAX)),
        checked: Set(0),
        checked_at: Set(None),
        numbers: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        created_at: Set(work.now),
        ..Default::default()
    };
    work.scoped
        .insert::<conversion_selection::Entity, _>(selection)
        .await?;
    Ok(id)
}

/// Adds rows that were named, to be looked at; as many as come.
pub async fn list<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: BatchId,
    named: impl Iterator<Item = (i32, String)> + Send,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(ROWS);
    for (line, typed) in named {
        rows.push(to_row(batch, &Choice::named(line, &typed)));
        if rows.len() == ROWS {
            write(work, std::mem::take(&mut rows)).await?;
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    write(work, rows).await
}

async fn write<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    rows: Vec<conversion_choice::ActiveModel>,
) -> Result<(), StoreError> {
    let tenant = work.tenant().id;
    work.scoped
        .insert_many_for::<conversion_choice::Entity, _>(tenant, rows)
        .await?;
    Ok(())
}

/// Lets the engine look at everything once more.
pub async fn look_again<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
    expected: Option<u64>,
) -> Result<(), StoreError> {
    use conversion_choice::Column;
    let rows = Column::BatchId.eq(batch.id.0);
    if expected.is_some() {
        // A filter finds its rows anew.
        let all = work.scoped.delete::<conversion_choice::Entity>();
        all.filter(rows).exec(&work.scoped.tx).await?;
    } else {
        let waits = Verdict::Waits.as_str();
        work.scoped
            .update::<conversion_choice::Entity>()
            .col_expr(Column::Verdict, waits.into())
            .filter(rows)
            .exec(&work.scoped.tx)
            .await?;
    }
    let selection = conversion_selection::ActiveModel {
        cursor: Set(None),
        checked: Set(0),
        checked_at: Set(None),
        numbers: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        expected: expected
            .and_then(|n| i64::try_from(n).ok())
            .map_or(sea_orm::NotSet, Set),
        ..Default::default()
    };
    work.scoped
        .update::<conversion_selection::Entity>()
        .set(selection)
        .filter(conversion_selection::Column::BatchId.eq(batch.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// The filter of a draft that has one.
pub async fn filter_of<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: BatchId,
) -> Result<Option<MailboxFilter>, StoreError> {
    let row = work
        .scoped
        .find::<conversion_selection::Entity>()
        .filter(conversion_selection::Column::BatchId.eq(batch.0))
        .one(&work.scoped.tx)
        .await?;
    let filter = row.and_then(|row| row.filter);
    Ok(filter.map(serde_json::from_value).transpose()?)
}

/// Changes when and how a batch is done.
pub async fn set_terms<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
    terms: &Terms,
) -> Result<(), StoreError> {
    use conversion_batch::Column;
    work.scoped
        .update::<conversion_batch::Entity>()
        .col_expr(Column::NotBefore, Expr::value(terms.not_before))
        .col_expr(Column::AtOnce, Expr::value(stored(terms.at_once)))
        .col_expr(Column::NotifyUsers, Expr::value(terms.notify_users))
        .col_expr(Column::KeepOpen, Expr::value(json!(terms.keep_open)))
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
        .filter(Column::Id.eq(batch.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Turns everything that is not left out into items of the batch, which waits for its time or
/// runs. Says how many that is.
///
/// Two statements do it, however many rows there are. The mailboxes are locked first, in the order
/// of their ids, so that two batches cannot both take the same one.
pub async fn confirm<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<u64, StoreError> {
    lock_mailboxes(work, batch).await?;
    leave_out_what_is_under_way(work, batch).await?;
    let mut insert = Query::insert();
    insert.into_table(conversion_item::Entity).columns(ITEM);
    insert
        .select_from(as_items(work, batch)?)
        .map_err(|error| sea_orm::DbErr::Custom(error.to_string()))?;
    let made = work.scoped.tx.execute(&insert).await?.rows_affected();
    let waits = batch.not_before.is_some_and(|then| work.now < then);
    let state = if waits {
        BatchState::Scheduled
    } else {
        BatchState::Running
    };
    again::note_batch(work, batch).await?;
    super::control::set_state(work, batch, state, false).await?;
    Ok(made)
}

/// Chosen and not left out.
fn going<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> sea_orm::Select<conversion_choice::Entity> {
    use conversion_choice::Column;
    let going = [Verdict::Ready.as_str(), Verdict::Attention.as_str()];
    work.scoped
        .find::<conversion_choice::Entity>()
        .filter(Column::BatchId.eq(batch.id.0))
        .filter(Column::Verdict.is_in(going))
        .filter(Column::MailboxId.is_not_null())
        .filter(Column::PlanId.is_not_null())
}

/// The rows are counted in the database: none of them comes here. On `SQLite` the transaction holds
/// the whole file.
async fn lock_mailboxes<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    if work.scoped.tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    let chosen = going(work, batch)
        .select_only()
        .column(conversion_choice::Column::MailboxId)
        .into_query();
    let locked = work
        .scoped
        .find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.in_subquery(chosen))
        .select_only()
        .column(mailbox::Column::Id)
        .order_by_asc(mailbox::Column::Id)
        .lock(LockType::Update)
        .into_query();
    let count = Query::select()
        .expr(Func::count(Expr::col(mailbox::Column::Id)))
        .from_subquery(locked, "locked")
        .take();
    work.scoped.tx.query_one(&count).await?;
    Ok(())
}

/// A mailbox that has got into another conversion since it was looked at.
async fn leave_out_what_is_under_way<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    use conversion_choice::Column;
    let under_way = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(not_over())
        .select_only()
        .column(conversion_item::Column::MailboxId)
        .into_query();
    let why = Expr::col(Column::Address).binary(
        BinOper::Custom("||"),
        Expr::val(" is being converted already. Wait for that, or cancel it."),
    );
    let left_out = work
        .scoped
        .update::<conversion_choice::Entity>()
        .col_expr(Column::Verdict, Verdict::Blocked.as_str().into())
        .col_expr(Column::Blocker, "already_converting".into())
        .col_expr(Column::Why, why)
        .filter(Column::BatchId.eq(batch.id.0))
        .filter(Column::MailboxId.in_subquery(under_way))
        .exec(&work.scoped.tx)
        .await?;
    if left_out.rows_affected > 0 {
        forget_numbers(work, batch).await?;
    }
    Ok(())
}

/// They are counted anew from now on.
async fn forget_numbers<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    use conversion_selection::Column;
    work.scoped
        .update::<conversion_selection::Entity>()
        .col_expr(
            Column::Numbers,
            Expr::value(Option::<serde_json::Value>::None),
        )
        .filter(Column::BatchId.eq(batch.id.0))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// What a new item has; everything else is null.
const ITEM: [conversion_item::Column; 20] = {
    use conversion_item::Column::{
        Address, Attempts, BatchId, BytesDone, BytesTotal, CreatedAt, FromKind, Id, MailboxId,
        MessagesDone, MessagesTotal, Place, PlanId, State, TargetServerId, TenantId, ToKind,
        UpdatedAt, Was, Way,
    };
    [
        Id,
        TenantId,
        BatchId,
        MailboxId,
        Address,
        FromKind,
        PlanId,
        MessagesTotal,
        BytesTotal,
        Way,
        State,
        Place,
        ToKind,
        Was,
        MessagesDone,
        BytesDone,
        Attempts,
        CreatedAt,
        UpdatedAt,
        TargetServerId,
    ]
};

fn as_items<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<SelectStatement, StoreError> {
    use conversion_choice::Column;
    let way = Func::coalesce([
        Expr::col((conversion_choice::Entity, Column::Way)),
        Expr::val(Way::InPlace.as_str()),
    ]);
    let target = match batch.server {
        Some(server) => Expr::val(server.0),
        // A bare NULL has no type that Postgres could put into the column.
        None => Expr::cust("CAST(NULL AS uuid)"),
    };
    Ok(going(work, batch)
        .select_only()
        .columns([
            Column::Id,
            Column::TenantId,
            Column::BatchId,
            Column::MailboxId,
            Column::Address,
            Column::FromKind,
            Column::PlanId,
            Column::Messages,
            Column::Bytes,
        ])
        .expr(way)
        .expr(Expr::val(ItemState::Queued.as_str()))
        .expr(Expr::val(Place::Check.as_str()))
        .expr(Expr::val(batch.to.as_str()))
        .expr(Expr::val(serde_json::to_value(Trail::default())?))
        .expr(Expr::val(0_i64))
        .expr(Expr::val(0_i64))
        .expr(Expr::val(0_i32))
        .expr(Expr::val(work.now))
        .expr(Expr::val(work.now))
        .expr(target)
        .into_query())
}

/// Does away with a draft and all its rows.
pub async fn discard<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<(), StoreError> {
    let tx = &work.scoped.tx;
    let rows = work.scoped.delete::<conversion_choice::Entity>();
    rows.filter(conversion_choice::Column::BatchId.eq(batch.id.0))
        .exec(tx)
        .await?;
    let selection = work.scoped.delete::<conversion_selection::Entity>();
    selection
        .filter(conversion_selection::Column::BatchId.eq(batch.id.0))
        .exec(tx)
        .await?;
    let row = work.scoped.delete::<conversion_batch::Entity>();
    row.filter(conversion_batch::Column::Id.eq(batch.id.0))
        .exec(tx)
        .await?;
    Ok(())
}
