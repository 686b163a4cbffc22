//! API keys: stored as hashes, looked up by them in [`super::visitor::keys`].
use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::schema::api_key;
use super::{StoreError, Work, tenants};
use crate::authz::{Includes, ManageApiKeys, Permission, Role, Scope, ViewApiKeys};
use crate::domain::{ApiKeyId, Page, PageRequest, Slug};

/// A key, without its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub tenant_slug: Slug,
    /// What it is for.
    pub label: String,
    /// Its role on the tenant and all below.
    pub role: Role,
    /// What it is limited to; empty means everything its role may.
    pub scopes: Vec<Scope>,
    /// The networks it may come from, as `address/bits`; empty means any.
    pub networks: Vec<String>,
    /// The last four characters, to recognise it by.
    pub hint: String,
    /// Who made it.
    pub created_by: String,
    /// Made at.
    pub created_at: DateTime<Utc>,
    /// Good until.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last used at.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Revoked at.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a new key is made of.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What it is for.
    pub label: String,
    /// Its role; not above the maker's own.
    pub role: Role,
    /// What it is limited to.
    pub scopes: Vec<Scope>,
    /// The networks it may come from, parsed: address and prefix length.
    pub networks: Vec<(IpAddr, u8)>,
    /// Good until.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The scopes as they are stored. One that the policy no longer knows stays in the list and covers
/// nothing: left out, it could leave a list that is empty, which means everything.
pub(super) fn scopes(stored: Value) -> Result<Vec<Scope>, StoreError> {
    let words: Vec<String> = serde_json::from_value(stored)?;
    let scope = |word: String| {
        Scope::parse(&word).unwrap_or(Scope {
            resource: word,
            write: false,
        })
    };
    Ok(words.into_iter().map(scope).collect())
}

fn from_row(row: api_key::Model, slugs: &HashMap<Uuid, Slug>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId(row.id),
        tenant_slug: slugs[&row.tenant_id].clone(),
        label: row.label,
        role: Role::parse(&row.role).unwrap_or(Role::Viewer),
        scopes: scopes(row.scopes)?,
        networks: serde_json::from_value(row.networks)?,
        hint: row.hint,
        created_by: row.created_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    })
}

/// The keys of the tenant and all below, newest first.
pub async fn page<P: Includes<ViewApiKeys>>(
    work: &Work<P>,
    request: &PageRequest,
) -> Result<Page<ApiKey>, StoreError> {
    let mut query = work.scoped.find::<api_key::Entity>();
    let total = query.clone().count(&work.scoped.tx).await?;
    if let Some([id]) = request.after.as_deref()
        && let Ok(id) = id.parse::<Uuid>()
    {
        query = query.filter(api_key::Column::Id.lt(id));
    }
    let rows = query
        .order_by_desc(api_key::Column::Id)
        .limit(u64::from(request.limit) + 1)
        .all(&work.scoped.tx)
        .await?;
    let page = Page::cut(rows, request, total, |row| vec![row.id.to_string()]);
    let items = with_slugs(work, page.items).await?;
    Ok(Page {
        items,
        next: page.next,
        total: page.total,
    })
}

/// One key.
pub async fn find<P: Includes<ViewApiKeys>>(
    work: &Work<P>,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, StoreError> {
    let row = work
        .scoped
        .find::<api_key::Entity>()
        .filter(api_key::Column::Id.eq(id.0))
        .one(&work.scoped.tx)
        .await?;
    Ok(with_slugs(work, row.into_iter().collect()).await?.pop())
}

async fn with_slugs<P: Permission>(
    work: &Work<P>,
    rows: Vec<api_key::Model>,
) -> Result<Vec<ApiKey>, StoreError> {
    let slugs = tenants::slugs(work, rows.iter().map(|row| row.tenant_id)).await?;
    rows.into_iter().map(|row| from_row(row, &slugs)).collect()
}

/// A new key of the tenant that the path names.
pub async fn insert<P: Includes<ManageApiKeys>>(
    work: &Work<P>,
    new: NewApiKey,
    secret: &SecretString,
    created_by: &str,
) -> Result<ApiKeyId, StoreError> {
    let id = ApiKeyId::new();
    let secret = secret.expose_secret();
    let scopes: Vec<String> = new.scopes.iter().map(ToString::to_string).collect();
    let networks: Vec<String> = new
        .networks
        .iter()
        .map(|(address, bits)| format!("{address}/{bits}"))
        .collect();
    let row = api_key::ActiveModel {
        id: Set(id.0),
        label: Set(new.label),
        role: Set(new.role.as_str().to_owned()),
        scopes: Set(scopes.into()),
        networks: Set(networks.into()),
        secret_hash: Set(super::visitor::digest(secret)),
        hint: Set(secret[secret.len().saturating_sub(4)..].to_owned()),
        created_by: Set(created_by.to_owned()),
        created_at: Set(work.now()),
        expires_at: Set(new.expires_at),
        last_used_at: Set(None),
        revoked_at: Set(None),
        ..Default::default()
    };
    work.scoped.insert(row).await?;
    Ok(id)
}

/// Ends a key that has not been ended before.
pub async fn revoke<P: Includes<ManageApiKeys>>(
    work: &Work<P>,
    key: &ApiKey,
) -> Result<(), StoreError> {
    work.scoped
        .update::<api_key::Entity>()
        .col_expr(api_key::Column::RevokedAt, Expr::value(work.now()))
        .filter(api_key::Column::Id.eq(key.id.0))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}
