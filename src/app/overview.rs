//! The first page: what needs somebody, worst first.
use super::AppError;
use crate::authz::ViewMailboxes;
pub use crate::store::overview::Overview;
use crate::store::{self, Work};

/// What needs somebody on this tenant and all below.
pub async fn show(work: &Work<ViewMailboxes>) -> Result<Overview, AppError> {
    Ok(store::overview::show(work).await?)
}
