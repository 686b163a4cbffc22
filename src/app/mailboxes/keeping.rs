//! Taking a mailbox away and keeping it, bringing it back, destroying it.
use chrono::TimeDelta;
use serde_json::json;

use super::super::{AppError, seats};
use super::{event, expect_not_converting, find, find_to_change};
use crate::authz::{Includes, Mutates, PurgeMailboxes, RemoveMailboxes, ViewPlans};
use crate::domain::Mailbox;
use crate::store::{self, Event, Work};

/// Takes a mailbox away and keeps it, whole, for the plan's retention time.
pub async fn retain(work: Work<RemoveMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    let Some(event) = keep(&work, &mailbox).await? else {
        return Ok(mailbox);
    };
    let changed = find(&work, &mailbox.id.to_string()).await?;
    work.commit(event).await?;
    Ok(changed)
}

/// Keeps a mailbox within a larger change; returns what to write into the log, unless it was kept
/// already.
pub(in crate::app) async fn keep<P>(
    work: &Work<P>,
    mailbox: &Mailbox,
) -> Result<Option<Event>, AppError>
where
    P: Mutates + Includes<RemoveMailboxes> + Includes<ViewPlans>,
{
    expect_not_converting(mailbox)?;
    if mailbox.retained_at.is_some() {
        return Ok(None);
    }
    let days = match store::brand::in_force(work, mailbox.tenant).await? {
        Some(store::brand::InForce {
            retention_days: Some(days),
            ..
        }) => days,
        _ => store::plans::of(work, mailbox).await?.retention_days,
    };
    let purge_after = work.now() + TimeDelta::days(i64::from(days));
    store::mailboxes::retain(work, mailbox, purge_after).await?;
    let kept = Mailbox {
        retained_at: Some(work.now()),
        purge_after: Some(purge_after),
        ..mailbox.clone()
    };
    Ok(Some(told("mailbox.retained", mailbox, &kept)))
}

/// Brings a retained mailbox back, in the kind it had. While it is kept it takes no seat; now it does.
pub async fn bring_back(work: Work<RemoveMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    if mailbox.retained_at.is_none() {
        return Ok(mailbox);
    }
    expect_not_purged(&mailbox)?;
    let seat = seats::take(&work, mailbox.tenant, mailbox.plan).await?;
    seat.map_err(|none| {
        AppError::conflict("no-seat", none.to_bring_back(mailbox.address.as_str()))
    })?;
    store::mailboxes::bring_back(&work, &mailbox).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    let event = told("mailbox.brought_back", &mailbox, &changed);
    work.commit(event).await?;
    Ok(changed)
}

/// Destroys a mailbox and all its mail; the server follows, then the row goes.
pub async fn purge(work: Work<PurgeMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    expect_not_converting(&mailbox)?;
    if mailbox.purge_asked {
        return Ok(mailbox);
    }
    store::mailboxes::purge(&work, &mailbox).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    work.commit(told("mailbox.purged", &mailbox, &changed))
        .await?;
    Ok(changed)
}

/// Destroys a mailbox whose time is over; one that was brought back meanwhile stays.
pub async fn purge_ended(work: Work<PurgeMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let found = find_to_change(&work, mailbox).await?;
    let over = found.purge_after.is_some_and(|after| after <= work.now());
    if found.retained_at.is_none() || !over {
        let said = format!(
            "{} is not kept any more, or its time is not over.",
            found.address
        );
        return Err(AppError::conflict("not-ended", said));
    }
    purge(work, mailbox).await
}

/// Refuses to bring back what is being destroyed.
fn expect_not_purged(mailbox: &Mailbox) -> Result<(), AppError> {
    if !mailbox.purge_asked {
        return Ok(());
    }
    Err(AppError::conflict(
        "purged",
        format!(
            "{} is being destroyed and cannot be brought back.",
            mailbox.address
        ),
    ))
}

fn told(action: &'static str, before: &Mailbox, after: &Mailbox) -> Event {
    let facts = |mailbox: &Mailbox| json!({ "retained_at": mailbox.retained_at, "purge_after": mailbox.purge_after });
    event(action, before).change(facts(before), facts(after))
}
