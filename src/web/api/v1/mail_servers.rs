//! `/mail-servers`: the servers behind the panel, and the accounts on them that nobody knows. They
//! belong to the platform; below it the list is empty.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::checks::Listener;
use super::mailboxes::Mailbox;
use super::{One, OneOfOne};
use crate::app::servers;
use crate::authz::{ManageServers, ViewServers};
use crate::domain::{EmailAddress, Protocol};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Paging};
use crate::web::error::Problem;

/// A mail server.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailServer {
    /// UUIDv7.
    id: uuid::Uuid,
    /// Its name.
    #[schema(example = "mail-1")]
    name: String,
    /// The adapter that speaks with it.
    adapter: String,
    /// What it offers to clients.
    offers: Vec<Protocol>,
    /// Where clients connect.
    listeners: Vec<Listener>,
    /// `unknown`, `up` or `down`.
    state: String,
    /// Name and version of what answered last.
    version: Option<String>,
    /// Why it is down, and when it is tried again.
    problem: Option<String>,
    /// Last asked at.
    checked_at: Option<DateTime<Utc>>,
    /// Last swept for drift at.
    swept_at: Option<DateTime<Utc>>,
    /// Mailboxes on it.
    mailboxes: u64,
    /// Changes that wait for it.
    queue: u64,
    /// Mailboxes that were changed on it behind the panel's back.
    drifted: u64,
    /// Accounts on it that nobody knows.
    strays: u64,
}

impl From<servers::Server> for MailServer {
    fn from(server: servers::Server) -> Self {
        Self {
            id: server.id.0,
            name: server.name,
            adapter: server.adapter,
            offers: server.offers.iter().collect(),
            listeners: server.listeners.into_iter().map(Into::into).collect(),
            state: server.state,
            version: server.version,
            problem: server.problem,
            checked_at: server.checked_at,
            swept_at: server.swept_at,
            mailboxes: server.mailboxes,
            queue: server.queue,
            drifted: server.drifted,
            strays: server.strays,
        }
    }
}

/// An account on a mail server that nobody knows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stray {
    /// Its address.
    address: String,
    /// What is open on it.
    open: Vec<Protocol>,
    /// First seen at.
    first_seen_at: DateTime<Utc>,
    /// Whether its domain belongs to a tenant, so that it can be adopted.
    adoptable: bool,
}

impl From<servers::Stray> for Stray {
    fn from(stray: servers::Stray) -> Self {
        Self {
            address: stray.address.to_string(),
            open: stray.open.iter().collect(),
            first_seen_at: stray.first_seen_at,
            adoptable: stray.adoptable,
        }
    }
}

/// The order of servers.
pub struct ServerOrder;

/// The order of servers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct ServerOrderParams {
    /// Only `name`.
    sort: Option<String>,
}

impl FromQuery for ServerOrder {
    fn read(query: &mut Query) -> Self {
        query.order("name");
        Self
    }
}

/// List mail servers
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mail-servers", operation_id = "listMailServers", tag = "Mail servers",
    params(PagingParams, ServerOrderParams), responses((status = 200, description = "A page of servers", body = List<MailServer>)))]
pub async fn list(
    ask: Ask<Cx<ViewServers>, (Paging, ServerOrder)>,
) -> Result<HttpResponse, Problem> {
    let (paging, _) = &ask.query;
    let page = servers::list(&ask.cx.begin().await?, &paging.request).await?;
    answer::list(paging, page, MailServer::from)
}

/// Read a mail server
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mail-servers/{server}", operation_id = "getMailServer", tag = "Mail servers",
    responses((status = 200, description = "The server", body = MailServer)))]
pub async fn show(ask: Ask<Cx<ViewServers>>, path: One) -> Result<HttpResponse, Problem> {
    let server = servers::find(&ask.cx.begin().await?, &path.1).await?;
    ask.show("server", &MailServer::from(server))
}

/// List strays
///
/// Accounts on the server that nobody knows.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mail-servers/{server}/strays", operation_id = "listStrays", tag = "Mail servers",
    params(PagingParams), responses((status = 200, description = "A page of accounts", body = List<Stray>)))]
pub async fn strays(ask: Ask<Cx<ViewServers>, Paging>, path: One) -> Result<HttpResponse, Problem> {
    let work = ask.cx.begin().await?;
    let page = servers::strays(&work, &path.1, &ask.query.request).await?;
    answer::list(&ask.query, page, Stray::from)
}

/// Adopt a stray
///
/// Takes it over, as it is, as a shared mailbox of the tenant that owns its domain.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mail-servers/{server}/strays/{address}/adoptions", operation_id = "adoptStray", tag = "Mail servers",
    responses((status = 201, description = "The new mailbox", body = Mailbox)))]
pub async fn adopt(
    ask: Ask<Cx<ManageServers>, Change>,
    path: OneOfOne,
) -> Result<HttpResponse, Problem> {
    let missing = |_| crate::app::AppError::NotFound("account");
    let address = EmailAddress::parse("address", &path.2).map_err(missing)?;
    let mailbox = servers::adopt_stray(ask.cx.begin().await?, &path.1, &address).await?;
    let location = super::location(
        &mailbox.tenant_slug,
        &["mailboxes", mailbox.address.as_str()],
    );
    let version = mailbox.asked_version();
    ask.created(&location, &version, &Mailbox::at(mailbox, ask.cx.now()))
}
