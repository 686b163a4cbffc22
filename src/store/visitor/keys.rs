//! API keys, by their secrets.
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};

use super::digest;
use crate::authz::{Actor, Role};
use crate::domain::{ApiKeyId, TenantId};
use crate::store::schema::api_key;
use crate::store::{Db, StoreError, api_keys};

/// How often the last use is noted.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// The actor of a key that is neither revoked nor over, asked for from one of its networks.
#[expect(
    clippy::disallowed_methods,
    reason = "the key decides the reach; there is none yet"
)]
pub async fn find(
    db: &Db,
    secret: &SecretString,
    ip: Option<IpAddr>,
) -> Result<Option<Actor>, StoreError> {
    let now = db.now();
    let live = Condition::any()
        .add(api_key::Column::ExpiresAt.is_null())
        .add(api_key::Column::ExpiresAt.gt(now));
    let row = api_key::Entity::find()
        .filter(api_key::Column::SecretHash.eq(digest(secret.expose_secret())))
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(live)
        .one(&db.core.conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let networks: Vec<String> = serde_json::from_value(row.networks)?;
    if !networks.is_empty() && !ip.is_some_and(|ip| networks.iter().any(|net| is_in(ip, net))) {
        return Ok(None);
    }
    let Some(role) = Role::parse(&row.role) else {
        return Ok(None);
    };
    let id = ApiKeyId(row.id);
    if row.last_used_at.is_none_or(|last| now - last >= NOTED) {
        note_use(db.clone(), id, now);
    }
    Ok(Some(Actor::Key {
        id,
        label: row.label,
        tenant: TenantId(row.tenant_id),
        role,
        scopes: api_keys::scopes(row.scopes)?,
    }))
}

/// Notes the use, beside the request: reading must not wait for a writer.
fn note_use(db: Db, key: ApiKeyId, now: DateTime<Utc>) {
    tokio::spawn(async move {
        if let Err(error) = set_last_use(&db, key, now).await {
            tracing::warn!(%error, %key, "the use of a key was not noted");
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "the key was found by its secret")]
async fn set_last_use(db: &Db, key: ApiKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(key.0))
        .exec(&db.core.conn)
        .await?;
    Ok(())
}

/// Whether an address lies in a network, written `address/bits`. One that cannot be read holds
/// nobody.
fn is_in(ip: IpAddr, network: &str) -> bool {
    let read = || {
        let (base, bits) = network.split_once('/')?;
        Some((base.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?))
    };
    let Some((base, bits)) = read() else {
        return false;
    };
    match (ip.to_canonical(), base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(bits))
                .unwrap_or(0);
            u32::from(ip) & mask == u32::from(base) & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(base)) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(bits))
                .unwrap_or(0);
            u128::from(ip) & mask == u128::from(base) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_network_or_not() {
        let is = |ip: &str, network| is_in(ip.parse().unwrap(), network);
        assert!(is("192.0.2.7", "192.0.2.0/24"));
        assert!(is("::ffff:192.0.2.7", "192.0.2.0/24"));
        assert!(is("192.0.2.7", "0.0.0.0/0"));
        assert!(is("192.0.2.7", "192.0.2.7/32"));
        assert!(is("2001:db8::1", "2001:db8::/32"));
        assert!(!is("192.0.3.7", "192.0.2.0/24"));
        assert!(!is("192.0.2.8", "192.0.2.7/32"));
        assert!(!is("2001:db9::1", "2001:db8::/32"));
        assert!(!is("2001:db8::1", "192.0.2.0/24"));
        assert!(!is("192.0.2.7", "nonsense"));
    }
}
