//! A new batch with its items.
use chrono::{DateTime, Utc};
use sea_orm::Set;
use serde_json::json;

use super::super::schema::{conversion_batch, conversion_item};
use super::super::{StoreError, Work};
use super::{Facts, Trail, again};
use crate::authz::{ConvertMailboxes, Includes, Mutates};
use crate::domain::conversion::{KeepOpen, pre_check};
use crate::domain::{BatchId, BatchState, ItemId, ItemState, Kind, Place, PlanId, ServerId, Way};

/// Rows in one statement: each has some thirty values, and SQLite takes 32,766 of them.
const ROWS: usize = 500;

/// What a new batch is made of.
#[derive(Debug)]
pub struct Start<'a> {
    /// The target kind.
    pub to: Kind,
    /// Not before then.
    pub not_before: Option<DateTime<Utc>>,
    /// Whether the users are told by mail.
    pub notify_users: bool,
    /// What stays open for a while.
    pub keep_open: &'a [KeepOpen],
    /// How many may be under way at once.
    pub at_once: Option<u32>,
    /// The batch that it undoes.
    pub reverses: Option<BatchId>,
    /// The server that a draft's mailboxes are to be on; of what is started at once, each item
    /// has its own.
    pub server: Option<ServerId>,
}

/// Writes the batch for the tenant that the path names; its mailboxes follow by [`add`].
pub async fn open<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    start: &Start<'_>,
) -> Result<BatchId, StoreError> {
    let waits = start.not_before.is_some_and(|then| work.now < then);
    let state = if waits {
        BatchState::Scheduled
    } else {
        BatchState::Running
    };
    write(work, start, state).await
}

/// The row of a batch, in the state in which it begins.
pub(super) async fn write<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    start: &Start<'_>,
    state: BatchState,
) -> Result<BatchId, StoreError> {
    let id = BatchId::new();
    let batch = conversion_batch::ActiveModel {
        id: Set(id.0),
        to_kind: Set(start.to.as_str().to_owned()),
        state: Set(state.as_str().to_owned()),
        not_before: Set(start.not_before),
        notify_users: Set(start.notify_users),
        keep_open: Set(json!(start.keep_open)),
        at_once: Set(stored(start.at_once)),
        reverses: Set(start.reverses.map(|batch| batch.0)),
        target_server_id: Set(start.server.map(|server| server.0)),
        started_by: Set(work.actor().label().to_owned()),
        created_at: Set(work.now),
        finished_at: Set(None),
        updated_at: Set(work.now),
        ..Default::default()
    };
    work.scoped
        .insert::<conversion_batch::Entity, _>(batch)
        .await?;
    Ok(id)
}

/// How the limit of a batch is kept.
pub(super) fn stored(at_once: Option<u32>) -> Option<i32> {
    at_once.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

/// Writes the items of these mailboxes, each with the plan it gets, for the tenant of its mailbox.
pub async fn add<P: Includes<ConvertMailboxes> + Mutates>(
    work: &Work<P>,
    batch: BatchId,
    to: Kind,
    mailboxes: &[(Facts, PlanId)],
) -> Result<(), StoreError> {
    let mut rows = mailboxes.iter().collect::<Vec<_>>();
    rows.sort_by_key(|(facts, _)| facts.mailbox.tenant);
    for same_tenant in rows.chunk_by(|(a, _), (b, _)| a.mailbox.tenant == b.mailbox.tenant) {
        let tenant = same_tenant[0].0.mailbox.tenant;
        for some in same_tenant.chunks(ROWS) {
            let items = some.iter().map(|one| item(work, batch, to, one));
            work.scoped
                .insert_many_for::<conversion_item::Entity, _>(tenant, items.collect())
                .await?;
            again::note(work, some.iter().map(|(facts, _)| facts.mailbox.id.0)).await?;
        }
    }
    Ok(())
}

fn item<P: Includes<ConvertMailboxes>>(
    work: &Work<P>,
    batch: BatchId,
    to: Kind,
    (facts, plan): &(Facts, PlanId),
) -> conversion_item::ActiveModel {
    let mailbox = &facts.mailbox;
    let way = pre_check::way_of(facts.subject(), to).unwrap_or(Way::InPlace);
    conversion_item::ActiveModel {
        id: Set(ItemId::new().0),
        batch_id: Set(batch.0),
        mailbox_id: Set(mailbox.id.0),
        address: Set(mailbox.address.as_str().to_owned()),
        state: Set(ItemState::Queued.as_str().to_owned()),
        place: Set(Place::Check.as_str().to_owned()),
        way: Set(way.as_str().to_owned()),
        from_kind: Set(mailbox.kind.as_str().to_owned()),
        to_kind: Set(to.as_str().to_owned()),
        was: Set(json!(Trail::default())),
        plan_id: Set(plan.0),
        target_server_id: Set(facts.wanted().map(|server| server.0)),
        messages_done: Set(0),
        messages_total: Set(mailbox.messages),
        bytes_done: Set(0),
        bytes_total: Set(mailbox.used_bytes),
        waiting_for: Set(None),
        error: Set(None),
        undo_until: Set(None),
        receipt: Set(None),
        attempts: Set(0),
        next_try_at: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        started_at: Set(None),
        finished_at: Set(None),
        created_at: Set(work.now),
        updated_at: Set(work.now),
        ..Default::default()
    }
}
