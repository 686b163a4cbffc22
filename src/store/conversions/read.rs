//! Batches and items as people see them.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, SimpleExpr};
use sea_orm::{
    ColumnTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::super::schema::{
    conversion_batch, conversion_choice, conversion_item, conversion_selection,
};
use super::super::{StoreError, Work};
use super::choices::{FEW, sorted_address};
use crate::authz::{Includes, Permission, ViewConversions};
use crate::domain::conversion::{Counts, KeepOpen};
use crate::domain::selection::{Selection, Verdict};
use crate::domain::{
    Batch, BatchId, BatchState, EmailAddress, Item, ItemId, ItemState, MailboxId, Page,
    PageRequest, Place, Progress, ServerId, TenantId, Way,
};

/// Items to which something more will happen. The states are named, so that an index finds them
/// among all that is over.
pub(in crate::store) fn not_over() -> SimpleExpr {
    let states = ItemState::ALL.iter().filter(|state| !state.is_over());
    conversion_item::Column::State.is_in(states.map(|state| state.as_str()))
}

/// Batches within reach, newest first.
pub async fn list<P: Includes<ViewConversions>>(
    work: &Work<P>,
    page: &PageRequest,
) -> Result<Page<Batch>, StoreError> {
    let rows = work.scoped.find::<conversion_batch::Entity>();
    let total = rows.clone().count(&work.scoped.tx).await?;
    let last = page.after.as_deref().and_then(|after| after.first());
    let rows = match last.and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => rows.filter(conversion_batch::Column::Id.lt(id)),
        None => rows,
    };
    let rows = rows
        .order_by_desc(conversion_batch::Column::Id)
        .limit(u64::from(page.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, page, total, |row| vec![row.id.to_string()]);
    let counts = counts(work, page.items.iter().map(|row| row.id)).await?;
    let mut selections = selections(work, page.items.iter().map(|row| row.id)).await?;
    let batches = page.items.into_iter().map(|row| {
        let counts = counts.get(&row.id).copied().unwrap_or_default();
        let selection = selections.remove(&row.id);
        batch_from_row(row, counts, selection)
    });
    Ok(Page {
        items: batches.collect::<Result<_, _>>()?,
        next: page.next,
        total: page.total,
    })
}

/// One batch within reach.
pub async fn find<P: Includes<ViewConversions>>(
    work: &Work<P>,
    id: BatchId,
) -> Result<Option<Batch>, StoreError> {
    let row = work
        .scoped
        .find::<conversion_batch::Entity>()
        .filter(conversion_batch::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let counts = counts(work, [row.id]).await?;
    let counts = counts.get(&row.id).copied().unwrap_or_default();
    let selection = selections(work, [row.id]).await?.remove(&row.id);
    batch_from_row(row, counts, selection).map(Some)
}

/// What was chosen for those of these batches that were drafts.
async fn selections<P: Permission>(
    work: &Work<P>,
    batches: impl IntoIterator<Item = Uuid> + Send,
) -> Result<HashMap<Uuid, Selection>, StoreError> {
    let rows = work
        .scoped
        .find::<conversion_selection::Entity>()
        .filter(conversion_selection::Column::BatchId.is_in(batches))
        .all(&work.scoped.tx)
        .await?;
    let count = |stored: i64| u64::try_from(stored).unwrap_or_default();
    let selection = |row: conversion_selection::Model| {
        let selection = Selection {
            chosen: row.chosen,
            expected: count(row.expected),
            checked: count(row.checked),
            checked_at: row.checked_at,
        };
        (row.batch_id, selection)
    };
    Ok(rows.into_iter().map(selection).collect())
}

#[derive(FromQueryResult)]
struct Tally {
    batch_id: Uuid,
    state: String,
    items: i64,
}

/// How many items of each batch stand where, counted in one pass. A batch belongs to the tenant
/// that it was started on, and its items to tenants at or below that one.
async fn counts<P: Permission>(
    work: &Work<P>,
    batches: impl IntoIterator<Item = Uuid> + Send,
) -> Result<HashMap<Uuid, Counts>, StoreError> {
    let batches: Vec<Uuid> = batches.into_iter().collect();
    let tallies = work
        .scoped
        .find::<conversion_item::Entity>()
        .select_only()
        .column(conversion_item::Column::BatchId)
        .column(conversion_item::Column::State)
        .column_as(conversion_item::Column::State.count(), "items")
        .filter(conversion_item::Column::BatchId.is_in(batches.iter().copied()))
        .group_by(conversion_item::Column::BatchId)
        .group_by(conversion_item::Column::State)
        .into_model::<Tally>()
        .all(&work.scoped.tx)
        .await?;
    let mut all: HashMap<Uuid, Counts> = HashMap::new();
    for (batch, left_out) in left_out(work, batches).await? {
        all.entry(batch).or_default().left_out = u64::try_from(left_out).unwrap_or_default();
    }
    for tally in tallies {
        let items = u64::try_from(tally.items).unwrap_or_default();
        let counts = all.entry(tally.batch_id).or_default();
        counts.total += items;
        match ItemState::parse(&tally.state) {
            Some(ItemState::Done) => counts.done += items,
            Some(ItemState::Failed) => counts.failed += items,
            Some(ItemState::Cancelled) => counts.cancelled += items,
            Some(ItemState::Undone) => counts.undone += items,
            Some(ItemState::Queued) | None => counts.queued += items,
            Some(_) => {
                counts.queued += items;
                counts.working += items;
            }
        }
    }
    Ok(all)
}

/// How many rows were left out of each batch that was a draft.
async fn left_out<P: Permission>(
    work: &Work<P>,
    batches: Vec<Uuid>,
) -> Result<Vec<(Uuid, i64)>, StoreError> {
    use conversion_choice::Column;
    let rows = work
        .scoped
        .find::<conversion_choice::Entity>()
        .select_only()
        .column(Column::BatchId)
        .column_as(Column::Id.count(), "rows")
        .filter(Column::BatchId.is_in(batches))
        .filter(Column::Verdict.eq(Verdict::Blocked.as_str()))
        .group_by(Column::BatchId);
    Ok(rows.into_tuple().all(&work.scoped.tx).await?)
}

/// How many items of a batch were finished since a moment, converted or not, and when the first of
/// the batch began.
pub async fn finished<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    since: DateTime<Utc>,
) -> Result<(u64, Option<DateTime<Utc>>), StoreError> {
    use conversion_item::Column;
    let rows = || {
        work.scoped
            .find::<conversion_item::Entity>()
            .filter(Column::BatchId.eq(batch.0))
    };
    let ends = [ItemState::Done.as_str(), ItemState::Failed.as_str()];
    let finished = rows()
        .filter(Column::State.is_in(ends))
        .filter(Column::FinishedAt.gte(since))
        .count(&work.scoped.tx)
        .await?;
    let first = rows()
        .filter(Column::StartedAt.is_not_null())
        .select_only()
        .column_as(Column::StartedAt.min(), "first")
        .into_tuple::<Option<DateTime<Utc>>>()
        .one(&work.scoped.tx)
        .await?;
    Ok((finished, first.flatten()))
}

/// How many items of a batch are in one of the states named, or in any.
pub async fn count_items<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    states: &[ItemState],
) -> Result<u64, StoreError> {
    Ok(in_states(work, batch, states)
        .count(&work.scoped.tx)
        .await?)
}

fn in_states<P: Permission>(
    work: &Work<P>,
    batch: BatchId,
    states: &[ItemState],
) -> Select<conversion_item::Entity> {
    use conversion_item::Column;
    let rows = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(Column::BatchId.eq(batch.0));
    match states {
        [] => rows,
        some => rows.filter(Column::State.is_in(some.iter().map(|state| state.as_str()))),
    }
}

/// The items of a batch, in one of the states named or in any: first those that failed or wait for
/// something, then by address. How many there are the caller knows.
pub async fn items<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    states: &[ItemState],
    total: u64,
    page: &PageRequest,
) -> Result<Page<Item>, StoreError> {
    use conversion_item::Column;
    let rows = in_states(work, batch, states);
    let (rank, after) = match page.after.as_deref() {
        Some([rank, address, ..]) => (rank.parse().unwrap_or(0), Some(address.as_str())),
        _ => (0, None),
    };
    if total == 0 {
        return Ok(Page {
            items: vec![],
            next: None,
            total,
        });
    }
    // Two walks along an index, instead of one that sorts the whole batch; of few, not past all the
    // others.
    let order = if states.is_empty() || total > FEW {
        Expr::col(Column::Address)
    } else {
        sorted_address()
    };
    let part = |condition: String, after: Option<&str>| {
        let rows = rows
            .clone()
            .filter(Expr::cust(condition))
            .order_by(order.clone(), Order::Asc);
        after.map_or(rows.clone(), |address| {
            rows.filter(Column::Address.gt(address))
        })
    };
    let wanted = u64::from(page.limit) + 1;
    let mut found = vec![];
    if rank == 0 {
        let first = part(NEEDS_SOMEBODY.to_owned(), after).limit(wanted);
        found = first.all(&work.scoped.tx).await?;
    }
    let missing = wanted - found.len() as u64;
    if missing > 0 {
        let rest = part(format!("NOT {NEEDS_SOMEBODY}"), after.filter(|_| rank > 0)).limit(missing);
        found.extend(rest.all(&work.scoped.tx).await?);
    }
    let rows = found;
    let now = work.now;
    let page = Page::cut(rows, page, total, |row| {
        let first = row.state == ItemState::Failed.as_str() || row.waiting_for.is_some();
        vec![i32::from(!first).to_string(), row.address.clone()]
    });
    let moving = |row: &conversion_item::Model| row.way == Way::Move.as_str();
    let names = if page.items.iter().any(moving) {
        super::server_names(work).await?
    } else {
        HashMap::new()
    };
    let items = page.items.into_iter().map(|row| {
        let target = row.target_server_id.filter(|_| moving(&row)).map(ServerId);
        let goes_to = target.and_then(|server| names.get(&server).cloned());
        item_from_row(row, now).map(|item| Item { goes_to, ..item })
    });
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
        total: page.total,
    })
}

/// Failed, or waiting for something. The text, and the same with `NOT` before it, are the conditions
/// of indexes (`m0017_pages`).
const NEEDS_SOMEBODY: &str = r#"("state" = 'failed' OR "waiting_for" IS NOT NULL)"#;

/// One item of a batch within reach.
pub async fn item<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    id: ItemId,
) -> Result<Option<Item>, StoreError> {
    let row = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(conversion_item::Column::BatchId.eq(batch.0))
        .filter(conversion_item::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    row.map(|row| item_from_row(row, work.now)).transpose()
}

/// The last fifty conversions of a mailbox, newest first.
pub async fn of_mailbox<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailbox: MailboxId,
) -> Result<Vec<Item>, StoreError> {
    let rows = work
        .scoped
        .find::<conversion_item::Entity>()
        .filter(conversion_item::Column::MailboxId.eq(mailbox.0))
        .order_by_desc(conversion_item::Column::Id)
        .limit(50)
        .all(&work.scoped.tx)
        .await?;
    rows.into_iter()
        .map(|row| item_from_row(row, work.now))
        .collect()
}

fn batch_from_row(
    row: conversion_batch::Model,
    counts: Counts,
    selection: Option<Selection>,
) -> Result<Batch, StoreError> {
    let keep_open: Vec<KeepOpen> = serde_json::from_value(row.keep_open)?;
    Ok(Batch {
        id: BatchId(row.id),
        tenant: TenantId(row.tenant_id),
        to: super::super::mailboxes::kind(&row.to_kind),
        state: BatchState::parse(&row.state).unwrap_or(BatchState::Paused),
        not_before: row.not_before,
        notify_users: row.notify_users,
        keep_open,
        at_once: row.at_once.and_then(|limit| u32::try_from(limit).ok()),
        reverses: row.reverses.map(BatchId),
        server: row.target_server_id.map(ServerId),
        selection,
        started_by: row.started_by,
        counts,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// A word that this version does not know is read as the one in which nothing is done.
pub(in crate::store) fn item_from_row(
    row: conversion_item::Model,
    now: DateTime<Utc>,
) -> Result<Item, StoreError> {
    let count = |stored: i64| u64::try_from(stored).unwrap_or_default();
    let waiting_for = row.waiting_for.map(|why| match row.next_try_at {
        Some(next) if next > now => {
            let seconds = Ord::max((next - now).num_seconds(), 1);
            format!("{why} Next try in {seconds} s.")
        }
        _ => why,
    });
    Ok(Item {
        id: ItemId(row.id),
        batch: BatchId(row.batch_id),
        tenant: TenantId(row.tenant_id),
        mailbox: MailboxId(row.mailbox_id),
        address: EmailAddress::stored(row.address),
        state: ItemState::parse(&row.state).unwrap_or(ItemState::Failed),
        place: Place::parse(&row.place).unwrap_or(Place::Over),
        way: Way::parse(&row.way).unwrap_or(Way::InPlace),
        from: super::super::mailboxes::kind(&row.from_kind),
        to: super::super::mailboxes::kind(&row.to_kind),
        goes_to: None,
        progress: Progress {
            messages_done: count(row.messages_done),
            messages_total: count(row.messages_total),
            bytes_done: count(row.bytes_done),
            bytes_total: count(row.bytes_total),
        },
        waiting_for,
        error: row.error,
        undo_until: row.undo_until,
        receipt: row.receipt.map(serde_json::from_value).transpose()?,
        started_at: row.started_at,
        finished_at: row.finished_at,
    })
}
