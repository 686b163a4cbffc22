//! `/audit-events`: who did what, when, from where. Written with each change; read only.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::audit;
use crate::authz::ViewAudit;
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Paging};
use crate::web::error::Problem;

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEvent {
    /// Its place in the tenant's chain.
    seq: i64,
    /// The slug of the tenant in whose log it stands.
    tenant: String,
    /// When.
    at: DateTime<Utc>,
    /// `member`, `key` or `system`.
    actor_kind: String,
    /// Who: an address, a key's label, a part of the panel.
    actor: String,
    /// From which address.
    ip: Option<String>,
    /// What.
    #[schema(example = "mailbox.suspended")]
    action: String,
    /// What it happened to: its kind …
    target_kind: String,
    /// … and its name.
    target: String,
    /// How it was.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// How it is.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

impl From<audit::Entry> for AuditEvent {
    fn from(entry: audit::Entry) -> Self {
        Self {
            seq: entry.seq,
            tenant: entry.tenant_slug.to_string(),
            at: entry.at,
            actor_kind: entry.actor_kind,
            actor: entry.actor,
            ip: entry.ip,
            action: entry.action,
            target_kind: entry.target_kind,
            target: entry.target,
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Which entries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Only about the thing of that id.
    target: Option<Uuid>,
    /// Only `-at`.
    #[expect(dead_code, reason = "there is one order")]
    sort: Option<String>,
}

impl FromQuery for AuditFilter {
    fn read(query: &mut Query) -> Self {
        query.order("-at");
        Self {
            target: query.word("target", "an id", |word| word.parse().ok()),
            sort: None,
        }
    }
}

/// Read the audit log
///
/// Of the tenant and all below, newest first.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/audit-events", operation_id = "listAuditEvents", tag = "Audit",
    params(PagingParams, AuditFilter), responses((status = 200, description = "A page of entries", body = List<AuditEvent>)))]
pub async fn list(ask: Ask<Cx<ViewAudit>, (Paging, AuditFilter)>) -> Result<HttpResponse, Problem> {
    let (paging, filter) = &ask.query;
    let page = audit::list(&ask.cx.begin().await?, filter.target, &paging.request).await?;
    answer::list(paging, page, AuditEvent::from)
}
