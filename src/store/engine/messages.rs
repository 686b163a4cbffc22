//! The outbox: what is to be told to whom, each thing once; handed out with a lease, and what
//! became of it.
//!
//! A row is made by looking at what is there (a batch whose users are told, a mailbox whose time
//! ends), not by whoever changed it, so that nothing is forgotten when a process dies in between.
//! Its key is unique: looking twice makes one row.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Set,
    UpdateMany,
};
use uuid::Uuid;

use super::super::conversions::not_over;
use super::super::messages::message_from_row;
use super::super::schema::{
    conversion_batch, conversion_item, mailbox, member, membership, message, tenant,
};
use super::super::{Engine, StoreError};
use super::{find, update};
use crate::authz::Role;
use crate::domain::message::{Letter, Message, MessageState, Moment};
use crate::domain::{BatchState, ItemState, MailboxId, MessageId, ServerId, TenantId};

/// Rows made in one step.
const CHUNK: u64 = 500;
/// Owners are told of a conversion that was done within this time.
const STILL_NEWS: TimeDelta = TimeDelta::days(7);
/// Admins are told this long before the end of a kept mailbox.
pub const WARNED: TimeDelta = TimeDelta::days(7);

/// Makes the messages of conversions whose users are told, `host` in their `Message-ID`. Says how
/// many.
pub async fn tell_of_conversions(engine: &Engine, host: &str) -> Result<u64, StoreError> {
    let before = conversions(engine, Moment::Before, host).await?;
    Ok(before + conversions(engine, Moment::After, host).await?)
}

async fn conversions(engine: &Engine, moment: Moment, host: &str) -> Result<u64, StoreError> {
    use conversion_item::Column;
    let now = engine.clock().now();
    let to_batch = conversion_item::Entity::belongs_to(conversion_batch::Entity)
        .from(Column::BatchId)
        .to(conversion_batch::Column::Id)
        .into();
    let due = match moment {
        Moment::Before => Condition::all()
            .add(
                conversion_batch::Column::State
                    .is_in([BatchState::Scheduled, BatchState::Running].map(BatchState::as_str)),
            )
            .add(not_over()),
        _ => Condition::all()
            .add(Column::State.eq(ItemState::Done.as_str()))
            .add(Column::FinishedAt.gt(now - STILL_NEWS)),
    };
    let rows: Vec<(Uuid, Uuid, Uuid, String)> = find::<conversion_item::Entity>()
        .join(JoinType::InnerJoin, to_batch)
        .filter(conversion_batch::Column::NotifyUsers.eq(true))
        .filter(due)
        .filter(Expr::exists(told_already(moment)).not())
        .order_by_asc(Column::Id)
        .limit(CHUNK)
        .select_only()
        .columns([
            Column::TenantId,
            Column::BatchId,
            Column::MailboxId,
            Column::Address,
        ])
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let new = rows.into_iter().map(|(tenant, batch, mailbox, address)| {
        let key = format!("{batch}/{mailbox}/{}", moment.as_str());
        message::ActiveModel {
            tenant_id: Set(tenant),
            batch_id: Set(Some(batch)),
            mailbox_id: Set(Some(mailbox)),
            ..new(moment, key, address, host, now)
        }
    });
    insert(engine, new.collect()).await
}

/// A message of that moment about the batch and the mailbox of an item.
fn told_already(moment: Moment) -> sea_orm::sea_query::SelectStatement {
    let told = Alias::new("told");
    let of_told = |column| Expr::col((told.clone(), column));
    let of_item = |column| Expr::col((conversion_item::Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(message::Entity, told.clone())
        .and_where(of_told(message::Column::BatchId).eq(of_item(conversion_item::Column::BatchId)))
        .and_where(
            of_told(message::Column::MailboxId).eq(of_item(conversion_item::Column::MailboxId)),
        )
        .and_where(of_told(message::Column::Moment).eq(moment.as_str()))
        .to_owned()
}

/// Makes the messages about kept mailboxes whose time ends within a week: one for each customer,
/// admin and day on which mailboxes end. Says how many.
pub async fn tell_of_endings(engine: &Engine, host: &str) -> Result<u64, StoreError> {
    let now = engine.clock().now();
    let ends: Vec<(Uuid, DateTime<Utc>)> = find::<mailbox::Entity>()
        .filter(mailbox::Column::PurgeAfter.gt(now))
        .filter(mailbox::Column::PurgeAfter.lte(now + WARNED))
        .filter(mailbox::Column::PurgeAskedAt.is_null())
        .select_only()
        .columns([mailbox::Column::TenantId, mailbox::Column::PurgeAfter])
        .distinct()
        .order_by_asc(mailbox::Column::PurgeAfter)
        .limit(10_000)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let mut days: Vec<(Uuid, String)> = ends
        .into_iter()
        .map(|(tenant, at)| (tenant, at.format("%Y-%m-%d").to_string()))
        .collect();
    days.sort_unstable();
    days.dedup();
    let mut made = 0;
    for (tenant, day) in days {
        let mut fresh = vec![];
        for email in admins(engine, tenant).await? {
            let key = format!("ending/{tenant}/{day}/{email}");
            let known = find::<message::Entity>().filter(message::Column::Key.eq(key.as_str()));
            if known.one(&engine.core.conn).await?.is_none() {
                fresh.push(message::ActiveModel {
                    tenant_id: Set(tenant),
                    batch_id: Set(None),
                    mailbox_id: Set(None),
                    ..new(Moment::Retention, key, email, host, now)
                });
            }
        }
        made += insert(engine, fresh).await?;
    }
    Ok(made)
}

/// Who manages a tenant: its own admins and owners, or those of the nearest one above that has any.
async fn admins(engine: &Engine, id: Uuid) -> Result<Vec<String>, StoreError> {
    let path: Option<String> = find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(id))
        .select_only()
        .column(tenant::Column::Path)
        .into_tuple()
        .one(&engine.core.conn)
        .await?;
    let path = path.unwrap_or_default();
    let chain = path.split('/').filter_map(|id| id.parse::<Uuid>().ok());
    for tenant in chain.collect::<Vec<_>>().into_iter().rev() {
        let to_member = membership::Entity::belongs_to(member::Entity)
            .from(membership::Column::MemberId)
            .to(member::Column::Id)
            .into();
        let emails: Vec<String> = find::<membership::Entity>()
            .join(JoinType::InnerJoin, to_member)
            .filter(membership::Column::TenantId.eq(tenant))
            .filter(membership::Column::Role.is_in([Role::Admin, Role::Owner].map(Role::as_str)))
            .select_only()
            .column(member::Column::Email)
            .order_by_asc(member::Column::Email)
            .into_tuple()
            .all(&engine.core.conn)
            .await?;
        if !emails.is_empty() {
            return Ok(emails);
        }
    }
    Ok(vec![])
}

fn new(
    moment: Moment,
    key: String,
    recipient: String,
    host: &str,
    now: DateTime<Utc>,
) -> message::ActiveModel {
    let id = MessageId::new().0;
    message::ActiveModel {
        id: Set(id),
        moment: Set(moment.as_str().to_owned()),
        key: Set(key),
        recipient: Set(recipient),
        message_id: Set(format!("<{id}@{host}>")),
        sender: Set(None),
        subject: Set(None),
        body_text: Set(None),
        body_html: Set(None),
        state: Set(MessageState::Waiting.as_str().to_owned()),
        said: Set(None),
        attempts: Set(0),
        next_try_at: Set(Some(now)),
        lease_owner: Set(None),
        lease_until: Set(None),
        sent_at: Set(None),
        returned_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "each row bears the tenant of what it is about"
)]
async fn insert(engine: &Engine, rows: Vec<message::ActiveModel>) -> Result<u64, StoreError> {
    let count = rows.len() as u64;
    if count == 0 {
        return Ok(0);
    }
    let once = OnConflict::column(message::Column::Key)
        .do_nothing()
        .to_owned();
    message::Entity::insert_many(rows)
        .on_conflict(once)
        .exec_without_returning(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(count)
}

/// A message under a lease.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The message.
    pub message: Message,
    /// What it is about, unique.
    pub key: String,
    /// The name of the lease.
    pub lease: String,
}

/// Leases messages that are due, at most `limit`. The name is of this claim alone.
pub async fn claim(
    engine: &Engine,
    owner: &str,
    lease: Duration,
    limit: u64,
) -> Result<Vec<Outgoing>, StoreError> {
    due(engine, owner, lease, MessageState::Waiting, limit).await
}

/// Leases messages whose fate nobody knows and that are due for a look.
pub async fn claim_unsure(
    engine: &Engine,
    owner: &str,
    lease: Duration,
    limit: u64,
) -> Result<Vec<Outgoing>, StoreError> {
    due(engine, owner, lease, MessageState::Unsure, limit).await
}

async fn due(
    engine: &Engine,
    owner: &str,
    lease: Duration,
    state: MessageState,
    limit: u64,
) -> Result<Vec<Outgoing>, StoreError> {
    use message::Column;
    let now = engine.clock().now();
    let free = Condition::any()
        .add(Column::LeaseUntil.is_null())
        .add(Column::LeaseUntil.lte(now));
    let query = find::<message::Entity>()
        .filter(Column::State.eq(state.as_str()))
        .filter(Column::NextTryAt.lte(now))
        .filter(free);
    // Most of the time nothing is due, and looking takes no lock.
    if query.clone().one(&engine.core.conn).await?.is_none() {
        return Ok(vec![]);
    }
    let tx = engine.core.begin_write().await?;
    let rows = query
        .order_by_asc(Column::NextTryAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(&tx)
        .await?;
    update::<message::Entity>()
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    let outgoing = rows.into_iter().map(|row| Outgoing {
        key: row.key.clone(),
        lease: owner.to_owned(),
        message: message_from_row(row),
    });
    Ok(outgoing.collect())
}

/// What was being handed over by a process that is gone may have arrived: from now on nobody knows,
/// and somebody looks. Says how many.
pub async fn cut_off(engine: &Engine) -> Result<u64, StoreError> {
    use message::Column;
    let now = engine.clock().now();
    let gone = Condition::all()
        .add(Column::State.eq(MessageState::Sending.as_str()))
        .add(Column::LeaseUntil.lte(now));
    if find::<message::Entity>()
        .filter(gone.clone())
        .one(&engine.core.conn)
        .await?
        .is_none()
    {
        return Ok(0);
    }
    let done = update::<message::Entity>()
        .col_expr(Column::State, MessageState::Unsure.as_str().into())
        .col_expr(Column::Attempts, 0.into())
        .col_expr(Column::NextTryAt, Expr::value(now))
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(gone)
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(done.rows_affected)
}

/// Saves what the message says, before it is sent for the first time.
pub async fn write(engine: &Engine, one: &Outgoing, letter: &Letter) -> Result<bool, StoreError> {
    use message::Column;
    let done = held(one)
        .col_expr(Column::Sender, Expr::value(letter.sender.as_str()))
        .col_expr(Column::Subject, Expr::value(letter.subject.as_str()))
        .col_expr(Column::BodyText, Expr::value(letter.text.as_str()))
        .col_expr(Column::BodyHtml, Expr::value(letter.html.as_str()))
        .exec(&engine.core.conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Renews the leases of this name.
pub async fn renew(engine: &Engine, name: &str, lease: Duration) -> Result<(), StoreError> {
    use message::Column;
    update::<message::Entity>()
        .col_expr(
            Column::LeaseUntil,
            Expr::value(engine.clock().now() + lease),
        )
        .filter(Column::LeaseOwner.eq(name))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}

/// Notes that from now on it may have arrived. Says whether the lease still holds: only then may
/// the text be sent.
pub async fn sending(engine: &Engine, one: &Outgoing, lease: Duration) -> Result<bool, StoreError> {
    use message::Column;
    let now = engine.clock().now();
    let done = held(one)
        .col_expr(Column::State, MessageState::Sending.as_str().into())
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::State.eq(MessageState::Waiting.as_str()))
        .exec(&engine.core.conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was taken.
    Sent,
    /// It was surely not taken; again then. Whether the try counts.
    Again(DateTime<Utc>, bool),
    /// It will never be taken.
    Bounced,
    /// Nobody knows; a look then, or none.
    Unsure(Option<DateTime<Utc>>),
    /// It has nothing to say any more.
    Dropped,
}

/// Saves what became of it, with what was said, and gives the lease back.
pub async fn settle(
    engine: &Engine,
    one: &Outgoing,
    fate: &Fate,
    said: &str,
) -> Result<(), StoreError> {
    use message::Column;
    let now = engine.clock().now();
    let (state, next) = match fate {
        Fate::Sent => (MessageState::Sent, None),
        Fate::Again(at, _) => (MessageState::Waiting, Some(*at)),
        Fate::Bounced => (MessageState::Bounced, None),
        Fate::Unsure(look) => (MessageState::Unsure, *look),
        Fate::Dropped => (MessageState::Dropped, None),
    };
    let mut change = held(one)
        .col_expr(Column::State, state.as_str().into())
        .col_expr(Column::Said, Expr::value(said))
        .col_expr(Column::NextTryAt, Expr::value(next))
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(
            Column::LeaseUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if matches!(fate, Fate::Sent) {
        change = change.col_expr(Column::SentAt, Expr::value(now));
    }
    if matches!(fate, Fate::Bounced) {
        // An earlier try may have come back; this one was refused.
        change = change.col_expr(
            Column::ReturnedAt,
            Expr::value(Option::<DateTime<Utc>>::None),
        );
    }
    if matches!(fate, Fate::Again(_, true) | Fate::Unsure(_)) {
        change = change.col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1));
    }
    change.exec(&engine.core.conn).await?;
    engine.bell().ring();
    Ok(())
}

fn held(one: &Outgoing) -> UpdateMany<message::Entity> {
    update::<message::Entity>()
        .filter(message::Column::Id.eq(one.message.id.0))
        .filter(message::Column::LeaseOwner.eq(one.lease.as_str()))
}

/// The server that holds a mailbox.
pub async fn server_of(engine: &Engine, id: MailboxId) -> Result<Option<ServerId>, StoreError> {
    let id: Option<Uuid> = find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.eq(id.0))
        .select_only()
        .column(mailbox::Column::ServerId)
        .into_tuple()
        .one(&engine.core.conn)
        .await?;
    Ok(id.map(ServerId))
}

/// Kept mailboxes whose time is over.
pub async fn ended(engine: &Engine, limit: u64) -> Result<Vec<(TenantId, MailboxId)>, StoreError> {
    let rows: Vec<(Uuid, Uuid)> = find::<mailbox::Entity>()
        .filter(mailbox::Column::PurgeAfter.lte(engine.clock().now()))
        .filter(mailbox::Column::RetainedAt.is_not_null())
        .filter(mailbox::Column::PurgeAskedAt.is_null())
        .filter(mailbox::Column::ConvertingItem.is_null())
        .order_by_asc(mailbox::Column::PurgeAfter)
        .limit(limit)
        .select_only()
        .columns([mailbox::Column::TenantId, mailbox::Column::Id])
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    let ids = rows
        .into_iter()
        .map(|(tenant, id)| (TenantId(tenant), MailboxId(id)));
    Ok(ids.collect())
}
