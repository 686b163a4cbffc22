//! Answers kept for requests that may be sent twice (API.md, `Idempotency-Key`).
//!
//! The key is reserved in the transaction of the change, so that both land or neither does, and
//! what the change made is written beside it; the answer is added afterwards, when it is known. A
//! panel that dies in between leaves a key without an answer: whoever asks again learns what was
//! made.
use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::Expr};
use serde_json::Value;

use super::schema::idempotency_key;
use super::{Db, StoreError, Work};
use crate::authz::{Actor, Permission};
use crate::domain::ids::EventId;

/// How long a key is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// An answer that is not there after this will never come: nothing in a request waits so long.
const LOST_AFTER: TimeDelta = TimeDelta::seconds(30);

/// What is known about a key.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The digest of the request that came with the key first.
    pub request_hash: String,
    /// The HTTP status of its answer; `None` when the change was made but its answer is not known:
    /// the panel stopped in between, or is still writing it.
    pub status: Option<u16>,
    /// The headers of its answer, as the web room wrote them.
    pub headers: Option<Value>,
    /// The body of its answer; without a status, what the change made, as a path names it.
    pub body: Option<String>,
    /// Whether the answer will never come: the panel stopped before it was kept.
    pub lost: bool,
}

/// Whose keys these are: one actor's key means nothing to another.
#[must_use]
pub fn scope_of(actor: &Actor) -> String {
    match actor {
        Actor::Member { id, .. } => format!("member:{id}"),
        Actor::Key { id, .. } => format!("key:{id}"),
        Actor::System { part } => format!("system:{part}"),
    }
}

/// What is known about a key of that scope.
#[expect(clippy::disallowed_methods, reason = "keys belong to an actor")]
pub async fn find(db: &Db, scope: &str, key: &str) -> Result<Option<Kept>, StoreError> {
    let row = idempotency_key::Entity::find()
        .filter(idempotency_key::Column::Scope.eq(scope))
        .filter(idempotency_key::Column::Key.eq(key))
        .filter(idempotency_key::Column::ExpiresAt.gt(db.now()))
        .one(&db.core.conn)
        .await?;
    let now = db.now();
    Ok(row.map(|row| Kept {
        // Whichever way the clock has been set meanwhile.
        lost: row.status.is_none() && (now - row.created_at).abs() > LOST_AFTER,
        request_hash: row.request_hash,
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        headers: row.headers,
        body: row.body,
    }))
}

/// Adds the answer to a key that was reserved; does nothing when there is none.
#[expect(clippy::disallowed_methods, reason = "keys belong to an actor")]
pub async fn keep(
    db: &Db,
    scope: &str,
    key: &str,
    status: u16,
    headers: Value,
    body: &str,
) -> Result<(), StoreError> {
    idempotency_key::Entity::update_many()
        .col_expr(
            idempotency_key::Column::Status,
            Expr::value(i32::from(status)),
        )
        .col_expr(idempotency_key::Column::Headers, Expr::value(headers))
        .col_expr(idempotency_key::Column::Body, Expr::value(body))
        .filter(idempotency_key::Column::Scope.eq(scope))
        .filter(idempotency_key::Column::Key.eq(key))
        .exec(&db.core.conn)
        .await?;
    Ok(())
}

/// Notes beside the key of this request, if it has one, what its change made.
#[expect(clippy::disallowed_methods, reason = "keys belong to an actor")]
pub(super) async fn note_made<P: Permission>(work: &Work<P>, made: &str) -> Result<(), StoreError> {
    let Some((key, _)) = &work.facts.idempotency else {
        return Ok(());
    };
    idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Body, Expr::value(made))
        .filter(idempotency_key::Column::Scope.eq(scope_of(&work.actor)))
        .filter(idempotency_key::Column::Key.eq(key.as_str()))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// Writes the key of this request, if it has one, so that it lands with the change; a key that was
/// committed before is [`StoreError::Repeated`], whatever came with it. Of two at once the second
/// waits here until the first is through.
#[expect(clippy::disallowed_methods, reason = "keys belong to an actor")]
pub(super) async fn reserve<P: Permission>(work: &Work<P>) -> Result<(), StoreError> {
    let Some((key, request_hash)) = &work.facts.idempotency else {
        return Ok(());
    };
    let scope = scope_of(&work.actor);
    idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::Scope.eq(scope.as_str()))
        .filter(idempotency_key::Column::Key.eq(key.as_str()))
        .filter(idempotency_key::Column::ExpiresAt.lte(work.now()))
        .exec(&work.scoped.tx)
        .await?;
    let row = idempotency_key::ActiveModel {
        id: Set(EventId::new().0),
        scope: Set(scope),
        key: Set(key.clone()),
        request_hash: Set(request_hash.clone()),
        status: Set(None),
        headers: Set(None),
        body: Set(None),
        created_at: Set(work.now()),
        expires_at: Set(work.now() + KEPT),
    };
    match row.insert(&work.scoped.tx).await.map_err(StoreError::from) {
        Err(StoreError::Taken(_)) => Err(StoreError::Repeated),
        inserted => inserted.map(|_| ()),
    }
}
