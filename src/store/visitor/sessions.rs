//! Sessions: stored as digests of their tokens, ended by time or by hand.
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use secrecy::{ExposeSecret, SecretString};

use super::digest;
use crate::authz::{Actor, Origin};
use crate::domain::{EmailAddress, MemberId, SessionId};
use crate::store::schema::{member, session};
use crate::store::{Db, StoreError};

/// A session ends when nothing was asked for this long …
const IDLE: TimeDelta = TimeDelta::hours(12);
/// … and in any case after this long.
const LIFE: TimeDelta = TimeDelta::days(30);
/// How often the idle end is moved on.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// Who.
    pub member: MemberId,
    /// What the person signs in with.
    pub email: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// `auto`, `light` or `dark`.
    pub theme: String,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
}

impl SignedIn {
    /// Who asks, for [`Db::authorize`].
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Member {
            id: self.member,
            email: self.email.as_str().to_owned(),
        }
    }
}

/// Begins a session.
#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
pub async fn begin(
    db: &Db,
    member: MemberId,
    token: &SecretString,
    origin: &Origin,
    user_agent: Option<&str>,
) -> Result<SessionId, StoreError> {
    let (id, now) = (SessionId::new(), db.now());
    let row = session::ActiveModel {
        id: Set(id.0),
        token_hash: Set(digest(token.expose_secret())),
        member_id: Set(member.0),
        created_at: Set(now),
        seen_at: Set(now),
        expires_at: Set(now + IDLE),
        ip: Set(origin.ip.map(|ip| ip.to_string())),
        user_agent: Set(user_agent.map(|agent| agent.chars().take(200).collect())),
    };
    row.insert(&db.core.conn).await?;
    Ok(id)
}

/// The person of a session that has not ended.
#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
pub async fn find(db: &Db, token: &SecretString) -> Result<Option<SignedIn>, StoreError> {
    let now = db.now();
    let Some(row) = session::Entity::find()
        .filter(session::Column::TokenHash.eq(digest(token.expose_secret())))
        .filter(session::Column::ExpiresAt.gt(now))
        .one(&db.core.conn)
        .await?
    else {
        return Ok(None);
    };
    let Some(person) = member::Entity::find_by_id(row.member_id)
        .one(&db.core.conn)
        .await?
    else {
        return Ok(None);
    };
    let mut expires_at = row.expires_at;
    if now - row.seen_at >= NOTED {
        expires_at = (now + IDLE).min(row.created_at + LIFE);
        note_use(db.clone(), SessionId(row.id), now, expires_at);
    }
    Ok(Some(SignedIn {
        session: SessionId(row.id),
        member: MemberId(person.id),
        email: EmailAddress::stored(person.email),
        display_name: person.display_name,
        theme: person.theme,
        expires_at,
    }))
}

/// Moves the idle end on, beside the request: reading a page must not wait for a writer.
fn note_use(db: Db, session: SessionId, now: DateTime<Utc>, expires_at: DateTime<Utc>) {
    tokio::spawn(async move {
        if let Err(error) = move_end(&db, session, now, expires_at).await {
            tracing::warn!(%error, %session, "the use of a session was not noted");
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
async fn move_end(
    db: &Db,
    session: SessionId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    session::Entity::update_many()
        .col_expr(session::Column::SeenAt, Expr::value(now))
        .col_expr(session::Column::ExpiresAt, Expr::value(expires_at))
        .filter(session::Column::Id.eq(session.0))
        .filter(session::Column::SeenAt.lt(now))
        .exec(&db.core.conn)
        .await?;
    Ok(())
}

/// Ends the session of a token.
#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
pub async fn end(db: &Db, token: &SecretString) -> Result<(), StoreError> {
    session::Entity::delete_many()
        .filter(session::Column::TokenHash.eq(digest(token.expose_secret())))
        .exec(&db.core.conn)
        .await?;
    Ok(())
}

/// Ends every session of a member.
#[expect(clippy::disallowed_methods, reason = "sessions belong to no tenant")]
pub(in crate::store) async fn end_all_of(
    conn: &impl ConnectionTrait,
    member: MemberId,
) -> Result<(), StoreError> {
    session::Entity::delete_many()
        .filter(session::Column::MemberId.eq(member.0))
        .exec(conn)
        .await?;
    Ok(())
}
