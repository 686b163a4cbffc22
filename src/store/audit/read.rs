//! Reading the log, and walking its chain.
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, DbErr, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use super::digest;
use crate::authz::{Includes, ViewAudit};
use crate::domain::{Page, PageRequest, Slug};
use crate::store::schema::{audit_event, tenant};
use crate::store::{StoreError, Work, tenants};

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place in the tenant's chain.
    pub seq: i64,
    /// Whose log it stands in.
    pub tenant_slug: Slug,
    /// When.
    pub at: DateTime<Utc>,
    /// `member`, `key` or `system`.
    pub actor_kind: String,
    /// Who, for people.
    pub actor: String,
    /// From where.
    pub ip: Option<String>,
    /// What, such as `mailbox.suspended`.
    pub action: String,
    /// What it happened to: its kind …
    pub target_kind: String,
    /// … its id, if it has one …
    pub target_id: Option<Uuid>,
    /// … and its name.
    pub target: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is.
    pub after: Option<Value>,
}

/// Newest first; `target` limits it to one thing's history.
pub async fn page<P: Includes<ViewAudit>>(
    work: &Work<P>,
    target: Option<Uuid>,
    request: &PageRequest,
) -> Result<Page<Entry>, StoreError> {
    let mut query = work.scoped.find::<audit_event::Entity>();
    if let Some(target) = target {
        query = query.filter(audit_event::Column::TargetId.eq(target));
    }
    let total = query.clone().count(&work.scoped.tx).await?;
    if let Some([id]) = request.after.as_deref()
        && let Ok(id) = id.parse::<Uuid>()
    {
        query = query.filter(audit_event::Column::Id.lt(id));
    }
    let rows = query
        .order_by_desc(audit_event::Column::Id)
        .limit(u64::from(request.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, request, total, |row| vec![row.id.to_string()]);
    let slugs = tenants::slugs(work, page.items.iter().map(|row| row.tenant_id)).await?;
    Ok(page.map(|row| Entry {
        seq: row.seq,
        tenant_slug: slugs[&row.tenant_id].clone(),
        at: row.at,
        actor_kind: row.actor_kind,
        actor: row.actor_label,
        ip: row.ip,
        action: row.action,
        target_kind: row.target_kind,
        target_id: row.target_id,
        target: row.target,
        before: row.before,
        after: row.after,
    }))
}

/// Entries read at once while walking.
const STRIDE: u64 = 500;

/// Walks the chain of the tenant that the path names up to where it ends now; returns the place of
/// the first entry that is altered or missing.
pub async fn first_fault<P: Includes<ViewAudit>>(
    work: &Work<P>,
) -> Result<Option<i64>, StoreError> {
    let head = work
        .scoped
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(work.tenant().id.0))
        .one(&work.scoped.tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the tenant of the path".to_owned()))?;
    let mut last = (0, String::new());
    loop {
        let rows = work
            .scoped
            .find::<audit_event::Entity>()
            .filter(audit_event::Column::TenantId.eq(head.id))
            .filter(audit_event::Column::Seq.gt(last.0))
            .filter(audit_event::Column::Seq.lte(head.audit_seq))
            .order_by_asc(audit_event::Column::Seq)
            .limit(STRIDE)
            .all(&work.scoped.tx)
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let next = last.0 + 1;
            if row.seq != next || row.previous_hash != last.1 || row.hash != digest(&row) {
                return Ok(Some(next));
            }
            last = (row.seq, row.hash);
        }
    }
    let whole = last == (head.audit_seq, head.audit_hash);
    Ok((!whole).then_some(last.0 + 1))
}
