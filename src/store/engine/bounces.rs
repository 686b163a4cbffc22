//! Messages that came back, and the mailbox that they come back to: which process reads it now, and
//! how it fares.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::super::schema::{bounce_mailbox, message};
use super::super::{Engine, StoreError};
use super::hours::has_come;
use super::{delete, find, update};
use crate::domain::message::MessageState;

/// There is one.
const ONLY: i32 = 1;
/// How far the clocks of a mail server and of the panel may be apart.
const CLOCKS: TimeDelta = TimeDelta::minutes(1);

/// How the mailbox fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fares {
    /// Times in a row that it could not be read.
    pub failures: u32,
    /// Why.
    pub problem: Option<String>,
}

/// Makes the mailbox known that the settings name; `None` when they name none. At the start of a
/// panel: what was known of another one is forgotten, and the first look is due at once, as somebody
/// may have mended the settings. Another panel may be reading just then; two that read do no harm.
pub async fn appoint(engine: &Engine, name: Option<&str>) -> Result<(), StoreError> {
    use bounce_mailbox::Column;
    let conn = &engine.core.conn;
    let stale = delete::<bounce_mailbox::Entity>();
    let Some(name) = name else {
        stale.exec(conn).await?;
        return Ok(());
    };
    stale.filter(Column::Name.ne(name)).exec(conn).await?;
    let row = bounce_mailbox::ActiveModel {
        id: Set(ONLY),
        name: Set(name.to_owned()),
        failures: Set(0),
        ..Default::default()
    };
    insert(engine, row).await?;
    update::<bounce_mailbox::Entity>()
        .col_expr(
            Column::NextLookAt,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .exec(conn)
        .await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the mailbox belongs to the panel, not to a tenant"
)]
async fn insert(engine: &Engine, row: bounce_mailbox::ActiveModel) -> Result<(), StoreError> {
    let once = OnConflict::column(bounce_mailbox::Column::Id)
        .do_nothing()
        .to_owned();
    bounce_mailbox::Entity::insert(row)
        .on_conflict(once)
        .exec_without_returning(&engine.core.conn)
        .await?;
    Ok(())
}

/// Takes the look that is due, so that two processes do not both read; what a dead one was reading
/// is due again after `lease`.
pub async fn begin(engine: &Engine, lease: Duration) -> Result<Option<Fares>, StoreError> {
    use bounce_mailbox::Column;
    let now = engine.clock().now();
    let conn = &engine.core.conn;
    let due = has_come(Column::NextLookAt, now);
    let query = find::<bounce_mailbox::Entity>().filter(due.clone());
    let Some(row) = query.one(conn).await? else {
        return Ok(None);
    };
    let taken = update::<bounce_mailbox::Entity>()
        .col_expr(Column::NextLookAt, Expr::value(now + lease))
        .filter(due)
        .exec(conn)
        .await?;
    Ok((taken.rows_affected == 1).then(|| Fares {
        failures: u32::try_from(row.failures).unwrap_or_default(),
        problem: row.problem,
    }))
}

/// Makes the look that was taken last from now, as long as nobody has ended it: a panel that starts
/// makes a look due at once ([`appoint`]). One that was renewed too late belongs to somebody else by
/// now, and lasts longer: two that read do no harm.
pub async fn renew(engine: &Engine, lease: Duration) -> Result<(), StoreError> {
    use bounce_mailbox::Column;
    let now = engine.clock().now();
    update::<bounce_mailbox::Entity>()
        .col_expr(Column::NextLookAt, Expr::value(now + lease))
        .filter(Column::NextLookAt.gt(now))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}

/// It was read; the next look after `pause`.
pub async fn read(engine: &Engine, pause: Duration) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let row = bounce_mailbox::ActiveModel {
        problem: Set(None),
        problem_since: Set(None),
        failures: Set(0),
        read_at: Set(Some(now)),
        next_look_at: Set(Some(now + pause)),
        ..Default::default()
    };
    let write = update::<bounce_mailbox::Entity>().set(row);
    write.exec(&engine.core.conn).await?;
    Ok(())
}

/// It could not be read, and why; the next look after `pause`.
pub async fn failed(engine: &Engine, problem: &str, pause: Duration) -> Result<(), StoreError> {
    use bounce_mailbox::Column;
    let now = engine.clock().now();
    let since = Expr::col(Column::ProblemSince).if_null(now);
    update::<bounce_mailbox::Entity>()
        .col_expr(Column::Problem, Expr::value(problem))
        .col_expr(Column::ProblemSince, since)
        .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
        .col_expr(Column::NextLookAt, Expr::value(now + pause))
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(())
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// The message is bounced from now on.
    Bounced,
    /// Nothing is to be done: it is none of ours, has bounced before, or was sent again since.
    Nothing,
    /// The message is just being handed over: it can be said once that is through.
    NotYet,
}

/// Notes that a message came back at `at`, with what was said. Only what was handed over can come
/// back; doing it again changes nothing. A message is sent again under the same `Message-ID`: a
/// notification that is older than the last try, or that it bounced by before, says nothing of it.
pub async fn bounced(
    engine: &Engine,
    message_id: &str,
    said: &str,
    at: DateTime<Utc>,
) -> Result<Noted, StoreError> {
    use message::Column;
    let Some(id) = id_in(message_id) else {
        return Ok(Noted::Nothing);
    };
    let conn = &engine.core.conn;
    let this = Condition::all()
        .add(Column::Id.eq(id))
        .add(Column::MessageId.eq(message_id));
    let over = [MessageState::Sent, MessageState::Unsure].map(MessageState::as_str);
    let of_last_try = Condition::any()
        .add(Column::SentAt.is_null())
        .add(Column::SentAt.lte(at + CLOCKS));
    let new = Condition::any()
        .add(Column::ReturnedAt.is_null())
        .add(Column::ReturnedAt.lt(at));
    let done = update::<message::Entity>()
        .col_expr(Column::State, MessageState::Bounced.as_str().into())
        .col_expr(Column::Said, Expr::value(said))
        .col_expr(Column::ReturnedAt, Expr::value(at))
        .col_expr(
            Column::NextTryAt,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(Column::UpdatedAt, Expr::value(engine.clock().now()))
        .filter(this.clone())
        .filter(Column::State.is_in(over))
        .filter(of_last_try)
        .filter(new)
        .exec(conn)
        .await?;
    if done.rows_affected > 0 {
        engine.bell().ring();
        return Ok(Noted::Bounced);
    }
    let sending = find::<message::Entity>()
        .filter(this)
        .filter(Column::State.eq(MessageState::Sending.as_str()));
    let sending = sending.one(conn).await?.is_some();
    Ok(if sending {
        Noted::NotYet
    } else {
        Noted::Nothing
    })
}

/// The id that a `Message-ID` of ours begins with.
fn id_in(message_id: &str) -> Option<Uuid> {
    let (id, _) = message_id.strip_prefix('<')?.split_once('@')?;
    id.parse().ok()
}
