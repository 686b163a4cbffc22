//! Rows that only wait for their end: sessions, idempotency keys, throttles.
use sea_orm::{ColumnTrait, Condition, QueryFilter};

use super::super::schema::{idempotency_key, session, sign_in_throttle};
use super::super::{Engine, StoreError};
use super::delete;

/// Deletes what has expired; says how many rows it was.
pub async fn delete_expired(engine: &Engine) -> Result<u64, StoreError> {
    let now = engine.clock().now();
    let conn = &engine.core.conn;
    let sessions = delete::<session::Entity>()
        .filter(session::Column::ExpiresAt.lte(now))
        .exec(conn)
        .await?;
    let keys = delete::<idempotency_key::Entity>()
        .filter(idempotency_key::Column::ExpiresAt.lte(now))
        .exec(conn)
        .await?;
    let unblocked = Condition::any()
        .add(sign_in_throttle::Column::BlockedUntil.is_null())
        .add(sign_in_throttle::Column::BlockedUntil.lte(now));
    let throttles = delete::<sign_in_throttle::Entity>()
        .filter(sign_in_throttle::Column::WindowEndsAt.lte(now))
        .filter(unblocked)
        .exec(conn)
        .await?;
    Ok(sessions.rows_affected + keys.rows_affected + throttles.rows_affected)
}
