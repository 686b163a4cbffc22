//! Looks for what was changed behind the panel's back: mailboxes that are not as they were asked
//! for, and accounts that nobody knows. What it finds is shown, never repaired by itself.
//!
//! Two walks, each a page at a time: the panel's mailboxes are observed on the server, then the
//! server's accounts are looked up in the panel. One merged walk would need both sides to sort
//! alike, and databases sort text by their own rules.
use std::sync::Arc;

use super::Context;
use super::reconciler::{desired, plan};
use super::rhythm::Again;
use crate::backends::{MailServer, ServerError};
use crate::domain::mailbox::Difference;
use crate::domain::mailserver::{Aspect, DesiredMailbox, Observed};
use crate::domain::{EmailAddress, MailboxId, ObservedMailbox, Protocol, ServerId};
use crate::store::engine::sweep;

/// Mailboxes or accounts in one page.
const PAGE: u32 = 200;

/// Sweeps a server, when that is due.
pub async fn step(context: Context, server: ServerId) -> anyhow::Result<Again> {
    let Ok(remote) = context.servers.get(server) else {
        return Ok(Again::Later);
    };
    if !sweep::begin(&context.store, server, context.pace.sweep_every).await? {
        return Ok(Again::Later);
    }
    match now(&context, server, &remote).await? {
        Ok(()) => {}
        // The health loop says so; the next sweep finds what this one did not.
        Err(error) => tracing::warn!(%error, "a sweep was broken off"),
    }
    Ok(Again::Later)
}

/// Sweeps a server now. The inner error is the server's.
pub async fn now(
    context: &Context,
    server: ServerId,
    remote: &Arc<dyn MailServer>,
) -> anyhow::Result<Result<(), ServerError>> {
    if let Err(error) = look_for_drift(context, server, remote).await? {
        return Ok(Err(error));
    }
    look_for_strays(context, server, remote).await
}

async fn look_for_drift(
    context: &Context,
    server: ServerId,
    remote: &Arc<dyn MailServer>,
) -> anyhow::Result<Result<(), ServerError>> {
    let mut after: Option<MailboxId> = None;
    loop {
        let store = &context.store;
        let page = sweep::settled_after(store, server, after, u64::from(PAGE)).await?;
        let Some(last) = page.last() else {
            return Ok(Ok(()));
        };
        after = Some(last.mailbox.id);
        let addresses: Vec<_> = page.iter().map(|one| one.mailbox.address.clone()).collect();
        let mut observed = match remote.observe(&addresses).await {
            Ok(observed) => observed,
            Err(error) => return Ok(Err(error)),
        };
        let now = store.clock().now();
        for asked in page {
            let ends = asked.mailbox.levels.switches.next_end();
            if ends.is_some_and(|end| end <= now) {
                continue;
            }
            let seen = observed.remove(&asked.mailbox.address).unwrap_or_default();
            let found = differences(&desired(&asked, now), &seen);
            sweep::record_drift(store, &asked.mailbox, &found).await?;
        }
    }
}

async fn look_for_strays(
    context: &Context,
    server: ServerId,
    remote: &Arc<dyn MailServer>,
) -> anyhow::Result<Result<(), ServerError>> {
    let store = &context.store;
    let since = store.clock().now();
    let mut after: Option<EmailAddress> = None;
    loop {
        let page = match remote.list(after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.address.clone());
        match unknown(context, server, remote, page).await? {
            Ok(strays) => sweep::record_strays(store, server, &strays).await?,
            Err(error) => return Ok(Err(error)),
        }
    }
    sweep::forget_strays(store, server, since).await?;
    Ok(Ok(()))
}

/// Accounts that are no mailbox of ours. One that is being destroyed at this moment may be on the
/// page and gone from the panel: so the server is asked once more.
async fn unknown(
    context: &Context,
    server: ServerId,
    remote: &Arc<dyn MailServer>,
    page: Vec<ObservedMailbox>,
) -> anyhow::Result<Result<Vec<ObservedMailbox>, ServerError>> {
    let addresses: Vec<_> = page.iter().map(|one| one.address.clone()).collect();
    let known = sweep::known(&context.store, server, &addresses).await?;
    let unknown: Vec<_> = addresses
        .into_iter()
        .filter(|address| !known.contains(address))
        .collect();
    if unknown.is_empty() {
        return Ok(Ok(vec![]));
    }
    let still = remote.observe(&unknown).await;
    Ok(still.map(|still| still.into_values().filter_map(|one| one.account).collect()))
}

/// What differs, in the words of the screens: empty when the account is as asked.
#[must_use]
pub fn differences(desired: &DesiredMailbox, observed: &Observed) -> Vec<Difference> {
    let Some(account) = plan::ours(desired, observed) else {
        return vec![difference("account", "there", "missing")];
    };
    let aspects = plan::differing(desired, account);
    let tell = |aspect: &Aspect| tell(*aspect, desired, account);
    aspects.iter().flat_map(tell).collect()
}

fn tell(aspect: Aspect, desired: &DesiredMailbox, account: &ObservedMailbox) -> Vec<Difference> {
    let one = |name: &str, asked: String, found: String| vec![difference(name, asked, found)];
    let on = |on: bool| if on { "on" } else { "off" };
    match aspect {
        Aspect::Open => {
            let differs = |p: &Protocol| desired.open.has(*p) != account.open.has(*p);
            let tell = |p: Protocol| {
                let (asked, found) = (on(desired.open.has(p)), on(account.open.has(p)));
                difference(format!("open.{}", p.as_str()), asked, found)
            };
            Protocol::ALL
                .into_iter()
                .filter(differs)
                .map(tell)
                .collect()
        }
        Aspect::Receives => one(
            "receives",
            on(desired.receives).to_owned(),
            on(account.receives).to_owned(),
        ),
        Aspect::Quota => one(
            "quota",
            desired.quota_bytes.to_string(),
            account.quota_bytes.to_string(),
        ),
        Aspect::DisplayName => one(
            "display_name",
            desired.display_name.clone(),
            account.display_name.clone(),
        ),
        Aspect::Password => one("password", "as set".to_owned(), "another".to_owned()),
        Aspect::Marker => {
            let found = account.marker.map(|id| id.to_string());
            one("marker", desired.id.to_string(), found.unwrap_or_default())
        }
        Aspect::Address => one(
            "address",
            desired.address.to_string(),
            account.address.to_string(),
        ),
        Aspect::ClosedReason => one(
            "closed_reason",
            desired.closed_reason.clone().unwrap_or_default(),
            account.closed_reason.clone().unwrap_or_default(),
        ),
    }
}

fn difference(
    aspect: impl Into<String>,
    asked: impl Into<String>,
    found: impl Into<String>,
) -> Difference {
    Difference {
        aspect: aspect.into(),
        asked: asked.into(),
        found: found.into(),
    }
}
