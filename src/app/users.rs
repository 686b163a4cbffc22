//! Users.
use secrecy::SecretString;
use serde_json::json;

use super::AppError;
use super::mailboxes::{self, Whose};
use crate::authz::{
    CreateUsers, EditUsers, Includes, Mutates, RemoveUsers, ResetPasswords, ViewUsers,
};
pub use crate::domain::UserFilter;
use crate::domain::{EmailAddress, Kind, Page, PageRequest, User};
use crate::store::{self, Event, Work};

/// A mailbox to make along with the user.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Its kind.
    pub kind: Kind,
    /// The plan's slug; without one, the default plan of the kind.
    pub plan: Option<String>,
    /// Bytes; without it, what the plan gives.
    pub quota_bytes: Option<i64>,
}

/// What a new user is made of.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The address, in a domain of the tenant.
    pub address: EmailAddress,
    /// The person's name.
    pub display_name: String,
    /// A PHC string.
    pub password_hash: SecretString,
    /// The mailbox, if there is to be one.
    pub mailbox: Option<NewMailbox>,
}

/// Users of the tenant and all below, by address.
pub async fn list(
    work: &Work<ViewUsers>,
    filter: &UserFilter,
    page: &PageRequest,
) -> Result<Page<User>, AppError> {
    Ok(store::users::list(work, filter, page).await?)
}

/// One user, by id or address.
pub async fn find<P: Includes<ViewUsers>>(work: &Work<P>, user: &str) -> Result<User, AppError> {
    let found = store::users::find(work, user).await?;
    found.ok_or(AppError::NotFound("user"))
}

/// Adds a user to the tenant that the path names (which must be a customer), with its mailbox in
/// the same transaction.
pub async fn create(work: Work<CreateUsers>, new: NewUser) -> Result<User, AppError> {
    let (tenant, domain) = mailboxes::home(&work, &new.address).await?;
    if let Some(holder) = store::addresses::holder(&work, &new.address).await? {
        return Err(taken(&new.address, holder));
    }
    let id = store::users::create(
        &work,
        (tenant, domain),
        &new.address,
        &new.display_name,
        &new.password_hash,
    )
    .await?;
    if let Some(mailbox) = new.mailbox {
        let whose = Whose {
            tenant,
            domain,
            user: Some(id),
            address: &new.address,
            display_name: &new.display_name,
        };
        mailboxes::add(&work, &whose, mailbox, "mailbox/").await?;
    }
    let user = find(&work, &id.to_string()).await?;
    if let Some(mailbox) = &user.mailbox {
        work.note(mailboxes::created(mailbox)).await?;
    }
    let after = json!({ "address": user.address, "display_name": user.display_name });
    let event = event("user.created", &user).change(serde_json::Value::Null, after);
    work.commit(event).await?;
    Ok(user)
}

fn taken(address: &EmailAddress, holder: store::addresses::Holder) -> AppError {
    if holder.user.is_none() {
        return mailboxes::taken(address, holder);
    }
    AppError::conflict(
        "address-taken",
        format!("There is a user with the address {address} already. Choose another address."),
    )
}

/// Changes the name; the address list of the mail server follows.
pub async fn rename(
    work: Work<EditUsers>,
    user: &str,
    display_name: String,
    expected: Option<&str>,
) -> Result<User, AppError> {
    let user = find_to_change(&work, user).await?;
    if expected.is_some_and(|expected| !user.is_version(expected)) {
        return Err(AppError::Stale);
    }
    if user.display_name == display_name {
        return Ok(user);
    }
    store::users::rename(&work, &user, &display_name).await?;
    if let Some(mailbox) = &user.mailbox {
        store::mailboxes::follow_name(&work, mailbox, &display_name).await?;
    }
    let changed = find(&work, &user.id.to_string()).await?;
    let told = |user: &User| json!({ "display_name": user.display_name });
    let event = event("user.renamed", &user).change(told(&user), told(&changed));
    work.commit(event).await?;
    Ok(changed)
}

/// Sets a new password, here and on the mail server.
pub async fn set_password(
    work: Work<ResetPasswords>,
    user: &str,
    password_hash: SecretString,
) -> Result<User, AppError> {
    let user = find_to_change(&work, user).await?;
    store::users::set_password(&work, &user, &password_hash).await?;
    if let Some(mailbox) = &user.mailbox {
        store::mailboxes::follow_password(&work, mailbox).await?;
    }
    let changed = find(&work, &user.id.to_string()).await?;
    work.commit(event("user.password_set", &user)).await?;
    Ok(changed)
}

/// Removes a user; the mailbox, if there is one, is retained without a user.
pub async fn remove(work: Work<RemoveUsers>, user: &str) -> Result<(), AppError> {
    let user = find_to_change(&work, user).await?;
    if let Some(mailbox) = &user.mailbox {
        let note = mailboxes::keep(&work, mailbox).await?;
        store::mailboxes::detach(&work, mailbox).await?;
        if let Some(note) = note {
            work.note(note).await?;
        }
    }
    store::users::remove(&work, &user).await?;
    let before = json!({ "address": user.address, "display_name": user.display_name });
    let event = event("user.removed", &user).change(before, serde_json::Value::Null);
    Ok(work.commit(event).await?)
}

async fn find_to_change<P: Mutates + Includes<ViewUsers>>(
    work: &Work<P>,
    user: &str,
) -> Result<User, AppError> {
    let found = store::users::find_to_change(work, user).await?;
    found.ok_or(AppError::NotFound("user"))
}

fn event(action: &'static str, user: &User) -> Event {
    Event::new(action, "user", user.address.as_str())
        .id(user.id.0)
        .of(user.tenant)
}
