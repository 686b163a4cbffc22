//! Tenants.
use super::schema::tenant;
use crate::domain::{Slug, Tenant, TenantId, TenantKind};

pub(super) fn from_row(row: tenant::Model) -> Tenant {
    Tenant {
        id: TenantId(row.id),
        parent: row.parent_id.map(TenantId),
        kind: TenantKind::stored(&row.kind),
        slug: Slug::stored(row.slug),
        name: row.name,
        suspended: row
            .suspended_at
            .map(|_| row.suspended_reason.unwrap_or_default()),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
