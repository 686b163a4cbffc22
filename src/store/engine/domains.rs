//! Domains whose look at DNS was asked for.
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::super::schema::domain;
use super::super::{Engine, StoreError};
use super::find;
use crate::domain::{DomainName, TenantId};

/// A look that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// At which domain.
    pub name: DomainName,
    /// Whose it is.
    pub tenant: TenantId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was asked for, the longest waiting first.
pub async fn asked(engine: &Engine, limit: u64) -> Result<Vec<Asked>, StoreError> {
    let rows = find::<domain::Entity>()
        .filter(domain::Column::CheckAskedAt.is_not_null())
        .order_by_asc(domain::Column::CheckAskedAt)
        .limit(limit)
        .all(&engine.core.conn)
        .await?;
    let asked = rows.into_iter().filter_map(|row| {
        Some(Asked {
            name: DomainName::stored(row.name),
            tenant: TenantId(row.tenant_id),
            at: row.check_asked_at?,
        })
    });
    Ok(asked.collect())
}
