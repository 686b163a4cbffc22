//! `/mailboxes`: reading, adding, changing, taking away. What is done to one besides is in
//! [`super::mailbox_actions`].
use actix_web::HttpResponse;
use actix_web::guard::{Guard, fn_guard};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::One;
use super::tenants::Suspension;
use crate::app::mailboxes::{self, MailboxChange, MailboxFilter};
use crate::app::users::NewMailbox;
use crate::authz::{
    CreateMailboxes, EditMailboxes, PurgeMailboxes, RemoveMailboxes, ViewMailboxes,
};
use crate::domain::effective::why_closed;
use crate::domain::user::display_name;
use crate::domain::{self, EmailAddress, Invalid, Kind, MailboxState, Protocol, Why};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Json, Paging, Patch};
use crate::web::error::Problem;

/// A mail store with one primary address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mailbox {
    /// UUIDv7.
    id: uuid::Uuid,
    /// Its primary address.
    #[schema(example = "ann@acme.test")]
    address: String,
    /// The name in the address list.
    display_name: String,
    /// The id of the user whose mail it is; null for a shared one.
    user: Option<uuid::Uuid>,
    /// The slug of the tenant whose it is.
    tenant: String,
    /// What it is.
    kind: Kind,
    /// The slug of its plan.
    plan: String,
    /// Where it stands.
    state: MailboxState,
    /// When it is not ready: one sentence on what it waits for.
    problem: Option<String>,
    /// The name of the mail server that holds it.
    server: String,
    /// Bytes it may hold.
    quota_bytes: i64,
    /// Bytes it holds, as last read.
    used_bytes: i64,
    /// Messages it holds, as last read.
    messages: i64,
    /// When size and messages were last read.
    usage_at: Option<DateTime<Utc>>,
    /// Every protocol: its switch, whether it is really open, and why not.
    switches: Vec<Switch>,
    /// Whether mail is accepted for it.
    receives: bool,
    /// Why it is suspended; null while it is not.
    suspension: Option<Suspension>,
    /// Taken away at, while it is retained.
    retained_at: Option<DateTime<Utc>>,
    /// Destroyed after, while it is retained.
    purge_after: Option<DateTime<Utc>>,
    /// What somebody changed on the server behind the panel's back.
    drift: Vec<Difference>,
    /// Grows with each change asked for.
    asked_generation: i64,
    /// The generation that was read back from the server.
    seen_generation: i64,
    /// When the server was last read back.
    seen_at: Option<DateTime<Utc>>,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Last changed at.
    updated_at: DateTime<Utc>,
}

/// One protocol of one mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct Switch {
    /// Which.
    protocol: Protocol,
    /// As it was set.
    on: bool,
    /// Whether it is really open.
    open: bool,
    /// The level that closes it; null when it is open.
    why: Option<Why>,
    /// When it turns itself off; null for never.
    until: Option<DateTime<Utc>>,
    /// Its last login.
    last_used_at: Option<DateTime<Utc>>,
}

/// One difference between what was asked for and what is on the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// What differs, such as `open.pop3` or `quota`.
    aspect: String,
    /// What was asked for.
    asked: String,
    /// What is there.
    found: String,
}

impl Mailbox {
    /// As it stands at `now`.
    pub fn at(mailbox: domain::Mailbox, now: DateTime<Utc>) -> Self {
        Self {
            switches: switches(&mailbox, now),
            id: mailbox.id.0,
            address: mailbox.address.to_string(),
            display_name: mailbox.display_name,
            user: mailbox.user.map(|user| user.0),
            tenant: mailbox.tenant_slug.to_string(),
            kind: mailbox.kind,
            plan: mailbox.plan_slug.to_string(),
            state: mailbox.state,
            problem: mailbox.problem,
            server: mailbox.server_name,
            quota_bytes: mailbox.quota_bytes,
            used_bytes: mailbox.used_bytes,
            messages: mailbox.messages,
            usage_at: mailbox.usage_at,
            receives: mailbox.receives,
            suspension: mailbox.suspended.map(|reason| Suspension { reason }),
            retained_at: mailbox.retained_at,
            purge_after: mailbox.purge_after,
            drift: mailbox.drift.into_iter().map(Into::into).collect(),
            asked_generation: mailbox.asked_generation,
            seen_generation: mailbox.seen_generation,
            seen_at: mailbox.seen_at,
            created_at: mailbox.created_at,
            updated_at: mailbox.updated_at,
        }
    }
}

fn switches(mailbox: &domain::Mailbox, now: DateTime<Utc>) -> Vec<Switch> {
    let each = |protocol| {
        let why = why_closed(&mailbox.levels, protocol, now);
        let value = mailbox.levels.switches.get(protocol);
        Switch {
            protocol,
            on: mailbox.levels.switches.is_on(protocol, now),
            open: why.is_none(),
            why,
            until: value.until,
            last_used_at: mailbox.last_used.get(&protocol).copied(),
        }
    };
    Protocol::ALL.into_iter().map(each).collect()
}

impl From<domain::mailbox::Difference> for Difference {
    fn from(one: domain::mailbox::Difference) -> Self {
        Self {
            aspect: one.aspect,
            asked: one.asked,
            found: one.found,
        }
    }
}

/// A mailbox to make along with its user.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMailboxBody {
    /// What it is to be.
    kind: Kind,
    /// The slug of a plan of that kind; without it, the tenant's default plan.
    plan: Option<String>,
    /// Bytes it may hold, within the plan; without it, what the plan gives.
    #[schema(minimum = 1_048_576)]
    quota_bytes: Option<i64>,
}

impl From<NewMailboxBody> for NewMailbox {
    fn from(body: NewMailboxBody) -> Self {
        Self {
            kind: body.kind,
            plan: body.plan,
            quota_bytes: body.quota_bytes,
        }
    }
}

/// What a new mailbox is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMailboxOfTenant {
    /// In a domain of the tenant; of a user's mailbox, the user's own.
    #[schema(example = "info@acme.test")]
    address: String,
    /// Whose mail it is, by id or address; without it, it is a shared mailbox.
    user: Option<String>,
    /// The name in the address list; a shared mailbox needs one.
    display_name: Option<String>,
    /// What it is to be.
    kind: Kind,
    /// The slug of a plan of that kind; without it, the tenant's default plan.
    plan: Option<String>,
    /// Bytes it may hold, within the plan; without it, what the plan gives.
    #[schema(minimum = 1_048_576)]
    quota_bytes: Option<i64>,
}

/// A change of a mailbox; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailboxPatch {
    /// The name in the address list.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    display_name: Patch<String>,
    /// Bytes it may hold, within the plan.
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 1_048_576)]
    quota_bytes: Patch<i64>,
    /// The slug of another plan of the same kind.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    plan: Patch<String>,
    /// Whether mail is accepted for it.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    receives: Patch<bool>,
}

/// Which mailboxes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct MailboxFilterParams {
    /// Searches name and address.
    q: Option<String>,
    /// Only of that kind.
    kind: Option<Kind>,
    /// Only in that state.
    state: Option<MailboxState>,
    /// Only of that domain.
    domain: Option<String>,
    /// Only of that user: id or address.
    user: Option<String>,
    /// Only on that mail server, by its name.
    server: Option<String>,
    /// Only used since then, by any protocol.
    used_since: Option<DateTime<Utc>>,
    /// Only not used since then.
    unused_since: Option<DateTime<Utc>>,
    /// With `true`, only those that were changed on their server.
    drifted: Option<bool>,
    /// Only `address`.
    sort: Option<String>,
}

impl FromQuery for MailboxFilter {
    fn read(query: &mut Query) -> Self {
        query.order("address");
        Self {
            q: query.text("q"),
            kind: kind(query),
            state: state(query),
            domain: query.text("domain"),
            user: query.text("user"),
            server: query.text("server"),
            used_since: query.moment("used_since"),
            unused_since: query.moment("unused_since"),
            drifted: query.flag("drifted"),
            shared: false,
            retained: true,
        }
    }
}

/// The filter `kind`.
pub fn kind(query: &mut Query) -> Option<Kind> {
    let parse = |word: &str| Kind::parse("kind", word).ok();
    query.word("kind", "pop_imap, exchange", parse)
}

/// The filter `state`.
pub fn state(query: &mut Query) -> Option<MailboxState> {
    let known = "pending, ready, converting, suspended, retained, failed";
    query.word("state", known, MailboxState::parse)
}

/// The query of a removal.
pub struct Removal;

impl FromQuery for Removal {
    fn read(query: &mut Query) -> Self {
        query.flag("purge");
        query.flag("dry_run");
        Self
    }
}

/// `?purge=true` needs another permission, so it is another handler.
#[must_use]
pub fn asks_for_purge() -> impl Guard {
    fn_guard(|request| {
        let query = request.head().uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .any(|(name, value)| name == "purge" && value == "true")
    })
}

/// List mailboxes
///
/// Of the tenant and all below, by address; also retained ones.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailboxes", operation_id = "listMailboxes", tag = "Mailboxes",
    params(PagingParams, MailboxFilterParams), responses((status = 200, description = "A page of mailboxes", body = List<Mailbox>)))]
pub async fn list(
    ask: Ask<Cx<ViewMailboxes>, (Paging, MailboxFilter)>,
) -> Result<HttpResponse, Problem> {
    let (paging, filter) = &ask.query;
    let page = mailboxes::list(&ask.cx.begin().await?, filter, &paging.request).await?;
    let now = ask.cx.now();
    answer::list(paging, page, |mailbox| Mailbox::at(mailbox, now))
}

/// Add a mailbox
///
/// For a user, or a shared one. It is `pending` until its server was read back.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailboxes", operation_id = "createMailbox", tag = "Mailboxes",
    request_body = NewMailboxOfTenant, responses((status = 201, description = "The new mailbox", body = Mailbox)))]
pub async fn create(
    ask: Ask<Cx<CreateMailboxes>, Change, Json<NewMailboxOfTenant>>,
) -> Result<HttpResponse, Problem> {
    let Json(body) = &ask.body;
    let mut faults = Invalid::default();
    let address = faults.take(EmailAddress::parse("address", &body.address));
    let name = body.display_name.as_deref();
    let name = name.and_then(|name| faults.take(display_name("display_name", name)));
    let Some(address) = address.filter(|_| faults.errors.is_empty()) else {
        return Err(faults.into());
    };
    let new = NewMailbox {
        kind: body.kind,
        plan: body.plan.clone(),
        quota_bytes: body.quota_bytes,
    };
    let work = ask.cx.begin().await?;
    let mailbox = mailboxes::create(work, address, name, body.user.as_deref(), new).await?;
    let location = super::location(
        &mailbox.tenant_slug,
        &["mailboxes", mailbox.address.as_str()],
    );
    let version = mailbox.asked_version();
    ask.created(&location, &version, &Mailbox::at(mailbox, ask.cx.now()))
}

/// Read a mailbox
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}", operation_id = "getMailbox", tag = "Mailboxes",
    responses((status = 200, description = "The mailbox", body = Mailbox)))]
pub async fn show(ask: Ask<Cx<ViewMailboxes>>, path: One) -> Result<HttpResponse, Problem> {
    let mailbox = mailboxes::find(&ask.cx.begin().await?, &path.1).await?;
    let version = mailbox.asked_version();
    ask.show(&version, &Mailbox::at(mailbox, ask.cx.now()))
}

/// Change a mailbox
///
/// A merge patch: name, quota, plan, whether it receives.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}", operation_id = "updateMailbox", tag = "Mailboxes",
    request_body = MailboxPatch, responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn change(
    ask: Ask<Cx<EditMailboxes>, Change, Json<MailboxPatch>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let Json(body) = &ask.body;
    let mut faults = Invalid::default();
    let name = body
        .display_name
        .clone()
        .required("display_name", &mut faults);
    let change = MailboxChange {
        display_name: name.and_then(|name| faults.take(display_name("display_name", &name))),
        quota_bytes: body
            .quota_bytes
            .clone()
            .required("quota_bytes", &mut faults),
        plan: body.plan.clone().required("plan", &mut faults),
        receives: body.receives.clone().required("receives", &mut faults),
    };
    faults.into_result()?;
    let expected = ask.conditions.expected()?;
    let mailbox = mailboxes::update(ask.cx.begin().await?, &path.1, change, expected).await?;
    let version = mailbox.asked_version();
    ask.changed(&version, &Mailbox::at(mailbox, ask.cx.now()))
}

/// Take a mailbox away
///
/// It is kept whole for the retention time of its plan. With `purge=true` it is destroyed with all
/// its mail, for which the key must be an owner's; its address is free once the server has followed.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}", operation_id = "deleteMailbox", tag = "Mailboxes",
    params(("purge" = Option<bool>, Query, description = "Destroy it instead")),
    responses((status = 200, description = "The mailbox, retained", body = Mailbox),
        (status = 202, description = "With `purge=true`: it is being destroyed", body = Mailbox)))]
pub async fn retain(
    ask: Ask<Cx<RemoveMailboxes>, Removal>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = ask.cx.begin().await?;
    let present = mailboxes::find(&work, &path.1).await?;
    ask.conditions.require(&present.asked_version())?;
    let mailbox = mailboxes::retain(work, &path.1).await?;
    let version = mailbox.asked_version();
    ask.changed(&version, &Mailbox::at(mailbox, ask.cx.now()))
}

/// The other half of [`retain`].
pub async fn purge(
    ask: Ask<Cx<PurgeMailboxes>, Removal>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = ask.cx.begin().await?;
    let present = mailboxes::find(&work, &path.1).await?;
    ask.conditions.require(&present.asked_version())?;
    let mailbox = mailboxes::purge(work, &path.1).await?;
    let location = super::location(
        &mailbox.tenant_slug,
        &["mailboxes", mailbox.address.as_str()],
    );
    let version = mailbox.asked_version();
    ask.accepted(&location, &version, &Mailbox::at(mailbox, ask.cx.now()))
}
