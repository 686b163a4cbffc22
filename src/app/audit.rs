//! Reading the audit log.
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::AppError;
use crate::authz::ViewAudit;
use crate::domain::{Page, PageRequest, Slug};
use crate::store::Work;

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
    /// … and its name.
    pub target: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is.
    pub after: Option<Value>,
}

/// Newest first; `target` limits it to one thing's history.
pub async fn list(
    work: &Work<ViewAudit>,
    target: Option<uuid::Uuid>,
    page: &PageRequest,
) -> Result<Page<Entry>, AppError> {
    let _ = (work, target, page);
    unimplemented!()
}

/// Walks the chain of the tenant that the path names; returns the place of the first entry that
/// does not fit, if there is one.
pub async fn verify(work: &Work<ViewAudit>) -> Result<Option<i64>, AppError> {
    let _ = work;
    unimplemented!()
}
