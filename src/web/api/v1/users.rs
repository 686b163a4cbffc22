//! `/users`: the people of a customer, each with a mailbox or none.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::One;
use super::mailboxes::{Mailbox, NewMailboxBody};
use crate::app::users::{self, NewUser, UserFilter};
use crate::app::{AppError, password};
use crate::authz::{CreateUsers, EditUsers, RemoveUsers, ResetPasswords, ViewUsers};
use crate::domain::user::{Password, display_name};
use crate::domain::{self, EmailAddress, Invalid, Kind, MailboxState};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Json, Paging, Patch};
use crate::web::error::Problem;

/// A person of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// UUIDv7.
    id: uuid::Uuid,
    /// What the person signs in with, and the address of the mailbox.
    #[schema(example = "ann@acme.test")]
    address: String,
    /// The person's name.
    display_name: String,
    /// The slug of the tenant whose it is.
    tenant: String,
    /// The mailbox; null when there is none.
    mailbox: Option<Mailbox>,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Last changed at.
    updated_at: DateTime<Utc>,
}

impl User {
    fn at(user: domain::User, now: DateTime<Utc>) -> Self {
        Self {
            id: user.id.0,
            address: user.address.to_string(),
            display_name: user.display_name,
            tenant: user.tenant_slug.to_string(),
            mailbox: user.mailbox.map(|mailbox| Mailbox::at(mailbox, now)),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// What a new user is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    /// In a domain of the tenant.
    #[schema(example = "ann@acme.test")]
    address: String,
    /// The person's name: 1 to 100 characters.
    #[schema(example = "Ann Archer", min_length = 1, max_length = 100)]
    display_name: String,
    /// 8 to 256 characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    password: SecretString,
    /// The mailbox to make along with it; without it, or with null, there is none.
    mailbox: Option<NewMailboxBody>,
}

/// A change of a user; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// The person's name.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    display_name: Patch<String>,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// 8 to 256 characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    password: SecretString,
}

/// Which users.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct UserFilterParams {
    /// Searches name and address.
    q: Option<String>,
    /// Only of that domain.
    domain: Option<String>,
    /// Only with a mailbox of that kind.
    kind: Option<Kind>,
    /// Only with a mailbox in that state.
    state: Option<MailboxState>,
    /// Only `address`.
    sort: Option<String>,
}

impl FromQuery for UserFilter {
    fn read(query: &mut Query) -> Self {
        query.order("address");
        Self {
            q: query.text("q"),
            domain: query.text("domain"),
            kind: super::mailboxes::kind(query),
            state: super::mailboxes::state(query),
        }
    }
}

/// List users
///
/// Of the tenant and all below, by address.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/users", operation_id = "listUsers", tag = "Users",
    params(PagingParams, UserFilterParams), responses((status = 200, description = "A page of users", body = List<User>)))]
pub async fn list(ask: Ask<Cx<ViewUsers>, (Paging, UserFilter)>) -> Result<HttpResponse, Problem> {
    let (paging, filter) = &ask.query;
    let page = users::list(&ask.cx.begin().await?, filter, &paging.request).await?;
    let now = ask.cx.now();
    answer::list(paging, page, |user| User::at(user, now))
}

/// Add a user
///
/// With a mailbox or without, in one step: what provisioning scripts do most. The mailbox is
/// `pending` until its server was read back.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/users", operation_id = "createUser", tag = "Users",
    request_body = NewUserBody, responses((status = 201, description = "The new user", body = User)))]
pub async fn create(
    ask: Ask<Cx<CreateUsers>, Change, Json<NewUserBody>>,
) -> Result<HttpResponse, Problem> {
    let Json(body) = &ask.body;
    let mut faults = Invalid::default();
    let address = faults.take(EmailAddress::parse("address", &body.address));
    let name = faults.take(display_name("display_name", &body.display_name));
    let typed = faults.take(Password::parse("password", body.password.clone()));
    let (Some(address), Some(display_name), Some(typed)) = (address, name, typed) else {
        return Err(faults.into());
    };
    let new = NewUser {
        address,
        display_name,
        // Before the transaction begins: it takes longer than everything else together.
        password_hash: password::hash(typed).await?,
        mailbox: body.mailbox.clone().map(Into::into),
    };
    let user = users::create(ask.cx.begin().await?, new).await?;
    let location = super::location(&user.tenant_slug, &["users", user.address.as_str()]);
    let version = user.asked_version();
    ask.created(&location, &version, &User::at(user, ask.cx.now()))
}

/// Read a user
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/users/{user}", operation_id = "getUser", tag = "Users",
    responses((status = 200, description = "The user", body = User)))]
pub async fn show(ask: Ask<Cx<ViewUsers>>, path: One) -> Result<HttpResponse, Problem> {
    let user = users::find(&ask.cx.begin().await?, &path.1).await?;
    let version = user.asked_version();
    ask.show(&version, &User::at(user, ask.cx.now()))
}

/// Change a user
///
/// A merge patch. The address list of the mail server follows.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}/users/{user}", operation_id = "updateUser", tag = "Users",
    request_body = UserPatch, responses((status = 200, description = "The user as it is now", body = User)))]
pub async fn change(
    ask: Ask<Cx<EditUsers>, Change, Json<UserPatch>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let mut faults = Invalid::default();
    let name = ask.body.0.display_name.clone();
    let name = name.required("display_name", &mut faults);
    let name = name.and_then(|name| faults.take(display_name("display_name", &name)));
    faults.into_result()?;
    let work = ask.cx.begin().await?;
    let user = if let Some(name) = name {
        users::rename(work, &path.1, name, ask.conditions.expected()?).await?
    } else {
        let user = users::find(&work, &path.1).await?;
        ask.conditions.require(&user.asked_version())?;
        user
    };
    let version = user.asked_version();
    ask.changed(&version, &User::at(user, ask.cx.now()))
}

/// Remove a user
///
/// The mailbox, if there is one, is kept for the retention time of its plan.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/users/{user}", operation_id = "deleteUser", tag = "Users",
    responses((status = 204, description = "It is gone")))]
pub async fn remove(ask: Ask<Cx<RemoveUsers>, Change>, path: One) -> Result<HttpResponse, Problem> {
    let work = ask.cx.begin().await?;
    let user = users::find(&work, &path.1).await?;
    ask.conditions.require(&user.asked_version())?;
    users::remove(work, &path.1).await?;
    ask.removed(&User::at(user, ask.cx.now()))
}

/// Set a password
///
/// Here and on the mail server; whoever is connected with the old one is disconnected.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/users/{user}/password", operation_id = "setPassword", tag = "Users",
    request_body = NewPassword, responses((status = 200, description = "The user", body = User)))]
pub async fn set_password(
    ask: Ask<Cx<ResetPasswords>, Change, Json<NewPassword>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let typed = Password::parse("password", ask.body.0.password.clone());
    let hash = password::hash(typed.map_err(AppError::from)?).await?;
    let work = ask.cx.begin().await?;
    let present = users::find(&work, &path.1).await?;
    ask.conditions.require(&present.asked_version())?;
    let user = users::set_password(work, &path.1, hash).await?;
    let version = user.asked_version();
    ask.changed(&version, &User::at(user, ask.cx.now()))
}
