//! `/plans`: what a tenant may sell. They are read here, not made.
use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::plans;
use crate::authz::ViewPlans;
use crate::domain::{self, Kind, Protocol, TenantId};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Paging};
use crate::web::error::Problem;

/// A named product: a kind, the switches it allows, and a size.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plan {
    /// UUIDv7.
    id: uuid::Uuid,
    /// Its name in the API. Where a tenant's own plan has the slug of one from above, its own counts.
    #[schema(example = "basic")]
    slug: String,
    /// Its name on screens.
    name: String,
    /// The kind of its mailboxes.
    kind: Kind,
    /// Whether a tenant above offers it.
    inherited: bool,
    /// Whether it is used for its kind when none is named.
    is_default: bool,
    /// The switches that may be on.
    allowed: Vec<Protocol>,
    /// The switches that are on in a new mailbox.
    starts_on: Vec<Protocol>,
    /// Bytes a mailbox may hold, and the most that one may be given.
    quota_bytes: i64,
    /// Days that a mailbox taken away is kept, where no tenant says otherwise.
    retention_days: i32,
    /// The reseller's own code for it in a bill.
    price_code: Option<String>,
}

impl Plan {
    /// As this tenant sees it.
    fn at(tenant: TenantId, plan: domain::Plan) -> Self {
        Self {
            id: plan.id.0,
            slug: plan.slug.to_string(),
            name: plan.name,
            kind: plan.kind,
            inherited: plan.tenant != tenant,
            is_default: plan.is_default,
            allowed: plan.allowed.iter().collect(),
            starts_on: plan.starts_on.iter().collect(),
            quota_bytes: plan.quota_bytes,
            retention_days: plan.retention_days,
            price_code: plan.price_code,
        }
    }
}

/// The order of plans.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlanOrder {
    /// Only `name`.
    #[expect(dead_code, reason = "there is one order")]
    sort: Option<String>,
}

impl FromQuery for PlanOrder {
    fn read(query: &mut Query) -> Self {
        query.order("name");
        Self { sort: None }
    }
}

/// List plans
///
/// Those that the tenant may use: its own and those of the tenants above it.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/plans", operation_id = "listPlans", tag = "Plans and seats",
    params(PagingParams, PlanOrder), responses((status = 200, description = "A page of plans", body = List<Plan>)))]
pub async fn list(ask: Ask<Cx<ViewPlans>, (Paging, PlanOrder)>) -> Result<HttpResponse, Problem> {
    let (paging, _) = &ask.query;
    let page = plans::page(&ask.cx.begin().await?, &paging.request).await?;
    let tenant = ask.cx.tenant().id;
    answer::list(paging, page, |plan| Plan::at(tenant, plan))
}
