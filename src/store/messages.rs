//! Messages that the panel sends, as people see them, and sending one again. The engine makes and
//! sends them: [`super::engine::messages`].
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait as _, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::schema::{bounce_mailbox, message};
use super::{StoreError, Work};
use crate::authz::{Includes, Permission, SendMessages, ViewMessages};
use crate::domain::message::{BounceMailbox, Letter, Message, MessageState, Moment};
use crate::domain::{BatchId, EmailAddress, MailboxId, MessageId, Page, PageRequest, TenantId};

/// Which messages.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only in that state.
    pub state: Option<MessageState>,
    /// Only about that conversion.
    pub batch: Option<BatchId>,
    /// Only about that mailbox.
    pub mailbox: Option<MailboxId>,
}

/// Messages within reach, newest first, without what they say.
pub async fn list<P: Includes<ViewMessages>>(
    work: &Work<P>,
    filter: &MessageFilter,
    page: &PageRequest,
) -> Result<Page<Message>, StoreError> {
    use message::Column;
    let mut rows = about(work, filter);
    if let Some(state) = filter.state {
        rows = rows.filter(Column::State.eq(state.as_str()));
    }
    let total = rows.clone().count(&work.scoped.tx).await?;
    let last = page.after.as_deref().and_then(|after| after.first());
    if let Some(id) = last.and_then(|id| id.parse::<Uuid>().ok()) {
        rows = rows.filter(Column::Id.lt(id));
    }
    let rows = rows
        .order_by_desc(Column::Id)
        .limit(u64::from(page.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, page, total, |row| vec![row.id.to_string()]);
    Ok(Page {
        items: page.items.into_iter().map(message_from_row).collect(),
        next: page.next,
        total: page.total,
    })
}

/// How many messages within reach are in which state.
pub async fn counts<P: Includes<ViewMessages>>(
    work: &Work<P>,
    filter: &MessageFilter,
) -> Result<HashMap<MessageState, u64>, StoreError> {
    let rows: Vec<(String, i64)> = about(work, filter)
        .select_only()
        .column(message::Column::State)
        .column_as(message::Column::Id.count(), "messages")
        .group_by(message::Column::State)
        .into_tuple()
        .all(&work.scoped.tx)
        .await?;
    let counts = rows.into_iter().filter_map(|(state, count)| {
        Some((MessageState::parse(&state)?, u64::try_from(count).ok()?))
    });
    Ok(counts.collect())
}

fn about<P: Includes<ViewMessages>>(
    work: &Work<P>,
    filter: &MessageFilter,
) -> sea_orm::Select<message::Entity> {
    let mut rows = work.scoped.find::<message::Entity>();
    if let Some(batch) = filter.batch {
        rows = rows.filter(message::Column::BatchId.eq(batch.0));
    }
    if let Some(mailbox) = filter.mailbox {
        rows = rows.filter(message::Column::MailboxId.eq(mailbox.0));
    }
    rows
}

/// One message within reach.
pub async fn find<P: Includes<ViewMessages>>(
    work: &Work<P>,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let rows = work.scoped.find::<message::Entity>();
    let row = rows
        .filter(message::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    Ok(row.map(message_from_row))
}

/// The mailbox that bounces come back to, if one is read.
pub async fn bounce_mailbox<P: Includes<ViewMessages>>(
    work: &Work<P>,
) -> Result<Option<BounceMailbox>, StoreError> {
    let row = the_bounce_mailbox(work).await?;
    Ok(row.map(|row| BounceMailbox {
        name: row.name,
        problem: row.problem,
        problem_since: row.problem_since,
        read_at: row.read_at,
    }))
}

/// Why it cannot be read, and since when.
pub(super) async fn bounces_unread<P: Permission>(
    work: &Work<P>,
) -> Result<Option<(String, DateTime<Utc>)>, StoreError> {
    let row = the_bounce_mailbox(work).await?;
    Ok(row.and_then(|row| row.problem.zip(row.problem_since)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "it belongs to the panel, and letters of every tenant come back to it"
)]
async fn the_bounce_mailbox<P: Permission>(
    work: &Work<P>,
) -> Result<Option<bounce_mailbox::Model>, StoreError> {
    Ok(bounce_mailbox::Entity::find().one(&work.scoped.tx).await?)
}

/// Queues a message that bounced, or whose fate nobody knows, once more. Says whether it did.
pub async fn send_again<P: Includes<SendMessages>>(
    work: &Work<P>,
    id: MessageId,
) -> Result<bool, StoreError> {
    use message::Column;
    let over = [MessageState::Bounced, MessageState::Unsure].map(MessageState::as_str);
    let done = work
        .scoped
        .update::<message::Entity>()
        .col_expr(Column::State, MessageState::Waiting.as_str().into())
        .col_expr(Column::Attempts, 0.into())
        .col_expr(Column::NextTryAt, Expr::value(work.now))
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(Column::UpdatedAt, Expr::value(work.now))
        .filter(Column::Id.eq(id.0))
        .filter(Column::State.is_in(over))
        .exec(&work.scoped.tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// A word that this version does not know is read as the one in which nothing is done.
pub(super) fn message_from_row(row: message::Model) -> Message {
    let letter = match (row.sender, row.subject, row.body_text, row.body_html) {
        (Some(sender), Some(subject), Some(text), Some(html)) => Some(Letter {
            sender,
            subject,
            text,
            html,
        }),
        _ => None,
    };
    let state = MessageState::parse(&row.state).unwrap_or(MessageState::Dropped);
    Message {
        id: MessageId(row.id),
        tenant: TenantId(row.tenant_id),
        batch: row.batch_id.map(BatchId),
        mailbox: row.mailbox_id.map(MailboxId),
        moment: Moment::parse(&row.moment).unwrap_or(Moment::After),
        recipient: EmailAddress::stored(row.recipient),
        message_id: row.message_id,
        state,
        said: row.said,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        next_try_at: row.next_try_at,
        letter,
        sent_at: row.sent_at,
        returned_at: row.returned_at.filter(|_| state == MessageState::Bounced),
        created_at: row.created_at,
    }
}
