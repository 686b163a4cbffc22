//! What every panel has from its first start: the platform tenant and two plans. Nothing here
//! touches a row that is there already.
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, Set,
};

use super::StoreError;
use super::cx::Core;
use super::schema::{plan, tenant};
use crate::domain::{Kind, PlanId, TenantId, TenantKind};

/// The slug of the root of the tree.
pub const PLATFORM: &str = "platform";

const GIB: i64 = 1 << 30;

/// Makes the platform and its plans, unless there is a platform.
#[expect(
    clippy::disallowed_methods,
    reason = "before this there is no tenant to be within reach of"
)]
pub(super) async fn seed(core: &Core) -> Result<(), StoreError> {
    let tx = core.begin_write().await?;
    let platform = tenant::Entity::find()
        .filter(tenant::Column::ParentId.is_null())
        .one(&tx)
        .await?;
    if platform.is_some() {
        return Ok(tx.rollback().await?);
    }
    let now = core.clock.now();
    let id = TenantId::new();
    tenant::ActiveModel {
        id: Set(id.0),
        parent_id: Set(None),
        kind: Set(TenantKind::Platform.as_str().to_owned()),
        slug: Set(PLATFORM.to_owned()),
        name: Set("Platform".to_owned()),
        path: Set(id.to_string()),
        suspended_at: Set(None),
        suspended_reason: Set(None),
        time_zone: Set("UTC".to_owned()),
        audit_seq: Set(0),
        audit_hash: Set(String::new()),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    }
    .insert(&tx)
    .await?;
    default_plan(&tx, id, now, Kind::PopImap, ("basic", "Basic"), 10 * GIB).await?;
    default_plan(
        &tx,
        id,
        now,
        Kind::Exchange,
        ("exchange", "Exchange"),
        25 * GIB,
    )
    .await?;
    Ok(tx.commit().await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "before this there is no tenant to be within reach of"
)]
async fn default_plan(
    tx: &DatabaseTransaction,
    platform: TenantId,
    now: DateTime<Utc>,
    kind: Kind,
    (slug, name): (&str, &str),
    quota_bytes: i64,
) -> Result<(), DbErr> {
    let words = |protocols: crate::domain::Protocols| {
        protocols
            .iter()
            .map(crate::domain::Protocol::as_str)
            .collect::<Vec<_>>()
            .into()
    };
    plan::ActiveModel {
        id: Set(PlanId::new().0),
        tenant_id: Set(platform.0),
        slug: Set(slug.to_owned()),
        name: Set(name.to_owned()),
        kind: Set(kind.as_str().to_owned()),
        allowed: Set(words(kind.allows())),
        starts_on: Set(words(kind.starts_on())),
        quota_bytes: Set(quota_bytes),
        retention_days: Set(30),
        price_code: Set(None),
        is_default: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
    }
    .insert(tx)
    .await?;
    Ok(())
}
