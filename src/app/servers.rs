//! Mail servers, as an admin sees them, and the accounts on them that nobody knows.
use serde_json::json;

use super::{AppError, mailboxes, plans, seats};
use crate::authz::{Includes, ManageServers, ViewServers};
use crate::domain::{EmailAddress, Kind, Mailbox, Page, PageRequest, Protocols, Switches};
pub use crate::domain::{Found, Server, Stray};
use crate::store::{self, Work};

/// All servers; empty below the platform, whose they are.
pub async fn list(work: &Work<ViewServers>, page: &PageRequest) -> Result<Page<Server>, AppError> {
    Ok(store::servers::list(work, page).await?)
}

/// One server, by id or name.
pub async fn find<P: Includes<ViewServers>>(
    work: &Work<P>,
    server: &str,
) -> Result<Server, AppError> {
    let found = store::servers::find(work, server).await?;
    found.ok_or(AppError::NotFound("mail server"))
}

/// Accounts on it that nobody knows.
pub async fn strays(
    work: &Work<ViewServers>,
    server: &str,
    page: &PageRequest,
) -> Result<Page<Stray>, AppError> {
    let server = find(work, server).await?;
    Ok(store::servers::strays(work, &server, page).await?)
}

/// Takes such an account over as a shared mailbox of the tenant that owns its domain. Nothing
/// changes for its clients: what is open stays open, its size stays, also one above the plan's.
/// Only what the default plan of its kind does not include is closed.
pub async fn adopt_stray(
    work: Work<ManageServers>,
    server: &str,
    address: &EmailAddress,
) -> Result<Mailbox, AppError> {
    let server = find(&work, server).await?;
    let found = store::servers::find_stray(&work, &server, address).await?;
    let found = found.ok_or(AppError::NotFound("account"))?;
    let (tenant, domain) = store::addresses::domain_of(&work, address)
        .await?
        .ok_or_else(|| no_domain(address))?;
    if let Some(holder) = store::addresses::holder(&work, address).await? {
        return Err(mailboxes::taken(address, holder));
    }
    let plan = plans::choose(&work, tenant, kind(found.open), None, "plan").await?;
    let seat = seats::take(&work, tenant, plan.id).await?;
    seat.map_err(|none| AppError::conflict("no-seat", none.sentence()))?;
    let new = store::mailboxes::New {
        tenant,
        domain,
        user: None,
        address,
        display_name: name(&found, address),
        plan: &plan,
        quota_bytes: size(&found, plan.quota_bytes),
        server: server.id,
        switches: Switches::on(found.open),
        receives: found.receives,
        remote_id: Some(found.remote_id.clone()),
    };
    let id = store::mailboxes::create(&work, new).await?;
    store::servers::forget_stray(&work, &server, address).await?;
    let mailbox = mailboxes::find(&work, &id.to_string()).await?;
    let adopted = mailboxes::event("mailbox.stray_adopted", &mailbox);
    work.commit(adopted.change(
        json!(null),
        json!({ "server": server.name, "found": found }),
    ))
    .await?;
    Ok(mailbox)
}

/// The kind that may have all that is open.
fn kind(open: Protocols) -> Kind {
    if Kind::PopImap.allows().covers(open) {
        Kind::PopImap
    } else {
        Kind::Exchange
    }
}

fn name<'a>(found: &'a Found, address: &'a EmailAddress) -> &'a str {
    match found.display_name.trim() {
        "" => address.local(),
        name => name,
    }
}

/// The size that was found; without a limit, what the plan gives.
fn size(found: &Found, plan: i64) -> i64 {
    if found.quota_bytes > 0 {
        found.quota_bytes
    } else {
        plan
    }
}

fn no_domain(address: &EmailAddress) -> AppError {
    let detail = format!(
        "{} is no customer's domain here. Add it to the customer whose it is, then adopt {address}.",
        address.domain()
    );
    AppError::conflict("stray-domain", detail)
}
