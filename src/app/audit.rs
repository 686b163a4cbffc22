//! Reading the audit log.
use super::AppError;
use crate::authz::ViewAudit;
use crate::domain::{Page, PageRequest};
use crate::store::{Work, audit};

pub use crate::store::audit::Entry;

/// Newest first; `target` limits it to one thing's history.
pub async fn list(
    work: &Work<ViewAudit>,
    target: Option<uuid::Uuid>,
    page: &PageRequest,
) -> Result<Page<Entry>, AppError> {
    Ok(audit::page(work, target, page).await?)
}

/// Walks the chain of the tenant that the path names; returns the place of the first entry that
/// does not fit, if there is one.
pub async fn verify(work: &Work<ViewAudit>) -> Result<Option<i64>, AppError> {
    Ok(audit::first_fault(work).await?)
}
