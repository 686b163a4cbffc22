//! Conversions, as an admin asks for and sees them. The engine carries them out.
use std::collections::HashMap;

use serde_json::json;

use super::AppError;
use crate::authz::{ConvertMailboxes, Includes, Role, ViewConversions, ViewPlans};
use crate::domain::conversion::KeepOpen;
use crate::domain::conversion::pre_check;
use crate::domain::headway::{self, Headway};
use crate::domain::seats::Promised;
use crate::domain::{
    Batch, BatchId, BatchState, Invalid, Item, ItemId, ItemState, Kind, MailboxId, Page,
    PageRequest, PlanId, PreCheck, ServerId,
};
use crate::store::conversions::{self, Facts, Start};
use crate::store::{Event, Work};

/// The most mailboxes in one batch.
const MOST: usize = 10_000;

/// What a new batch is made of.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The target kind.
    pub to: Kind,
    /// Ids or addresses, 1 to 10,000, none twice.
    pub mailboxes: Vec<String>,
    /// Not before then.
    pub not_before: Option<chrono::DateTime<chrono::Utc>>,
    /// Whether the users are told by mail.
    pub notify_users: bool,
    /// How many may be under way at once; `None` leaves it to the servers.
    pub at_once: Option<u32>,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
    /// The name of the server that they are to be on; by default each stays where it is if that
    /// offers the kind. With it, the kind may be the one that they have: that empties a server.
    pub server: Option<String>,
}

/// The same for mailboxes that are to be on the server of that name.
pub async fn pre_check_on<P>(
    work: &Work<P>,
    to: Kind,
    mailboxes: &[String],
    keep_open: &[KeepOpen],
    server: Option<&str>,
) -> Result<Vec<PreCheck>, AppError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    if mailboxes.len() > MOST {
        return Err(too_many().into());
    }
    let facts = conversions::facts(work, to, mailboxes, None).await?;
    let facts = on_server(work, server, facts)?;
    let mut promised = Promised::default();
    let checked = mailboxes.iter().zip(&facts).map(|(name, facts)| {
        let Some(facts) = facts else {
            return PreCheck::unknown(name);
        };
        let check = pre_check::pre_check(facts.subject(), to, keep_open, work.now());
        check.seated(facts.seat(), &mut promised)
    });
    Ok(checked.collect())
}

/// What converting these would do to each, in the order given. An address that is not there is a
/// pre-check with a blocker, not an error.
pub async fn pre_check<P>(
    work: &Work<P>,
    to: Kind,
    mailboxes: &[String],
    keep_open: &[KeepOpen],
) -> Result<Vec<PreCheck>, AppError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    pre_check_on(work, to, mailboxes, keep_open, None).await
}

/// Starts a batch of everything that nothing blocks. Blocked ones are faults at
/// `mailboxes/<index>`, and nothing is started.
pub async fn start(work: Work<ConvertMailboxes>, new: NewBatch) -> Result<Batch, AppError> {
    let mut faults = Invalid::default();
    match new.mailboxes.len() {
        0 => faults.push("mailboxes", "Name at least one mailbox to convert."),
        n if n > MOST => faults.errors.extend(too_many().errors),
        _ => {}
    }
    grants_in_kind(new.to, &new.keep_open, work.now(), &mut faults);
    faults.into_result()?;
    conversions::lock(&work, &new.mailboxes).await?;
    let facts = conversions::facts(&work, new.to, &new.mailboxes, None).await?;
    let facts = on_server(&work, new.server.as_deref(), facts)?;
    let mailboxes = checked(&new, facts, work.now())?;
    let start = Start {
        to: new.to,
        not_before: new.not_before.filter(|then| work.now() < *then),
        notify_users: new.notify_users,
        keep_open: &new.keep_open,
        at_once: new.at_once,
        reverses: None,
        server: None,
    };
    let id = conversions::open(&work, &start).await?;
    conversions::add(&work, id, new.to, &mailboxes).await?;
    let batch = find(&work, id).await?;
    let addresses: Vec<&str> = mailboxes
        .iter()
        .map(|(facts, _)| facts.mailbox.address.as_str())
        .collect();
    let event = event("conversion.started", &batch).change(
        json!(null),
        json!({
            "to": new.to,
            "mailboxes": addresses,
            "not_before": start.not_before,
            "keep_open": new.keep_open,
        }),
    );
    work.commit(event).await?;
    Ok(batch)
}

/// The same mailboxes, to be put on the server of that name. Servers are the platform's, and so is
/// the choice among them.
fn on_server<P: Includes<ViewConversions>>(
    work: &Work<P>,
    server: Option<&str>,
    facts: Vec<Option<Facts>>,
) -> Result<Vec<Option<Facts>>, Invalid> {
    let Some(name) = server else {
        return Ok(facts);
    };
    may_choose_servers(work)?;
    let known = facts.iter().flatten().next();
    let Some(id) = known.and_then(|facts| facts.server_named(name)) else {
        return Err(no_such_server(name));
    };
    let on = |facts: Option<Facts>| facts.map(|facts| facts.on(Some(id)));
    Ok(facts.into_iter().map(on).collect())
}

/// The server of that name, for a draft.
pub(super) async fn chosen_server(
    work: &Work<ConvertMailboxes>,
    name: &str,
) -> Result<ServerId, AppError> {
    may_choose_servers(work)?;
    let names = conversions::server_names(work).await?;
    let found = names.into_iter().find(|(_, known)| known == name);
    Ok(found
        .map(|(id, _)| id)
        .ok_or_else(|| no_such_server(name))?)
}

/// The names of the servers, by name, for those who may choose among them; else none.
pub async fn servers_to_choose<P: Includes<ViewConversions>>(
    work: &Work<P>,
) -> Result<Vec<String>, AppError> {
    if may_choose_servers(work).is_err() {
        return Ok(vec![]);
    }
    let mut names: Vec<_> = conversions::server_names(work)
        .await?
        .into_values()
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn may_choose_servers<P: Includes<ViewConversions>>(work: &Work<P>) -> Result<(), Invalid> {
    if work.platform_role() < Some(Role::Admin) {
        let detail = "Only admins of the platform choose servers. Leave it out.";
        return Err(Invalid::field("server", detail));
    }
    Ok(())
}

fn no_such_server(name: &str) -> Invalid {
    let detail = format!("There is no mail server “{name}”. Leave it out, or name another.");
    Invalid::field("server", detail)
}

fn too_many() -> Invalid {
    Invalid::field(
        "mailboxes",
        format!("One batch takes up to {MOST} mailboxes. Start several batches."),
    )
}

/// Grants that no mailbox of the target kind can have, are over already, or are named twice.
pub(super) fn grants_in_kind(
    to: Kind,
    keep_open: &[KeepOpen],
    now: chrono::DateTime<chrono::Utc>,
    faults: &mut Invalid,
) {
    for (i, grant) in keep_open.iter().enumerate() {
        let label = grant.protocol.label();
        if !to.allows().has(grant.protocol) {
            let kind = to.label();
            let detail = format!("No {kind} mailbox has {label}. Leave it out.");
            faults.push(&format!("keep_open/{i}/protocol"), detail);
        }
        let same = |other: &KeepOpen| other.protocol == grant.protocol;
        if keep_open[..i].iter().any(same) {
            let detail = format!("{label} is named twice. Name it once.");
            faults.push(&format!("keep_open/{i}/protocol"), detail);
        }
        if grant.until <= now {
            let detail = "This time has passed. Enter one in the future.";
            faults.push(&format!("keep_open/{i}/until"), detail);
        }
    }
}

/// Each mailbox with the plan it gets, or every fault at its place in the request.
fn checked(
    new: &NewBatch,
    facts: Vec<Option<Facts>>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<(Facts, PlanId)>, Invalid> {
    let mut faults = Invalid::default();
    let mut seen: HashMap<MailboxId, usize> = HashMap::with_capacity(facts.len());
    let mut fine = Vec::with_capacity(facts.len());
    let mut promised = Promised::default();
    for (i, (name, facts)) in new.mailboxes.iter().zip(facts).enumerate() {
        let field = format!("mailboxes/{i}");
        let Some(facts) = facts else {
            faults.push(
                &field,
                PreCheck::unknown(name).why_not().unwrap_or_default(),
            );
            continue;
        };
        if let Some(first) = seen.insert(facts.mailbox.id, i) {
            let address = &facts.mailbox.address;
            let detail = format!("{address} is named twice, first at {first}. Name it once.");
            faults.push(&field, detail);
            continue;
        }
        let check = pre_check::pre_check(facts.subject(), new.to, &new.keep_open, now);
        let check = check.seated(facts.seat(), &mut promised);
        if let Some(why) = check.why_not() {
            faults.push(&field, why);
        } else if let Some(plan) = &facts.plan_to {
            grants_in_plan(new, plan, &mut faults);
            let plan = plan.id;
            fine.push((facts, plan));
        }
    }
    faults.into_result().map(|()| fine)
}

/// Grants that the plan does not allow; said once, whichever mailbox met it first.
fn grants_in_plan(new: &NewBatch, plan: &crate::domain::Plan, faults: &mut Invalid) {
    for (i, grant) in new.keep_open.iter().enumerate() {
        let field = format!("keep_open/{i}/protocol");
        if !plan.allowed.has(grant.protocol) && faults.of(&field).is_none() {
            let (name, label) = (&plan.name, grant.protocol.label());
            faults.push(
                &field,
                format!("{name} does not include {label}. Leave it out."),
            );
        }
    }
}

/// Batches of the tenant and all below, newest first.
pub async fn list(
    work: &Work<ViewConversions>,
    page: &PageRequest,
) -> Result<Page<Batch>, AppError> {
    Ok(conversions::list(work, page).await?)
}

/// One batch.
pub async fn find<P: Includes<ViewConversions>>(
    work: &Work<P>,
    id: BatchId,
) -> Result<Batch, AppError> {
    let batch = conversions::find(work, id).await?;
    batch.ok_or(AppError::NotFound("conversion"))
}

/// The mailboxes of a batch, those that need somebody first, then by address.
pub async fn items(
    work: &Work<ViewConversions>,
    batch: BatchId,
    state: Option<ItemState>,
    page: &PageRequest,
) -> Result<Page<Item>, AppError> {
    find(work, batch).await?;
    let total = conversions::count_items(work, batch, state.as_slice()).await?;
    items_of(work, batch, state.as_slice(), total, page).await
}

/// The mailboxes of a batch that was found, in one of these states or in any, when it is known how
/// many there are.
pub async fn items_of(
    work: &Work<ViewConversions>,
    batch: BatchId,
    states: &[ItemState],
    total: u64,
    page: &PageRequest,
) -> Result<Page<Item>, AppError> {
    Ok(conversions::items(work, batch, states, total, page).await?)
}

/// How fast a batch goes; nothing while it does not, or while nobody can tell.
pub async fn headway<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: &Batch,
) -> Result<Option<Headway>, AppError> {
    if batch.state != BatchState::Running {
        return Ok(None);
    }
    let since = work.now() - headway::WINDOW;
    let (finished, first) = conversions::finished(work, batch.id, since).await?;
    let begun = first.map_or(since, |first| first.max(since));
    Ok(Headway::of(
        finished,
        work.now() - begun,
        batch.counts.queued,
    ))
}

/// One mailbox of a batch, with its receipt.
pub async fn item(
    work: &Work<ViewConversions>,
    batch: BatchId,
    id: ItemId,
) -> Result<Item, AppError> {
    let item = conversions::item(work, batch, id).await?;
    item.ok_or(AppError::NotFound("item of this conversion"))
}

/// The conversions of one mailbox, newest first.
pub async fn of_mailbox<P: Includes<ViewConversions>>(
    work: &Work<P>,
    mailbox: MailboxId,
) -> Result<Vec<Item>, AppError> {
    Ok(conversions::of_mailbox(work, mailbox).await?)
}

/// Holds a batch: what is switching finishes, nothing new begins. Holding a held one does nothing.
pub async fn pause(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let batch = find(&work, id).await?;
    match batch.state {
        BatchState::Paused => return Ok(batch),
        BatchState::Running | BatchState::Scheduled => conversions::pause(&work, &batch).await?,
        BatchState::Draft => return Err(not_confirmed()),
        _ => return Err(over(&batch)),
    }
    changed(work, "conversion.paused", batch).await
}

/// Lets a held batch go on. Letting a running one go on does nothing.
pub async fn resume(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let batch = find(&work, id).await?;
    match batch.state {
        BatchState::Running | BatchState::Scheduled => return Ok(batch),
        BatchState::Paused => conversions::resume(&work, &batch).await?,
        BatchState::Draft => return super::drafts::confirm(work, id, None).await,
        _ => return Err(over(&batch)),
    }
    changed(work, "conversion.resumed", batch).await
}

/// Calls off what has not switched; what has goes on to its end. Calling off twice does nothing.
pub async fn cancel(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let batch = find(&work, id).await?;
    match batch.state {
        BatchState::Cancelled => return Ok(batch),
        BatchState::Draft => return super::drafts::discard(work, id).await,
        BatchState::Done | BatchState::DoneWithFailures => return Err(over(&batch)),
        _ => {}
    }
    if conversions::cancel(&work, &batch).await? == 0 {
        return Err(AppError::conflict(
            "all-switched",
            "Every mailbox of this batch has switched already, so that there is nothing left to \
             call off. Convert them back when it is done.",
        ));
    }
    changed(work, "conversion.cancelled", batch).await
}

/// Tries the failed ones again.
pub async fn retry_failed(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let batch = find(&work, id).await?;
    if batch.state == BatchState::Cancelled {
        return Err(AppError::conflict(
            "batch-cancelled",
            "This batch was called off. Start a new one with the mailboxes that failed.",
        ));
    }
    if conversions::retry_failed(&work, &batch).await? == 0 {
        return Err(AppError::conflict(
            "nothing-failed",
            "No mailbox of this batch has failed, so that there is nothing to try again.",
        ));
    }
    changed(work, "conversion.retried", batch).await
}

fn not_confirmed() -> AppError {
    AppError::conflict(
        "not-confirmed",
        "This is a draft: nothing happens before it is confirmed, so that there is nothing to hold.",
    )
}

fn over(batch: &Batch) -> AppError {
    let state = batch.state.as_str().replace('_', " ");
    AppError::conflict(
        "batch-over",
        format!("This batch is over ({state}). Start a new one."),
    )
}

async fn changed(
    work: Work<ConvertMailboxes>,
    action: &'static str,
    old: Batch,
) -> Result<Batch, AppError> {
    let batch = find(&work, old.id).await?;
    let event = event(action, &batch).change(
        json!({"state": old.state, "counts": old.counts}),
        json!({"state": batch.state, "counts": batch.counts}),
    );
    work.commit(event).await?;
    Ok(batch)
}

pub(super) fn event(action: &'static str, batch: &Batch) -> Event {
    let mailboxes = match batch.counts.total {
        1 => "1 mailbox".to_owned(),
        n => format!("{n} mailboxes"),
    };
    let target = format!("{mailboxes} to {}", batch.to.label());
    Event::new(action, "conversion", target)
        .id(batch.id.0)
        .of(batch.tenant)
}
