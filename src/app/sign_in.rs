//! Signing in and out, sessions, and the first owner of a new panel.
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::AppError;
use crate::authz::{Actor, Origin, Role};
use crate::domain::{EmailAddress, MemberId, SessionId, Slug};
use crate::store::Db;

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

/// A tenant that a member has a role on.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name on screens.
    pub name: String,
    /// The role there.
    pub role: Role,
}

/// Signs in: takes as long for an unknown address as for a wrong password, and counts failures by
/// address and by network in the database ([`AppError::TooMany`]). Returns the token for the
/// cookie, which is stored only as a digest. `user_agent` is kept for the list of sessions.
pub async fn sign_in(
    db: &Db,
    email: &str,
    password: SecretString,
    origin: &Origin,
    user_agent: Option<&str>,
) -> Result<SecretString, AppError> {
    let _ = (db, email, password, origin, user_agent);
    unimplemented!()
}

/// The person of a session token, if it is still good; moves its idle end on, at most once a minute.
pub async fn session(db: &Db, token: &SecretString) -> Result<Option<SignedIn>, AppError> {
    let _ = (db, token);
    unimplemented!()
}

/// The tenants that a member has a role on, the highest first.
pub async fn memberships(db: &Db, member: MemberId) -> Result<Vec<Membership>, AppError> {
    let _ = (db, member);
    unimplemented!()
}

/// Ends a session.
pub async fn sign_out(db: &Db, token: &SecretString) -> Result<(), AppError> {
    let _ = (db, token);
    unimplemented!()
}

/// Keeps how the person wants to see the panel: `auto`, `light` or `dark`.
pub async fn set_theme(db: &Db, signed_in: &SignedIn, theme: &str) -> Result<(), AppError> {
    let _ = (db, signed_in, theme);
    unimplemented!()
}

/// Whether nobody can sign in yet: the first-run page is open only then.
pub async fn is_first_run(db: &Db) -> Result<bool, AppError> {
    let _ = db;
    unimplemented!()
}

/// Makes the owner of the platform when there is no member at all, and signs in.
pub async fn first_run(
    db: &Db,
    email: EmailAddress,
    display_name: String,
    password_hash: SecretString,
    origin: &Origin,
) -> Result<SecretString, AppError> {
    let _ = (db, email, display_name, password_hash, origin);
    unimplemented!()
}

/// The actor of an API key, if it is good for a request from `origin`; notes its use.
pub async fn key(
    db: &Db,
    secret: &SecretString,
    origin: &Origin,
) -> Result<Option<Actor>, AppError> {
    let _ = (db, secret, origin);
    unimplemented!()
}
