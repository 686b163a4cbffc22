//! `/client-settings` and `/checks` of a mailbox: where clients connect, and what they would be told.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{One, OneOfOne};
use crate::app::mailboxes;
use crate::authz::{CheckMailboxes, ViewMailboxes};
use crate::domain::mailserver::{self, Security};
use crate::domain::{CheckId, Protocol};
use crate::store::Cx;
use crate::web::api::{Ask, Change};
use crate::web::error::Problem;

/// Where the clients of a mailbox connect, in its present state.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientSettings {
    /// The address of the mailbox.
    address: String,
    /// What to sign in with.
    username: String,
    /// One for each way in that is open now.
    listeners: Vec<Listener>,
}

/// A place where clients connect.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listener {
    /// What is spoken there.
    protocol: Protocol,
    /// The host name.
    host: String,
    /// The TCP port.
    port: u16,
    /// How the connection is protected.
    security: Security,
    /// The URL, for protocols over HTTP.
    url: Option<String>,
}

impl From<mailserver::Listener> for Listener {
    fn from(listener: mailserver::Listener) -> Self {
        Self {
            protocol: listener.protocol,
            host: listener.host,
            port: listener.port,
            security: listener.security,
            url: listener.url,
        }
    }
}

/// A live check.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// UUIDv7.
    id: uuid::Uuid,
    /// `pending` or `done`.
    #[schema(example = "done")]
    state: &'static str,
    /// What each protocol answered, as a client would see it.
    answers: Vec<Answer>,
    /// Asked for at.
    created_at: DateTime<Utc>,
}

/// What one protocol answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer {
    /// What was tried.
    protocol: Protocol,
    /// Whether it could be reached and greeted.
    reachable: bool,
    /// What it said, in one sentence.
    detail: String,
    /// Milliseconds to the greeting.
    millis: u32,
}

impl From<mailboxes::Check> for Check {
    fn from(check: mailboxes::Check) -> Self {
        let answers = check.answers.into_iter().map(|answer| Answer {
            protocol: answer.protocol,
            reachable: answer.reachable,
            detail: answer.detail,
            millis: answer.millis,
        });
        Self {
            id: check.id.0,
            state: if check.done { "done" } else { "pending" },
            answers: answers.collect(),
            created_at: check.created_at,
        }
    }
}

/// Read the client settings
///
/// For this mailbox in its present state: only what is open.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/client-settings", operation_id = "getClientSettings", tag = "Mailboxes",
    responses((status = 200, description = "Where clients connect", body = ClientSettings)))]
pub async fn client_settings(
    ask: Ask<Cx<ViewMailboxes>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let (mailbox, listeners) = mailboxes::client_settings(&ask.cx.begin().await?, &path.1).await?;
    let settings = ClientSettings {
        address: mailbox.address.to_string(),
        username: mailbox.address.to_string(),
        listeners: listeners.into_iter().map(Into::into).collect(),
    };
    ask.show(&mailbox.asked_version(), &settings)
}

/// Ask for a live check
///
/// The panel connects to the server of the mailbox as a client would. Poll the check until it is
/// `done`.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/checks", operation_id = "checkMailbox", tag = "Mailboxes",
    responses((status = 202, description = "The check is under way", body = Check)))]
pub async fn request(
    ask: Ask<Cx<CheckMailboxes>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let check = mailboxes::request_check(ask.cx.begin().await?, &path.1).await?;
    let id = check.id.to_string();
    let location = super::location(
        &ask.cx.tenant().slug,
        &["mailboxes", &path.1, "checks", &id],
    );
    ask.accepted(&location, "check", &Check::from(check))
}

/// Read a live check
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/checks/{check}", operation_id = "getCheck", tag = "Mailboxes",
    responses((status = 200, description = "The check", body = Check)))]
pub async fn show(ask: Ask<Cx<ViewMailboxes>>, path: OneOfOne) -> Result<HttpResponse, Problem> {
    let id: CheckId = super::id(&path.2, "check")?;
    let check = mailboxes::find_check(&ask.cx.begin().await?, &path.1, id).await?;
    ask.show("check", &Check::from(check))
}
