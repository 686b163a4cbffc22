//! `/domains`: adding, proving, disabling, removing.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::One;
use crate::app::domains;
use crate::authz::{ManageDomains, ViewDomains};
use crate::domain::{DomainName, Invalid};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Json, Paging, Patch};
use crate::web::error::Problem;

/// A mail domain.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts, and fields of the contract"
)]
#[derive(Debug, Serialize, ToSchema)]
pub struct Domain {
    /// UUIDv7.
    id: uuid::Uuid,
    /// Its name in A-labels.
    #[schema(example = "acme.test")]
    name: String,
    /// The slug of the tenant whose it is.
    tenant: String,
    /// Whether its mailboxes may be used.
    enabled: bool,
    /// Whether mail is accepted for it: proved or vouched for.
    proved: bool,
    /// Proved by its TXT record at.
    proved_at: Option<DateTime<Utc>>,
    /// Vouched for by the platform.
    vouched: bool,
    /// What to publish, and what DNS says.
    records: Vec<DnsRecord>,
    /// DNS is being asked now.
    checking: bool,
    /// DNS was last asked at.
    checked_at: Option<DateTime<Utc>>,
    /// Why the last look was no proof, in one sentence.
    problem: Option<String>,
    /// Users in it.
    users: u64,
    /// Mailboxes in it.
    mailboxes: u64,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Last changed at.
    updated_at: DateTime<Utc>,
}

/// A DNS record to publish.
#[derive(Debug, Serialize, ToSchema)]
pub struct DnsRecord {
    /// What it is for, such as `proof` or `mx`.
    purpose: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "TXT")]
    kind: String,
    /// Its full name.
    name: String,
    /// Its value.
    value: String,
    /// Whether DNS had it when last asked; null when it was never asked.
    seen: Option<bool>,
}

impl From<domains::Domain> for Domain {
    fn from(domain: domains::Domain) -> Self {
        let records = domain.records.iter().cloned().map(|record| DnsRecord {
            purpose: record.purpose,
            kind: record.kind,
            name: record.name,
            value: record.value,
            seen: record.seen,
        });
        Self {
            records: records.collect(),
            proved: domain.is_proved(),
            id: domain.id.0,
            name: domain.name.to_string(),
            tenant: domain.tenant_slug.to_string(),
            enabled: domain.enabled,
            proved_at: domain.proved_at,
            vouched: domain.vouched,
            checking: domain.checking,
            checked_at: domain.checked_at,
            problem: domain.check_problem,
            users: domain.users,
            mailboxes: domain.mailboxes,
            created_at: domain.created_at,
            updated_at: domain.updated_at,
        }
    }
}

/// What a new domain is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDomain {
    /// Its name; kept in A-labels.
    #[schema(example = "acme.test")]
    name: String,
    /// Accept mail without a proof; staff of the platform only.
    #[serde(default)]
    vouch: bool,
}

/// A change of a domain; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainPatch {
    /// Whether its mailboxes may be used.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    enabled: Patch<bool>,
    /// Accept mail without a proof; staff of the platform only.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    vouch: Patch<bool>,
}

/// Which domains.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DomainFilter {
    /// Searches the name.
    q: Option<String>,
    /// Only `name`.
    #[expect(dead_code, reason = "there is one order")]
    sort: Option<String>,
}

impl FromQuery for DomainFilter {
    fn read(query: &mut Query) -> Self {
        query.order("name");
        Self {
            q: query.text("q"),
            sort: None,
        }
    }
}

/// List domains
///
/// Of the tenant and all below, by name.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/domains", operation_id = "listDomains", tag = "Domains",
    params(PagingParams, DomainFilter), responses((status = 200, description = "A page of domains", body = List<Domain>)))]
pub async fn list(
    ask: Ask<Cx<ViewDomains>, (Paging, DomainFilter)>,
) -> Result<HttpResponse, Problem> {
    let (paging, filter) = &ask.query;
    let page = domains::list(&ask.cx.begin().await?, filter.q.as_deref(), &paging.request).await?;
    answer::list(paging, page, Domain::from)
}

/// Add a domain
///
/// To the tenant that the path names, which must be a customer.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/domains", operation_id = "createDomain", tag = "Domains",
    request_body = NewDomain, responses((status = 201, description = "The new domain", body = Domain)))]
pub async fn create(
    ask: Ask<Cx<ManageDomains>, Change, Json<NewDomain>>,
) -> Result<HttpResponse, Problem> {
    let Json(body) = &ask.body;
    let name = DomainName::parse("name", &body.name)?;
    let made = domains::create(ask.cx.begin().await?, name, body.vouch).await?;
    let location = super::location(&made.tenant_slug, &["domains", made.name.as_str()]);
    let version = made.version();
    ask.created(&location, &version, &Domain::from(made))
}

/// Read a domain
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/domains/{domain}", operation_id = "getDomain", tag = "Domains",
    responses((status = 200, description = "The domain", body = Domain)))]
pub async fn show(ask: Ask<Cx<ViewDomains>>, path: One) -> Result<HttpResponse, Problem> {
    let domain = domains::find(&ask.cx.begin().await?, &named(&path)?).await?;
    let version = domain.version();
    ask.show(&version, &Domain::from(domain))
}

/// Change a domain
///
/// A merge patch: enable or disable it, vouch for it or not.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}/domains/{domain}", operation_id = "updateDomain", tag = "Domains",
    request_body = DomainPatch, responses((status = 200, description = "The domain as it is now", body = Domain)))]
pub async fn change(
    ask: Ask<Cx<ManageDomains>, Change, Json<DomainPatch>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let mut faults = Invalid::default();
    let enabled = ask.body.0.enabled.clone().required("enabled", &mut faults);
    let vouch = ask.body.0.vouch.clone().required("vouch", &mut faults);
    faults.into_result()?;
    let (name, expected) = (named(&path)?, ask.conditions.expected()?);
    let domain = domains::update(ask.cx.begin().await?, &name, enabled, vouch, expected).await?;
    let version = domain.version();
    ask.changed(&version, &Domain::from(domain))
}

/// Remove a domain
///
/// Only one that has no users and no mailboxes left.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/domains/{domain}", operation_id = "deleteDomain", tag = "Domains",
    responses((status = 204, description = "It is gone")))]
pub async fn remove(
    ask: Ask<Cx<ManageDomains>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let name = named(&path)?;
    let work = ask.cx.begin().await?;
    let domain = domains::find(&work, &name).await?;
    ask.conditions.require(&domain.version())?;
    domains::remove(work, &name).await?;
    ask.removed(&Domain::from(domain))
}

/// Ask for a look at DNS
///
/// The answer is in the domain itself soon after: poll it until `checking` is false.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/domains/{domain}/verifications", operation_id = "verifyDomain", tag = "Domains",
    responses((status = 202, description = "The look is under way", body = Domain)))]
pub async fn verify(
    ask: Ask<Cx<ManageDomains>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let domain = domains::request_verification(ask.cx.begin().await?, &named(&path)?).await?;
    let location = super::location(&domain.tenant_slug, &["domains", domain.name.as_str()]);
    let version = domain.version();
    ask.accepted(&location, &version, &Domain::from(domain))
}

/// A name that is none is not there.
fn named(path: &One) -> Result<DomainName, Problem> {
    DomainName::parse("name", &path.1).map_err(|_| crate::app::AppError::NotFound("domain").into())
}
