//! Domains: adding, proving, disabling, removing.
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{AppError, secret};
use crate::authz::{Includes, ManageDomains, Role, ViewDomains};
use crate::domain::{DomainName, Invalid, Page, PageRequest, TenantKind};
use crate::store::{Event, StoreError, Work, domains};

pub use crate::domain::dns::DnsRecord;
pub use crate::store::domains::Domain;

/// Domains of the tenant and all below, by name; `q` searches the name.
pub async fn list(
    work: &Work<ViewDomains>,
    q: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Domain>, AppError> {
    let q = q.map(str::trim).filter(|q| !q.is_empty());
    Ok(domains::page(work, q, page).await?)
}

/// The names of all domains, to choose from; `None` where there are more than `most`.
pub async fn names<P: Includes<ViewDomains>>(
    work: &Work<P>,
    most: u32,
) -> Result<Option<Vec<String>>, AppError> {
    let names = domains::names(work, u64::from(most) + 1).await?;
    Ok((names.len() <= most as usize).then_some(names))
}

/// One domain.
pub async fn find<P: Includes<ViewDomains>>(
    work: &Work<P>,
    name: &DomainName,
) -> Result<Domain, AppError> {
    domains::find(work, name).await?.ok_or(GONE)
}

/// Adds a domain to the tenant that the path names, which must be a customer. Only staff of the
/// platform may vouch for it.
pub async fn create(
    work: Work<ManageDomains>,
    name: DomainName,
    vouch: bool,
) -> Result<Domain, AppError> {
    if work.tenant().kind != TenantKind::Customer {
        let detail = format!(
            "A domain belongs to a customer, and {} is none. Open the customer and add it there.",
            work.tenant().name
        );
        return Err(Invalid::field("name", detail).into());
    }
    if vouch {
        must_be_platform_staff(&work)?;
    }
    let token = secret::make("");
    match domains::insert(&work, &name, token.expose_secret(), vouch).await {
        Err(StoreError::Taken(_)) => {
            let detail = format!("{name} is in use on this panel already.");
            return Err(AppError::conflict("domain-taken", detail));
        }
        inserted => inserted?,
    }
    let created = changed(&work, &name).await?;
    let event = about("domain.created", &created).change(Value::Null, told(&created));
    work.commit(event).await?;
    Ok(created)
}

/// Enables or disables a domain; its mailboxes follow. `vouch` is for staff of the platform.
pub async fn update(
    work: Work<ManageDomains>,
    name: &DomainName,
    enabled: Option<bool>,
    vouch: Option<bool>,
    expected: Option<&str>,
) -> Result<Domain, AppError> {
    let domain = changed(&work, name).await?;
    if expected.is_some_and(|version| version != domain.version()) {
        return Err(AppError::Stale);
    }
    let enable = enabled.unwrap_or(domain.enabled);
    let vouched = vouch.unwrap_or(domain.vouched);
    if vouched != domain.vouched {
        must_be_platform_staff(&work)?;
    }
    if (enable, vouched) == (domain.enabled, domain.vouched) {
        return Ok(domain);
    }
    domains::set(&work, &domain, enable, vouched).await?;
    let updated = changed(&work, name).await?;
    let event = about("domain.changed", &updated).change(told(&domain), told(&updated));
    work.commit(event).await?;
    Ok(updated)
}

/// Asks for a look at DNS, which the engine takes.
pub async fn request_verification(
    work: Work<ManageDomains>,
    name: &DomainName,
) -> Result<Domain, AppError> {
    let domain = changed(&work, name).await?;
    if domain.checking {
        return Ok(domain);
    }
    domains::ask_for_look(&work, &domain).await?;
    let asked = changed(&work, name).await?;
    work.commit(about("domain.check_asked", &asked)).await?;
    Ok(asked)
}

/// Removes a domain that has no users and no mailboxes left.
pub async fn remove(work: Work<ManageDomains>, name: &DomainName) -> Result<(), AppError> {
    let domain = changed(&work, name).await?;
    if domain.users + domain.mailboxes > 0 || !domains::remove(&work, &domain).await? {
        let detail = format!(
            "{name} still has {} users and {} mailboxes. Remove them first; a mailbox that was \
             taken away counts until it is purged.",
            domain.users, domain.mailboxes
        );
        return Err(AppError::conflict("domain-in-use", detail));
    }
    let event = about("domain.removed", &domain).change(told(&domain), Value::Null);
    Ok(work.commit(event).await?)
}

const GONE: AppError = AppError::NotFound("domain");

async fn changed(work: &Work<ManageDomains>, name: &DomainName) -> Result<Domain, AppError> {
    domains::find(work, name).await?.ok_or(GONE)
}

fn must_be_platform_staff(work: &Work<ManageDomains>) -> Result<(), AppError> {
    if work.platform_role() >= Some(Role::Admin) {
        return Ok(());
    }
    let detail = "Only the platform may vouch for a domain. Prove it by its TXT record instead.";
    Err(AppError::Forbidden(detail.to_owned()))
}

fn about(action: &'static str, domain: &Domain) -> Event {
    Event::new(action, "domain", domain.name.as_str())
        .id(domain.id.0)
        .of(domain.tenant)
}

fn told(domain: &Domain) -> Value {
    json!({"enabled": domain.enabled, "vouched": domain.vouched})
}
