//! Mailboxes that are due, handed out with a lease: nobody else works on one until the lease is
//! given back or runs out, and no transaction is held meanwhile.
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    Condition, Expr, ExprTrait, LockBehavior, LockType, Query, SelectStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select,
};
use secrecy::SecretString;
use uuid::Uuid;

use super::super::mailboxes::{Row, joined};
use super::super::schema::{conversion_item, domain, mailbox, user};
use super::super::{Engine, StoreError};
use super::hours::{has_come, is_ahead, lasts};
use super::{find, update};
use crate::domain::{Mailbox, MailboxId, Place, ServerId};

/// A mailbox as it was asked for, with what only its server is told.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The server's own id of the account, once it is known.
    pub remote_id: Option<String>,
    /// The argon2id PHC string of its user; `None` when nobody signs in with a password.
    pub password_hash: Option<SecretString>,
    /// Proved or vouched for, and enabled.
    pub domain_accepts: bool,
    /// It is to be destroyed.
    pub purge: bool,
    /// Tries that came to nothing since the change was asked for.
    pub attempts: u32,
    /// The last pass was not seen through: it failed, or whoever made it is gone.
    pub interrupted: bool,
}

/// Whether a lease was to be had.
#[derive(Debug)]
pub enum Claim {
    /// It is yours.
    Taken(Box<Asked>),
    /// Somebody else works on it.
    Held,
    /// There is no such mailbox.
    Gone,
}

#[derive(FromQueryResult)]
struct AskedRow {
    #[sea_orm(nested)]
    row: Row,
    domain_proved_at: Option<DateTime<Utc>>,
    domain_vouched: bool,
    user_password_hash: Option<String>,
}

impl AskedRow {
    fn into_asked(self) -> Result<Asked, StoreError> {
        let domain_accepts = self.domain_vouched || self.domain_proved_at.is_some();
        let row = &self.row.mailbox;
        let (remote_id, purge) = (row.remote_id.clone(), row.purge_asked_at.is_some());
        let attempts = u32::try_from(row.attempts).unwrap_or_default();
        let interrupted = attempts > 0 || row.lease_owner.is_some();
        let mailbox = self.row.into_mailbox()?;
        Ok(Asked {
            remote_id,
            password_hash: self.user_password_hash.map(SecretString::from),
            domain_accepts: domain_accepts && mailbox.levels.domain_enabled,
            purge,
            attempts,
            interrupted,
            mailbox,
        })
    }
}

/// Reads mailboxes as they were asked for.
pub(super) async fn asked(
    conn: &impl ConnectionTrait,
    mailboxes: Select<mailbox::Entity>,
) -> Result<Vec<Asked>, StoreError> {
    let rows = joined(mailboxes)
        .join(JoinType::LeftJoin, to_user())
        .column_as(domain::Column::ProvedAt, "domain_proved_at")
        .column_as(domain::Column::Vouched, "domain_vouched")
        .column_as(user::Column::PasswordHash, "user_password_hash")
        .into_model::<AskedRow>()
        .all(conn)
        .await?;
    rows.into_iter().map(AskedRow::into_asked).collect()
}

fn to_user() -> RelationDef {
    mailbox::Entity::belongs_to(user::Entity)
        .from(mailbox::Column::UserId)
        .to(user::Column::Id)
        .into()
}

/// Nobody holds a lease on it at `now`.
pub(super) fn is_free(now: DateTime<Utc>) -> Condition {
    has_come(mailbox::Column::LeaseUntil, now)
}

/// What was asked for is not on the server yet, or not known to be.
pub(super) fn is_waiting(server: ServerId) -> Condition {
    Condition::all()
        .add(mailbox::Column::ServerId.eq(server.0))
        .add(
            Expr::col(mailbox::Column::AskedGeneration)
                .gt(Expr::col(mailbox::Column::SeenGeneration)),
        )
        .add(mailbox::Column::Refused.eq(false))
}

fn is_due(server: ServerId, now: DateTime<Utc>) -> Condition {
    let time = has_come(mailbox::Column::NextTryAt, now);
    is_waiting(server)
        .add(time)
        .add(is_free(now))
        .add(Expr::exists(brings(now)).not())
}

/// The conversion that is about to bring this mailbox itself: to go first would be the same work
/// twice, and would make it wait.
fn brings(now: DateTime<Utc>) -> SelectStatement {
    use conversion_item::Column;
    let of = |column| Expr::col((conversion_item::Entity, column));
    let bringing = Place::BRINGING.map(Place::as_str);
    Query::select()
        .expr(Expr::val(1))
        .from(conversion_item::Entity)
        .and_where(of(Column::Id).equals((mailbox::Entity, mailbox::Column::ConvertingItem)))
        .and_where(of(Column::Place).is_in(bringing))
        .cond_where(is_ahead(Column::LeaseUntil, now))
        .take()
}

/// Leases up to `limit` mailboxes of a server that are due. `SKIP LOCKED` keeps two processes apart
/// on Postgres; `SQLite` drops it silently, and there the write lock of the whole file does.
pub async fn claim(
    engine: &Engine,
    server: ServerId,
    holder: &str,
    lease: Duration,
    limit: u64,
) -> Result<Vec<Asked>, StoreError> {
    let now = engine.clock().now();
    let due = find::<mailbox::Entity>()
        .filter(is_due(server, now))
        .select_only()
        .column(mailbox::Column::Id)
        .order_by_asc(mailbox::Column::NextTryAt)
        .limit(limit);
    let look = due.clone().limit(1).into_tuple::<Uuid>();
    if look.one(&engine.core.conn).await?.is_none() {
        return Ok(vec![]);
    }
    let tx = engine.core.begin_write().await?;
    let ids: Vec<Uuid> = due
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(&tx)
        .await?;
    let these = find::<mailbox::Entity>().filter(mailbox::Column::Id.is_in(ids.iter().copied()));
    let asked = asked(&tx, these).await?;
    lend(holder, now + lease)
        .filter(mailbox::Column::Id.is_in(ids))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(asked)
}

/// Leases one mailbox, due or not.
pub async fn claim_one(
    engine: &Engine,
    mailbox: MailboxId,
    holder: &str,
    lease: Duration,
) -> Result<Claim, StoreError> {
    let now = engine.clock().now();
    let this = find::<mailbox::Entity>().filter(mailbox::Column::Id.eq(mailbox.0));
    let tx = engine.core.begin_write().await?;
    let Some(row) = this.clone().lock_exclusive().one(&tx).await? else {
        return Ok(Claim::Gone);
    };
    if lasts(row.lease_until, now) {
        return Ok(Claim::Held);
    }
    let Some(asked) = asked(&tx, this).await?.pop() else {
        return Ok(Claim::Gone);
    };
    lend(holder, now + lease)
        .filter(mailbox::Column::Id.eq(mailbox.0))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(Claim::Taken(Box::new(asked)))
}

fn lend(holder: &str, until: DateTime<Utc>) -> sea_orm::UpdateMany<mailbox::Entity> {
    update::<mailbox::Entity>()
        .col_expr(mailbox::Column::LeaseOwner, Expr::value(holder))
        .col_expr(mailbox::Column::LeaseUntil, Expr::value(until))
}

/// Makes the leases of `holder` on these mailboxes last from now, and says which of them it still
/// holds.
pub async fn renew(
    engine: &Engine,
    mailboxes: &[MailboxId],
    holder: &str,
    lease: Duration,
) -> Result<HashSet<MailboxId>, StoreError> {
    let mine = Condition::all()
        .add(mailbox::Column::Id.is_in(mailboxes.iter().map(|id| id.0)))
        .add(mailbox::Column::LeaseOwner.eq(holder));
    let until = engine.clock().now() + lease;
    lend(holder, until)
        .filter(mine.clone())
        .exec(&engine.core.conn)
        .await?;
    let ids: Vec<Uuid> = find::<mailbox::Entity>()
        .filter(mine)
        .select_only()
        .column(mailbox::Column::Id)
        .into_tuple()
        .all(&engine.core.conn)
        .await?;
    Ok(ids.into_iter().map(MailboxId).collect())
}

/// Gives back every lease of `holder`, without a word on what came of it.
pub async fn release(engine: &Engine, holder: &str) -> Result<(), StoreError> {
    update::<mailbox::Entity>()
        .col_expr(
            mailbox::Column::LeaseUntil,
            Expr::value(engine.clock().now()),
        )
        .filter(mailbox::Column::LeaseOwner.eq(holder))
        .exec(&engine.core.conn)
        .await?;
    Ok(())
}
