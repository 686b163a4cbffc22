//! Signing in and out, sessions, and the first owner of a new panel.
use secrecy::{ExposeSecret, SecretString};

use super::{AppError, password, secret};
use crate::authz::{Actor, Origin};
use crate::domain::{EmailAddress, Invalid, MemberId};
use crate::store::Db;
use crate::store::visitor::throttle::Attempt;
use crate::store::visitor::{keys, people, sessions, throttle};

pub use crate::store::visitor::people::Membership;
pub use crate::store::visitor::sessions::SignedIn;

/// How the panel can look.
const THEMES: [&str; 3] = ["auto", "light", "dark"];

/// What every API key begins with.
pub(super) const KEY_PREFIX: &str = "ph_";

/// Signs in: takes as long for an unknown address as for a wrong password, and counts failures by
/// address and by network in the database ([`AppError::TooMany`]). Returns the token for the
/// cookie, which is stored only as a digest. `user_agent` is kept for the list of sessions.
///
/// What is wrong is said at the field `password`, the same for an unknown address.
pub async fn sign_in(
    db: &Db,
    email: &str,
    password: SecretString,
    origin: &Origin,
    user_agent: Option<&str>,
) -> Result<SecretString, AppError> {
    let attempt = Attempt::new(email, origin.ip);
    if let Some(until) = throttle::count(db, &attempt).await? {
        let seconds = (until - db.now()).num_seconds().max(1);
        return Err(AppError::TooMany { seconds });
    }
    let known = match EmailAddress::parse("email", email) {
        Ok(email) => people::by_email(db, &email).await?,
        Err(_) => None,
    };
    let (member, hash) = known.unzip();
    let right = password::verify(password, hash).await?;
    let Some(member) = member.filter(|_| right) else {
        let detail = "The address and the password do not go together. Check both and try again.";
        return Err(Invalid::field("password", detail).into());
    };
    throttle::forgive(db, &attempt).await?;
    begin(db, member, origin, user_agent).await
}

/// The person of a session token, if it is still good; moves its idle end on, at most once a minute.
pub async fn session(db: &Db, token: &SecretString) -> Result<Option<SignedIn>, AppError> {
    Ok(sessions::find(db, token).await?)
}

/// The tenants that a member has a role on, the highest first.
pub async fn memberships(db: &Db, member: MemberId) -> Result<Vec<Membership>, AppError> {
    Ok(people::memberships(db, member).await?)
}

/// Ends a session.
pub async fn sign_out(db: &Db, token: &SecretString) -> Result<(), AppError> {
    Ok(sessions::end(db, token).await?)
}

/// Keeps how the person wants to see the panel: `auto`, `light` or `dark`.
pub async fn set_theme(db: &Db, signed_in: &SignedIn, theme: &str) -> Result<(), AppError> {
    if !THEMES.contains(&theme) {
        return Err(Invalid::field("theme", "Use auto, light or dark.").into());
    }
    Ok(people::set_theme(db, signed_in.member, theme).await?)
}

/// Whether nobody can sign in yet: the first-run page is open only then.
pub async fn is_first_run(db: &Db) -> Result<bool, AppError> {
    Ok(people::is_nobody(db).await?)
}

/// Makes the owner of the platform when there is no member at all, and signs in. Afterwards it is
/// a conflict, `first-run-over`; of two at once one gets through.
pub async fn first_run(
    db: &Db,
    email: EmailAddress,
    display_name: String,
    password_hash: SecretString,
    origin: &Origin,
) -> Result<SecretString, AppError> {
    let made = people::make_first_owner(db, &email, &display_name, &password_hash).await?;
    let Some(owner) = made else {
        let detail = "This panel has an owner already. Sign in instead.";
        return Err(AppError::conflict("first-run-over", detail));
    };
    begin(db, owner, origin, None).await
}

/// The actor of an API key, if it is good for a request from `origin`; notes its use.
pub async fn key(
    db: &Db,
    secret: &SecretString,
    origin: &Origin,
) -> Result<Option<Actor>, AppError> {
    let text = secret.expose_secret();
    if !text.starts_with(KEY_PREFIX) || text.len() != KEY_PREFIX.len() + secret::LENGTH {
        return Ok(None);
    }
    Ok(keys::find(db, secret, origin.ip).await?)
}

async fn begin(
    db: &Db,
    member: MemberId,
    origin: &Origin,
    user_agent: Option<&str>,
) -> Result<SecretString, AppError> {
    let token = secret::make("");
    sessions::begin(db, member, &token, origin, user_agent).await?;
    Ok(token)
}
