//! Users.
use secrecy::SecretString;

use super::AppError;
use crate::authz::{CreateUsers, EditUsers, RemoveUsers, ResetPasswords, ViewUsers};
use crate::domain::{EmailAddress, Kind, MailboxState, Page, PageRequest, User};
use crate::store::Work;

/// Which users a list shows.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Searches name and address.
    pub q: Option<String>,
    /// Only of that domain.
    pub domain: Option<String>,
    /// Only with a mailbox of that kind.
    pub kind: Option<Kind>,
    /// Only with a mailbox in that state.
    pub state: Option<MailboxState>,
}

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
    let _ = (work, filter, page);
    unimplemented!()
}

/// One user, by id or address.
pub async fn find(work: &Work<ViewUsers>, user: &str) -> Result<User, AppError> {
    let _ = (work, user);
    unimplemented!()
}

/// Adds a user to the tenant that the path names (which must be a customer), with its mailbox in
/// the same transaction.
pub async fn create(work: Work<CreateUsers>, new: NewUser) -> Result<User, AppError> {
    let _ = (work, new);
    unimplemented!()
}

/// Changes the name; the address list of the mail server follows.
pub async fn rename(
    work: Work<EditUsers>,
    user: &str,
    display_name: String,
    expected: Option<&str>,
) -> Result<User, AppError> {
    let _ = (work, user, display_name, expected);
    unimplemented!()
}

/// Sets a new password, here and on the mail server.
pub async fn set_password(
    work: Work<ResetPasswords>,
    user: &str,
    password_hash: SecretString,
) -> Result<User, AppError> {
    let _ = (work, user, password_hash);
    unimplemented!()
}

/// Removes a user; the mailbox, if there is one, is retained without a user.
pub async fn remove(work: Work<RemoveUsers>, user: &str) -> Result<(), AppError> {
    let _ = (work, user);
    unimplemented!()
}
