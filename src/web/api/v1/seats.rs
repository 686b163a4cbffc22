//! `/seats`: how many mailboxes of a plan a tenant may have. It is given from above: a key that belongs
//! to the tenant itself reads it.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::One;
use super::plans::PlanOrder;
use crate::app::seats::{self, PlanSeats};
use crate::authz::{ManageSeats, ViewSeats};
use crate::domain::{Invalid, Kind};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::body::Patch;
use crate::web::api::query::PagingParams;
use crate::web::api::{Ask, Change, Json, Paging};
use crate::web::error::Problem;

/// How a tenant stands with one plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct Seats {
    /// The slug of the plan.
    #[schema(example = "basic")]
    plan: String,
    /// The id of the plan.
    plan_id: uuid::Uuid,
    /// The name of the plan.
    plan_name: String,
    /// The kind of its mailboxes.
    kind: Kind,
    /// The limit that the tenant was given; null: none of its own.
    limit: Option<u64>,
    /// Mailboxes of its own that are not only kept, and what the tenants right below it were given or,
    /// where they have no limit, use.
    used: u64,
    /// How many can still be taken, by its own limit or the nearest one above; null: there is none.
    left: Option<u64>,
    /// Whether a limit above the tenant counts, because it has none of its own.
    inherited: bool,
    /// When the limit was set.
    set_at: Option<DateTime<Utc>>,
}

impl From<PlanSeats> for Seats {
    fn from(found: PlanSeats) -> Self {
        let seats = found.seats;
        Self {
            plan: found.plan.slug.to_string(),
            plan_id: found.plan.id.0,
            plan_name: found.plan.name,
            kind: found.plan.kind,
            limit: seats.limit,
            used: seats.used,
            left: seats.left,
            inherited: seats.are_from_above(),
            set_at: found.set_at,
        }
    }
}

/// A limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatsBody {
    /// 0 to 1,000,000,000: at least what is used, at most what is left above. Null takes the limit away.
    #[serde(default)]
    #[schema(value_type = Option<u64>, required)]
    limit: Patch<u64>,
}

impl SeatsBody {
    fn limit(&self) -> Result<Option<u64>, Invalid> {
        match self.limit {
            Patch::Value(limit) => Ok(Some(limit)),
            Patch::Null => Ok(None),
            Patch::Absent => {
                let detail = "It is required. Null takes the limit away.";
                Err(Invalid::field("limit", detail))
            }
        }
    }
}

/// List seats
///
/// Every plan that the tenant may use, with its limit and what of it is used.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/seats", operation_id = "listSeats", tag = "Plans and seats",
    params(PagingParams, PlanOrder), responses((status = 200, description = "A page of plans with their seats", body = List<Seats>)))]
pub async fn list(ask: Ask<Cx<ViewSeats>, (Paging, PlanOrder)>) -> Result<HttpResponse, Problem> {
    let (paging, _) = &ask.query;
    let page = seats::page(&ask.cx.begin().await?, &paging.request).await?;
    answer::list(paging, page, Seats::from)
}

/// Read the seats of a plan
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/seats/{plan}", operation_id = "getSeats", tag = "Plans and seats",
    responses((status = 200, description = "How the tenant stands with the plan", body = Seats)))]
pub async fn show(ask: Ask<Cx<ViewSeats>>, path: One) -> Result<HttpResponse, Problem> {
    let found = seats::find(&ask.cx.begin().await?, &path.1).await?;
    let version = found.version();
    ask.show(&version, &Seats::from(found))
}

/// Give seats
///
/// Sets the limit of the tenant that the path names. Only from above it: 403 for a key of the tenant
/// itself.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/seats/{plan}", operation_id = "setSeats", tag = "Plans and seats",
    request_body = SeatsBody, responses((status = 200, description = "How the tenant stands now", body = Seats)))]
pub async fn set(
    ask: Ask<Cx<ManageSeats>, Change, Json<SeatsBody>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let limit = ask.body.0.limit()?;
    let found = change(&ask.cx, &path.1, limit, ask.conditions.expected()?).await?;
    let version = found.version();
    ask.changed(&version, &Seats::from(found))
}

/// Take a limit away
///
/// The next limit above counts then, if there is one. Only from above the tenant.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/seats/{plan}", operation_id = "removeSeats", tag = "Plans and seats",
    responses((status = 204, description = "It has no limit of its own")))]
pub async fn remove(ask: Ask<Cx<ManageSeats>, Change>, path: One) -> Result<HttpResponse, Problem> {
    let found = change(&ask.cx, &path.1, None, ask.conditions.expected()?).await?;
    ask.removed(&Seats::from(found))
}

async fn change(
    cx: &Cx<ManageSeats>,
    plan: &str,
    limit: Option<u64>,
    expected: Option<&str>,
) -> Result<PlanSeats, Problem> {
    Ok(seats::set(cx.begin().await?, plan, limit, expected).await?)
}
