//! Changes of a mailbox in service: name, size, plan, switches, suspension.
use serde_json::{Map, Value, json};

use super::super::{AppError, plans, seats};
use super::{
    event, expect_in_service, expect_not_converting, expect_version, find, find_to_change,
};
use crate::authz::{EditMailboxes, SuspendMailboxes};
use crate::domain::effective::SwitchValue;
use crate::domain::{Invalid, Mailbox, Plan, Protocol, plan};
use crate::store::{self, Work, mailboxes::Update};

/// A change of a mailbox; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct MailboxChange {
    /// The name on screens.
    pub display_name: Option<String>,
    /// Bytes it may hold, within the plan.
    pub quota_bytes: Option<i64>,
    /// The plan's slug; of the same kind.
    pub plan: Option<String>,
    /// Whether mail is accepted for it.
    pub receives: Option<bool>,
}

/// Changes a mailbox. A new plan brings its own size, unless one is named, and leaves every switch
/// as it is: what the plan does not include is closed by the plan.
pub async fn update(
    work: Work<EditMailboxes>,
    mailbox: &str,
    change: MailboxChange,
    expected: Option<&str>,
) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    expect_version(&mailbox, expected)?;
    expect_in_service(&mailbox)?;
    expect_not_converting(&mailbox)?;
    let plan = match change.plan.as_deref() {
        Some(slug) => {
            plans::choose(&work, mailbox.tenant, mailbox.kind, Some(slug), "plan").await?
        }
        None => store::plans::of(&work, &mailbox).await?,
    };
    let quota_bytes = size(&work, &mailbox, &change, &plan).await?;
    if plan.id != mailbox.plan {
        let seat = seats::take(&work, mailbox.tenant, plan.id).await?;
        seat.map_err(|none| Invalid::field("plan", none.sentence()))?;
    }
    let update = Update {
        display_name: change
            .display_name
            .filter(|name| *name != mailbox.display_name),
        quota_bytes: Some(quota_bytes).filter(|bytes| *bytes != mailbox.quota_bytes),
        plan: Some(plan.id).filter(|id| *id != mailbox.plan),
        receives: change
            .receives
            .filter(|receives| *receives != mailbox.receives),
        switches: None,
    };
    let (before, after) = told(&mailbox, &update, &plan);
    if after.is_empty() {
        return Ok(mailbox);
    }
    store::mailboxes::update(&work, &mailbox, update).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    let event = event("mailbox.changed", &mailbox);
    let event = event.change(Value::Object(before), Value::Object(after));
    work.commit(event).await?;
    Ok(changed)
}

/// The size after a change: the one named, within the plan; else that of a new plan where the
/// mailbox had all that the old one gave; never less than it holds.
async fn size(
    work: &Work<EditMailboxes>,
    mailbox: &Mailbox,
    change: &MailboxChange,
    plan: &Plan,
) -> Result<i64, AppError> {
    let (bytes, field) = match change.quota_bytes {
        Some(bytes) if bytes == mailbox.quota_bytes && plan.id == mailbox.plan => return Ok(bytes),
        Some(bytes) => (plan::quota("quota_bytes", bytes, plan)?, "quota_bytes"),
        None if plan.id == mailbox.plan => return Ok(mailbox.quota_bytes),
        None => {
            let old = store::plans::of(work, mailbox).await?;
            let all_of_it = mailbox.quota_bytes >= old.quota_bytes;
            let wanted = if all_of_it {
                plan.quota_bytes
            } else {
                mailbox.quota_bytes
            };
            (wanted.min(plan.quota_bytes), "plan")
        }
    };
    if bytes < mailbox.used_bytes {
        return Err(Invalid::field(
            field,
            format!(
                "{} holds {} bytes and would be over its size of {bytes} bytes: mail to it would \
                 bounce. Give it that much or more.",
                mailbox.address, mailbox.used_bytes
            ),
        )
        .into());
    }
    Ok(bytes)
}

/// What the log says of an update: only what changes.
fn told(
    mailbox: &Mailbox,
    update: &Update,
    plan: &Plan,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut note = |name: &str, old: Value, new: Value| {
        before.insert(name.to_owned(), old);
        after.insert(name.to_owned(), new);
    };
    if let Some(name) = &update.display_name {
        note("display_name", json!(mailbox.display_name), json!(name));
    }
    if let Some(bytes) = update.quota_bytes {
        note("quota_bytes", json!(mailbox.quota_bytes), json!(bytes));
    }
    if update.plan.is_some() {
        note("plan", json!(mailbox.plan_slug), json!(plan.slug));
    }
    if let Some(receives) = update.receives {
        note("receives", json!(mailbox.receives), json!(receives));
    }
    (before, after)
}

/// Sets one switch. One that the kind or the plan does not allow cannot be turned on: the fault
/// says which level closes it. Turning on what another level closes (a suspension, the server) is
/// kept, and counts once that level opens.
pub async fn set_switch(
    work: Work<EditMailboxes>,
    mailbox: &str,
    protocol: Protocol,
    value: SwitchValue,
    expected: Option<&str>,
) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    expect_version(&mailbox, expected)?;
    expect_in_service(&mailbox)?;
    expect_not_converting(&mailbox)?;
    check_switch(&mailbox, protocol, value, work.now())?;
    let old = mailbox.levels.switches.get(protocol);
    if old == value {
        return Ok(mailbox);
    }
    let mut switches = mailbox.levels.switches.clone();
    switches.set(protocol, value);
    let update = Update {
        switches: Some(switches),
        ..Update::default()
    };
    store::mailboxes::update(&work, &mailbox, update).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    let told = |value| json!({ protocol.as_str(): value });
    let event = event("mailbox.switched", &mailbox).change(told(old), told(value));
    work.commit(event).await?;
    Ok(changed)
}

fn check_switch(
    mailbox: &Mailbox,
    protocol: Protocol,
    value: SwitchValue,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Invalid> {
    let mut invalid = Invalid::default();
    if value.on && !mailbox.levels.kind_allows.has(protocol) {
        invalid.push(
            "on",
            format!(
                "{} is not part of a {} mailbox. Convert {} to {} to use it.",
                protocol.label(),
                mailbox.kind.label(),
                mailbox.address,
                mailbox.kind.other().label()
            ),
        );
    } else if value.on && !mailbox.levels.plan_allows.has(protocol) {
        invalid.push(
            "on",
            format!(
                "The plan {} does not include {}. Choose another plan to use it.",
                mailbox.plan_slug,
                protocol.label()
            ),
        );
    }
    match value.until {
        Some(_) if !value.on => {
            invalid.push(
                "until",
                "Only a switch that is on can end. Leave the time out.",
            );
        }
        Some(until) if until <= now => {
            invalid.push(
                "until",
                "That time is past. Enter one that is still to come.",
            );
        }
        _ => {}
    }
    invalid.into_result()
}

/// Suspends; suspending again only changes the reason.
pub async fn suspend(
    work: Work<SuspendMailboxes>,
    mailbox: &str,
    reason: &str,
) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    expect_in_service(&mailbox)?;
    set_suspended(work, mailbox, Some(reason), "mailbox.suspended").await
}

/// Ends a suspension; every switch is as it was.
pub async fn restore(work: Work<SuspendMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    set_suspended(work, mailbox, None, "mailbox.restored").await
}

async fn set_suspended(
    work: Work<SuspendMailboxes>,
    mailbox: Mailbox,
    reason: Option<&str>,
    action: &'static str,
) -> Result<Mailbox, AppError> {
    if mailbox.suspended.as_deref() == reason {
        return Ok(mailbox);
    }
    store::mailboxes::set_suspended(&work, &mailbox, reason).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    let told = |mailbox: &Mailbox| json!({ "suspended": mailbox.suspended });
    let event = event(action, &mailbox).change(told(&mailbox), told(&changed));
    work.commit(event).await?;
    Ok(changed)
}
