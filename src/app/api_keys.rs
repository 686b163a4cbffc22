//! API keys.
use secrecy::SecretString;

use super::sign_in::KEY_PREFIX;
use super::{AppError, secret};
use crate::authz::{Actor, ManageApiKeys, Scope, ViewApiKeys};
use crate::domain::{ApiKeyId, Invalid, Page, PageRequest};
use crate::store::{Event, Work, api_keys};

pub use crate::store::api_keys::{ApiKey, NewApiKey};

/// The keys of the tenant and all below, newest first.
pub async fn list(work: &Work<ViewApiKeys>, page: &PageRequest) -> Result<Page<ApiKey>, AppError> {
    Ok(api_keys::page(work, page).await?)
}

/// Makes a key; the secret (`ph_…`) is returned this once. It is never stronger than its maker:
/// neither by role nor, when a limited key makes it, by scopes.
pub async fn create(
    work: Work<ManageApiKeys>,
    new: NewApiKey,
) -> Result<(ApiKey, SecretString), AppError> {
    check(&work, &new)?;
    let secret = secret::make(KEY_PREFIX);
    let created_by = match work.actor() {
        Actor::Member { email, .. } => email.clone(),
        Actor::Key { label, .. } => label.clone(),
        Actor::System { part } => (*part).to_owned(),
    };
    let id = api_keys::insert(&work, new, &secret, &created_by).await?;
    let key = api_keys::find(&work, id)
        .await?
        .ok_or(AppError::NotFound("API key"))?;
    let event = Event::new("api_key.created", "api_key", key.label.as_str()).id(id.0);
    work.commit(event.change(serde_json::Value::Null, told(&key)))
        .await?;
    Ok((key, secret))
}

/// Ends a key at once, unless it is stronger than oneself; ending it again changes nothing.
pub async fn revoke(work: Work<ManageApiKeys>, id: ApiKeyId) -> Result<ApiKey, AppError> {
    let gone = || AppError::NotFound("API key");
    let key = api_keys::find(&work, id).await?.ok_or_else(gone)?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    if key.role > work.role() {
        let detail = format!("This key is {}, and you are less.", key.role.as_str());
        return Err(AppError::Forbidden(detail));
    }
    api_keys::revoke(&work, &key).await?;
    let revoked = api_keys::find(&work, id).await?.ok_or_else(gone)?;
    let event = Event::new("api_key.revoked", "api_key", key.label.as_str()).id(id.0);
    work.commit(event.change(told(&key), serde_json::Value::Null))
        .await?;
    Ok(revoked)
}

fn check(work: &Work<ManageApiKeys>, new: &NewApiKey) -> Result<(), Invalid> {
    let mut faults = Invalid::default();
    faults.take(crate::domain::user::display_name("label", &new.label));
    if new.role > work.role() {
        let own = work.role().as_str();
        let detail = format!("You are {own} here, and a key cannot be more. Choose {own} or less.");
        faults.push("role", detail);
    }
    if let Actor::Key { scopes, .. } = work.actor()
        && !scopes.is_empty()
        && (new.scopes.is_empty() || !new.scopes.iter().all(|scope| within(scope, scopes)))
    {
        let own: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let detail = format!(
            "This key is limited to {}. Choose from these.",
            own.join(", ")
        );
        faults.push("scopes", detail);
    }
    for (address, bits) in &new.networks {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if *bits > most {
            let detail = format!("{address} has {most} bits. Enter {address}/{most} or less.");
            faults.push("networks", detail);
        }
    }
    if new.expires_at.is_some_and(|end| end <= work.now()) {
        faults.push("expires_at", "Enter a time that is still to come.");
    }
    faults.into_result()
}

fn within(scope: &Scope, own: &[Scope]) -> bool {
    own.iter()
        .any(|other| other.resource == scope.resource && (other.write || !scope.write))
}

fn told(key: &ApiKey) -> serde_json::Value {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "label": key.label,
        "role": key.role,
        "scopes": scopes,
        "networks": key.networks,
        "expires_at": key.expires_at,
    })
}
