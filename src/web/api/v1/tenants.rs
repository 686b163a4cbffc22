//! `/tenants`: the tree that a key may see. Making one names its parent in the body, the only place
//! where a tenant is named outside the path.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::tenant_settings::TenantSettings;
use crate::app::brand;
use crate::app::tenants::{self, NewTenant, TenantSummary};
use crate::authz::{Actor, CreateTenants, ViewTenants};
use crate::domain::{Invalid, Slug, TenantKind};
use crate::store::{Cx, TenantRef};
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Json, Paging};
use crate::web::cx::Caller;
use crate::web::error::Problem;

/// A node of the tree.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tenant {
    /// UUIDv7.
    id: uuid::Uuid,
    /// Its name in URLs, unique on the platform.
    #[schema(example = "acme")]
    slug: String,
    /// Its name on screens.
    name: String,
    /// What it is.
    kind: TenantKind,
    /// The slug of the tenant above; null for the platform, and where the key does not reach it.
    parent: Option<String>,
    /// Why it is suspended; null while it is not.
    suspension: Option<Suspension>,
    /// Domains at or below it.
    domains: u64,
    /// Users at or below it.
    users: u64,
    /// Mailboxes at or below it.
    mailboxes: u64,
    /// What it sets for itself and all below it; where one tenant is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<TenantSettings>,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Last changed at.
    updated_at: DateTime<Utc>,
}

/// A suspension.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suspension {
    /// Why.
    pub reason: String,
}

impl From<TenantSummary> for Tenant {
    fn from(summary: TenantSummary) -> Self {
        let tenant = summary.tenant;
        Self {
            id: tenant.id.0,
            slug: tenant.slug.to_string(),
            name: tenant.name,
            kind: tenant.kind,
            parent: summary.parent_slug.map(|slug| slug.to_string()),
            suspension: tenant.suspended.map(|reason| Suspension { reason }),
            domains: summary.domains,
            users: summary.users,
            mailboxes: summary.mailboxes,
            settings: None,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

impl Tenant {
    /// With its settings.
    #[must_use]
    pub fn with(summary: TenantSummary, settings: TenantSettings) -> Self {
        Self {
            settings: Some(settings),
            ..Self::from(summary)
        }
    }
}

/// What a new tenant is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenantBody {
    /// Id or slug of the tenant above: the platform or a reseller.
    #[schema(example = "platform")]
    parent: String,
    /// `reseller` or `customer`.
    kind: TenantKind,
    /// Its name in URLs: 2 to 40 of a-z, 0-9 and hyphens.
    #[schema(example = "acme", pattern = "^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$")]
    slug: String,
    /// Its name on screens: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Which tenants.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantFilter {
    /// Searches name and slug.
    q: Option<String>,
    /// Only `name`.
    #[expect(dead_code, reason = "there is one order")]
    sort: Option<String>,
}

impl FromQuery for TenantFilter {
    fn read(query: &mut Query) -> Self {
        query.order("name");
        Self {
            q: query.text("q"),
            sort: None,
        }
    }
}

/// List tenants
///
/// The key's own tenant and all below it, by name.
#[utoipa::path(get, path = "/api/v1/tenants", operation_id = "listTenants", tag = "Tenants",
    params(PagingParams, TenantFilter), responses((status = 200, description = "A page of tenants", body = List<Tenant>)))]
pub async fn list(ask: Ask<Caller, (Paging, TenantFilter)>) -> Result<HttpResponse, Problem> {
    let (paging, filter) = ask.query;
    let home = match ask.cx.actor() {
        Actor::Key { tenant, .. } => TenantRef::Id(*tenant),
        Actor::Member { .. } | Actor::System { .. } => return Err(Problem::no_key()),
    };
    let cx = ask.cx.authorize::<ViewTenants>(&home).await?;
    let page = tenants::list(&cx.begin().await?, filter.q.as_deref(), &paging.request).await?;
    answer::list(&paging, page, Tenant::from)
}

/// Add a tenant
///
/// A reseller or a customer below `parent`.
#[utoipa::path(post, path = "/api/v1/tenants", operation_id = "createTenant", tag = "Tenants",
    request_body = NewTenantBody, responses((status = 201, description = "The new tenant", body = Tenant)))]
pub async fn create(
    ask: Ask<Caller, Change, Json<NewTenantBody>>,
) -> Result<HttpResponse, Problem> {
    let Json(body) = ask.body;
    let cx = ask
        .cx
        .authorize::<CreateTenants>(&TenantRef::from(body.parent.as_str()))
        .await
        .map_err(|problem| problem.at_field("parent", "There is no such tenant here."))?;
    let mut faults = Invalid::default();
    let slug = faults.take(Slug::parse("slug", &body.slug));
    let name = faults.take(crate::domain::user::display_name("name", &body.name));
    let (Some(slug), Some(name)) = (slug, name) else {
        return Err(faults.into());
    };
    let new = NewTenant {
        kind: body.kind,
        slug,
        name,
    };
    let made = tenants::create(cx.begin().await?, new).await?;
    let version = version(&made);
    let location = super::location(&made.tenant.slug, &[]);
    let seen = cx.narrow::<ViewTenants>();
    let settings = brand::of(&seen.begin().await?, made.tenant.id).await?;
    let wire = match settings {
        Some((own, in_force)) => Tenant::with(made, TenantSettings::of(own, in_force)),
        // A dry run has made none.
        None => Tenant::from(made),
    };
    let status = actix_web::http::StatusCode::CREATED;
    answer::made(cx.dry_run(), status, &location, &version, &wire)
}

/// Read a tenant
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}", operation_id = "getTenant", tag = "Tenants",
    responses((status = 200, description = "The tenant", body = Tenant)))]
pub async fn show(ask: Ask<Cx<ViewTenants>>) -> Result<HttpResponse, Problem> {
    let work = ask.cx.begin().await?;
    let mut summary = tenants::show(&work).await?;
    let (own, in_force) = brand::show(&work).await?;
    drop(work);
    summary.parent_slug = ask.cx.parent().await?.map(|parent| parent.slug);
    let version = version(&summary);
    let settings = TenantSettings::of(own, in_force);
    ask.show(&version, &Tenant::with(summary, settings))
}

pub(super) fn version(summary: &TenantSummary) -> String {
    summary.tenant.updated_at.timestamp_micros().to_string()
}
