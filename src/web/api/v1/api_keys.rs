//! `/api-keys`: making and revoking keys. The secret is in one answer and nowhere else, not even in
//! the answer that is kept for a repeated request.
use std::net::IpAddr;

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::One;
use crate::app::api_keys::{self, NewApiKey};
use crate::authz::{ManageApiKeys, Role, Scope, ViewApiKeys};
use crate::domain::user::display_name;
use crate::domain::{ApiKeyId, Invalid};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::gate::KeepInstead;
use crate::web::api::query::PagingParams;
use crate::web::api::{Ask, Change, Json, Paging};
use crate::web::client::Network;
use crate::web::error::Problem;

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// UUIDv7.
    id: uuid::Uuid,
    /// The slug of the tenant whose it is: it reaches that one and all below.
    tenant: String,
    /// What it is for.
    label: String,
    /// Its role.
    role: Role,
    /// What it is limited to, such as `mailboxes:read`; empty means everything its role may.
    scopes: Vec<String>,
    /// The networks it may come from; empty means any.
    networks: Vec<String>,
    /// Its last four characters, to recognise it by.
    hint: String,
    /// Who made it.
    created_by: String,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Good until; null for no end.
    expires_at: Option<DateTime<Utc>>,
    /// Last used at.
    last_used_at: Option<DateTime<Utc>>,
    /// Revoked at.
    revoked_at: Option<DateTime<Utc>>,
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeApiKey {
    #[serde(flatten)]
    about: ApiKey,
    /// The key itself, shown this once; null when the answer is repeated, and in a dry run.
    #[schema(example = "ph_…")]
    key: Option<String>,
}

impl From<api_keys::ApiKey> for ApiKey {
    fn from(key: api_keys::ApiKey) -> Self {
        Self {
            id: key.id.0,
            tenant: key.tenant_slug.to_string(),
            label: key.label,
            role: key.role,
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            networks: key.networks,
            hint: key.hint,
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// What a new key is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKeyBody {
    /// What it is for: 1 to 100 characters.
    #[schema(example = "Provisioning", min_length = 1, max_length = 100)]
    label: String,
    /// Its role; not above that of the key that makes it.
    role: Role,
    /// What it is limited to, such as `mailboxes:write`; without it, everything its role may.
    #[serde(default)]
    scopes: Vec<String>,
    /// Good until; without it or with null, for good.
    expires_at: Option<DateTime<Utc>>,
    /// The networks it may come from, such as `203.0.113.0/24`; without it, any.
    #[serde(default)]
    networks: Vec<String>,
}

/// List API keys
///
/// Of the tenant and all below, newest first, also revoked ones.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/api-keys", operation_id = "listApiKeys", tag = "API keys",
    params(PagingParams), responses((status = 200, description = "A page of keys", body = List<ApiKey>)))]
pub async fn list(ask: Ask<Cx<ViewApiKeys>, Paging>) -> Result<HttpResponse, Problem> {
    let page = api_keys::list(&ask.cx.begin().await?, &ask.query.request).await?;
    answer::list(&ask.query, page, ApiKey::from)
}

/// Make an API key
///
/// The answer has the key itself, this once.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/api-keys", operation_id = "createApiKey", tag = "API keys",
    request_body = NewApiKeyBody, responses((status = 201, description = "The new key", body = MadeApiKey)))]
pub async fn create(
    ask: Ask<Cx<ManageApiKeys>, Change, Json<NewApiKeyBody>>,
) -> Result<HttpResponse, Problem> {
    let new = parse(&ask.body.0, ask.cx.now())?;
    let (key, secret) = api_keys::create(ask.cx.begin().await?, new).await?;
    let location = super::location(&key.tenant_slug, &["api-keys", &key.id.to_string()]);
    let mut wire = MadeApiKey {
        about: key.into(),
        key: None,
    };
    let kept = serde_json::to_vec(&wire).unwrap_or_default();
    wire.key = (!ask.cx.dry_run()).then(|| secret.expose_secret().to_owned());
    let mut answer = ask.created(&location, "key", &wire)?;
    answer.extensions_mut().insert(KeepInstead(kept));
    Ok(answer)
}

/// Revoke an API key
///
/// At once; revoking it again changes nothing.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/api-keys/{key}", operation_id = "revokeApiKey", tag = "API keys",
    responses((status = 204, description = "It is revoked")))]
pub async fn revoke(
    ask: Ask<Cx<ManageApiKeys>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id: ApiKeyId = super::id(&path.1, "API key")?;
    let key = api_keys::revoke(ask.cx.begin().await?, id).await?;
    ask.removed(&ApiKey::from(key))
}

fn parse(body: &NewApiKeyBody, now: DateTime<Utc>) -> Result<NewApiKey, Invalid> {
    let mut faults = Invalid::default();
    let label = faults.take(display_name("label", &body.label));
    let mut scopes = Vec::new();
    for (place, word) in body.scopes.iter().enumerate() {
        match Scope::parse(word) {
            Some(scope) => scopes.push(scope),
            None => faults.push(
                &format!("scopes/{place}"),
                format!("“{word}” is no scope. Use a resource and :read or :write, such as mailboxes:read."),
            ),
        }
    }
    if body.expires_at.is_some_and(|end| end <= now) {
        faults.push(
            "expires_at",
            "It is over already. Choose a later time, or leave it out.",
        );
    }
    let mut networks = Vec::new();
    for (place, text) in body.networks.iter().enumerate() {
        match network(text) {
            Some(network) => networks.push(network),
            None => faults.push(
                &format!("networks/{place}"),
                format!("“{text}” is no network. Enter one such as 203.0.113.0/24."),
            ),
        }
    }
    let label = label.unwrap_or_default();
    faults.into_result()?;
    Ok(NewApiKey {
        label,
        role: body.role,
        scopes,
        networks,
        expires_at: body.expires_at,
    })
}

/// `address/bits`, or one address.
fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((address, bits))
}
