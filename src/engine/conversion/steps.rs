//! What is done at each place. A step changes nothing in its item's place: it says where to go on,
//! and [`super::advance`] saves that.
use std::sync::Mutex;

use serde_json::json;

use super::moving::{self, Passed};
use super::{filters, groupware, proof, reading};
use crate::authz::{ConvertMailboxes, Includes, ViewConversions, ViewPlans};
use crate::backends::imap::copy::Mode;
use crate::backends::{Depth, ServerError};
use crate::domain::conversion::pre_check::{pre_check, settings_after};
use crate::domain::seats::Promised;
use crate::domain::snapshot::{Snapshot, read_again};
use crate::domain::{Place, Receipt, ServerId, Way};
use crate::engine::Context;
use crate::engine::reconciler::{self, Outcome as Brought};
use crate::store::conversions::{self as mailboxes, Begun, Facts, Outcome};
use crate::store::engine::conversions::{self as saved, Job, Moment, Saved};
use crate::store::{Event, StoreError, TenantRef, Work, seats};

/// What came of a step.
pub(super) enum Step {
    /// Go on there.
    On(Place),
    /// Go on there, with this snapshot saved.
    OnWith(Place, Moment, Snapshot),
    /// The server that holds the mailbox did not do its part.
    Not(ServerError),
    /// The server of this name did not.
    NotAt(String, ServerError),
    /// Leave the mailbox as it was, for this reason and with this proof.
    GiveUp(String, Option<Box<Receipt>>),
    /// Its batch is held, and nothing has begun that could not wait.
    Held,
    /// Nothing is left to do.
    Over,
    /// It is not ours any more.
    Lost,
}

impl Step {
    /// On the way back nothing is given up: what refuses is asked again later.
    fn unless_refused(self) -> Self {
        let busy = |why| ServerError::Busy(why);
        match self {
            Self::Not(ServerError::Refused(why)) | Self::GiveUp(why, _) => Self::Not(busy(why)),
            Self::NotAt(server, ServerError::Refused(why)) => Self::NotAt(server, busy(why)),
            other => other,
        }
    }
}

/// Takes the step that the item stands at.
pub(super) async fn take(context: &Context, job: &mut Job) -> anyhow::Result<Step> {
    match job.place {
        Place::Check => check(context, job).await,
        Place::Prepare => moving::prepare(context, job).await,
        Place::Copy => moving::copy(context, job).await,
        Place::Survey => survey(context, job).await,
        Place::Inspect => inspect(context, job).await,
        Place::Shut => shut(context, job).await,
        Place::Mark => mark(context, job).await,
        Place::Switch => switch(context, job).await,
        Place::Compare => compare(context, job).await,
        Place::Open => open(context, job).await,
        Place::Settle => settle(context, job).await,
        Place::SwitchBack => switch_back(context, job).await,
        Place::Over => Ok(Step::Over),
    }
}

/// Looks at the blockers once more: much may have changed since the click.
async fn check(context: &Context, job: &mut Job) -> anyhow::Result<Step> {
    let work = view(context, job).await?;
    let facts = facts(&work, job).await?;
    drop(work);
    let Some(facts) = facts else {
        let why = format!("{} is not there any more.", job.address);
        return Ok(Step::GiveUp(why, None));
    };
    let now = context.store.clock().now();
    let checked = pre_check(facts.subject(), job.to, &job.keep_open, now);
    let checked = checked.seated(facts.seat(), &mut Promised::default());
    if facts.mailbox.state == crate::domain::MailboxState::Pending && checked.blockers.len() == 1 {
        let why = "the last change of the mailbox is still on its way".to_owned();
        return Ok(Step::Not(ServerError::Busy(why)));
    }
    if let Some(why) = checked.why_not() {
        return Ok(Step::GiveUp(why, None));
    }
    let way = checked.way.unwrap_or(job.way);
    if way != job.way && saved::set_way(&context.store, job, way).await? == Saved::Lost {
        return Ok(Step::Lost);
    }
    job.way = way;
    Ok(match saved::hold(&context.store, job).await? {
        Saved::Yes(()) if way == Way::Move => Step::On(Place::Prepare),
        Saved::Yes(()) => Step::On(Place::Survey),
        Saved::Lost => Step::Lost,
    })
}

async fn view(context: &Context, job: &Job) -> anyhow::Result<Work<ViewConversions>> {
    let tenant = TenantRef::Id(job.tenant);
    let cx = context.store.authorize("conversion", &tenant);
    Ok(cx.await?.begin().await?)
}

/// What decides about the mailbox, as things stand now; `None` when it is not there any more.
async fn facts<P>(work: &Work<P>, job: &Job) -> Result<Option<Facts>, StoreError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    let begun = Begun {
        item: job.item,
        plan: job.plan,
        target: job.target,
    };
    let named = [job.mailbox.to_string()];
    let facts = mailboxes::facts(work, job.to, &named, Some(begun)).await?;
    Ok(facts.into_iter().next().flatten())
}

/// Reads every message while the mailbox is in use, so that the doors are shut only for what has
/// changed since.
async fn survey(context: &Context, job: &Job) -> anyhow::Result<Step> {
    Ok(
        match reading::read(context, job, Depth::Bodies, None).await? {
            None => Step::Lost,
            Some(Err(error)) => Step::Not(error),
            Some(Ok(snapshot)) => {
                let next = match job.way {
                    Way::InPlace => Place::Shut,
                    Way::Move => Place::Inspect,
                };
                Step::OnWith(next, Moment::Survey, snapshot)
            }
        },
    )
}

/// Reads what was copied in full while the mailbox is in use, so that behind shut doors only what
/// comes last must be.
async fn inspect(context: &Context, job: &Job) -> anyhow::Result<Step> {
    let Some(target) = job.target else {
        return Ok(Step::On(Place::Prepare));
    };
    let read = reading::read_on(context, job, target, Depth::Bodies, None).await?;
    Ok(match read {
        None => Step::Lost,
        Some(Err(error)) => Step::NotAt(moving::name(context, target).await?, error),
        Some(Ok(snapshot)) => Step::OnWith(Place::Shut, Moment::Copied, snapshot),
    })
}

/// Shuts every door: cached logins are forgotten and open sessions end.
///
/// Before that is the last moment at which nobody notices that the seat has been taken meanwhile.
async fn shut(context: &Context, job: &Job) -> anyhow::Result<Step> {
    if let Some(why) = no_seat(context, job).await? {
        return Ok(Step::GiveUp(why, None));
    }
    match saved::shut(&context.store, job).await? {
        Saved::Yes(Some(generation)) => bring(context, job, generation, Place::Mark).await,
        Saved::Yes(None) => Ok(Step::Held),
        Saved::Lost => Ok(Step::Lost),
    }
}

/// Why it cannot have the seat that it needs, as things stand now.
async fn no_seat(context: &Context, job: &Job) -> anyhow::Result<Option<String>> {
    let work = view(context, job).await?;
    if !seats::is_limited(&work, &[job.plan]).await? {
        return Ok(None);
    }
    let facts = facts(&work, job).await?;
    let needed = facts.as_ref().and_then(Facts::seat);
    let none = needed.filter(|needed| needed.left == 0);
    Ok(none.map(|needed| needed.refusal.to_convert(job.address.as_str(), 0)))
}

/// Brings the copy and the survey up to date: now nobody can change anything, so this is what must
/// survive.
async fn mark(context: &Context, job: &Job) -> anyhow::Result<Step> {
    if let (Way::Move, Some(target)) = (job.way, job.target) {
        let servers = (job.server, target);
        if let Passed::No(step) = moving::pass(context, job, servers, Mode::Mirror).await? {
            return Ok(*step);
        }
    }
    let known = saved::load(&context.store, job, Moment::Survey).await?;
    let mut snapshot = match reading::read(context, job, Depth::Marks, known.as_ref()).await? {
        None => return Ok(Step::Lost),
        Some(Err(error)) => return Ok(Step::Not(error)),
        Some(Ok(snapshot)) => snapshot,
    };
    if groupware::moves(context, job)
        && let Some(step) = groupware::add_to(&mut snapshot, context, job).await?
    {
        return Ok(step);
    }
    if let Some(step) = filters::add_to(&mut snapshot, context, job).await? {
        return Ok(step);
    }
    Ok(Step::OnWith(Place::Switch, Moment::Before, snapshot))
}

/// Changes what the mailbox is, in one transaction; its doors stay shut.
async fn switch(context: &Context, job: &mut Job) -> anyhow::Result<Step> {
    let tenant = TenantRef::Id(job.tenant);
    let cx = context
        .store
        .authorize::<ConvertMailboxes>("conversion", &tenant)
        .await?;
    let work = cx.begin().await?;
    let Some(facts) = facts(&work, job).await? else {
        return Ok(Step::Lost);
    };
    let Some(plan) = &facts.plan_to else {
        let why = format!("There is no {} plan any more.", job.to.label());
        return Ok(Step::GiveUp(why, None));
    };
    let used = facts.mailbox.used_bytes;
    let new = settings_after(
        plan,
        facts.former.as_ref(),
        used,
        &job.keep_open,
        work.now(),
    );
    let switched = match mailboxes::switch(&work, job, &new).await? {
        Some(Ok(switched)) => switched,
        Some(Err(none)) => {
            let why = none.to_convert(job.address.as_str(), 0);
            return Ok(Step::GiveUp(why, None));
        }
        None => return Ok(Step::Lost),
    };
    if switched.now {
        let event = event(job, "mailbox.switched_over").change(
            json!(switched.trail.settings),
            json!({"settings": new, "batch": job.batch, "started_by": job.started_by}),
        );
        work.commit(event).await?;
    } else {
        drop(work);
    }
    job.trail = switched.trail;
    let Some(moved) = job.trail.moved else {
        return bring(context, job, switched.generation, Place::Compare).await;
    };
    at_home(context, job, moved.to).await?;
    match bring(context, job, switched.generation, Place::Compare).await? {
        Step::On(next) => {
            let settled = moving::settle_home(context, job, moved.from).await?;
            Ok(settled
                .filter(|step| !moving::is_silent(step))
                .unwrap_or(Step::On(next)))
        }
        other => Ok(other),
    }
}

/// From now on the mailbox's home is that server.
async fn at_home(context: &Context, job: &mut Job, home: ServerId) -> anyhow::Result<()> {
    if job.server != home {
        job.server = home;
        job.server_name = moving::name(context, home).await?;
    }
    Ok(())
}

/// Fetches what has come to the server that the mailbox left: mail that was on its way when the
/// doors were shut, or was brought by a server that had not been told yet.
async fn stragglers(context: &Context, job: &Job) -> anyhow::Result<Option<Step>> {
    let Some(moved) = job.trail.moved else {
        return Ok(None);
    };
    let servers = (moved.from, moved.to);
    Ok(
        match moving::pass(context, job, servers, Mode::Additions).await? {
            Passed::Yes(_) => None,
            Passed::No(step) => Some(*step),
        },
    )
}

/// Reads again behind shut doors: everything must be as it was.
async fn compare(context: &Context, job: &Job) -> anyhow::Result<Step> {
    let Some(before) = kept(context, job, Moment::Before).await? else {
        return Ok(Step::Lost);
    };
    // While the server that it left is down, nothing comes to it: nobody waits for that outside.
    let late = stragglers(context, job).await?;
    let late = match late {
        Some(step) if moving::is_silent(&step) => Some(step),
        Some(step) => return Ok(step),
        None => None,
    };
    let copied = match job.trail.moved {
        Some(_) => saved::load(&context.store, job, Moment::Copied).await?,
        None => None,
    };
    let known = copied.as_ref().unwrap_or(&before);
    let mut after = match reading::read(context, job, Depth::Marks, Some(known)).await? {
        None => return Ok(Step::Lost),
        Some(Err(error)) => return Ok(Step::Not(error)),
        Some(Ok(after)) => after,
    };
    if before.groupware.is_some()
        && let Some(step) = groupware::add_to(&mut after, context, job).await?
    {
        return Ok(step);
    }
    if before.filters.is_some()
        && let Some(step) = filters::add_to(&mut after, context, job).await?
    {
        return Ok(step);
    }
    let receipt = prove(context, job, &before, &after).await?;
    if receipt.identical {
        return Ok(Step::OnWith(Place::Open, Moment::After, after));
    }
    if let Some(late) = late {
        return Ok(late);
    }
    Ok(Step::GiveUp(
        proof::failure(job, &receipt),
        Some(Box::new(receipt)),
    ))
}

/// Opens the doors of the new kind.
async fn open(context: &Context, job: &Job) -> anyhow::Result<Step> {
    match saved::open(&context.store, job).await? {
        Saved::Yes(generation) => bring(context, job, generation, Place::Settle).await,
        Saved::Lost => Ok(Step::Lost),
    }
}

/// Reads every message in full once more, and writes the receipt.
async fn settle(context: &Context, job: &Job) -> anyhow::Result<Step> {
    let Some(before) = kept(context, job, Moment::Before).await? else {
        return Ok(Step::Lost);
    };
    let Some(after) = kept(context, job, Moment::After).await? else {
        return Ok(Step::Lost);
    };
    if let Some(moved) = job.trail.moved
        && let Some(step) = moving::settle_home(context, job, moved.from).await?
    {
        return Ok(step);
    }
    if let Some(step) = stragglers(context, job).await? {
        return Ok(step);
    }
    let now = match reading::read(context, job, Depth::Bodies, None).await? {
        None => return Ok(Step::Lost),
        Some(Err(error)) => return Ok(Step::Not(error)),
        Some(Ok(now)) => now,
    };
    let mut receipt = prove(context, job, &before, &after).await?;
    // In a move the numbers are those of the new server.
    let first = if job.trail.moved.is_some() {
        &after
    } else {
        &before
    };
    let (seen, differences) = read_again(first, &now);
    proof::settled(&mut receipt, seen, differences);
    if !receipt.identical {
        let why = proof::failure(job, &receipt);
        return Ok(Step::GiveUp(why, Some(Box::new(receipt))));
    }
    let outcome = Outcome::Done {
        receipt: Box::new(receipt),
    };
    finish(context, job, &outcome).await
}

/// The comparison behind shut doors.
async fn prove(
    context: &Context,
    job: &Job,
    before: &Snapshot,
    after: &Snapshot,
) -> anyhow::Result<Receipt> {
    let now = context.store.clock().now();
    let Some(moved) = job.trail.moved else {
        return Ok(proof::compared(job, before, after, now));
    };
    let servers = (
        moving::name(context, moved.from).await?,
        moving::name(context, moved.to).await?,
    );
    Ok(proof::moved(job, servers, before, after, now))
}

/// Gives the mailbox back what it had, and opens its doors.
///
/// One that had moved goes home again; what has come to the other server meanwhile is fetched, and
/// nothing but that: what is missing there is not missing at home.
async fn switch_back(context: &Context, job: &mut Job) -> anyhow::Result<Step> {
    let tenant = TenantRef::Id(job.tenant);
    let cx = context
        .store
        .authorize::<ConvertMailboxes>("conversion", &tenant)
        .await?;
    let work = cx.begin().await?;
    let Some(back) = mailboxes::switch_back(&work, job).await? else {
        return Ok(Step::Lost);
    };
    let error = job.error.clone();
    let mut error = error.unwrap_or_else(|| "It was given up.".to_owned());
    if back.now {
        let event = event(job, "mailbox.switched_back").change(
            json!({"why": error}),
            json!({"settings": back.trail.settings, "batch": job.batch, "started_by": job.started_by}),
        );
        work.commit(event).await?;
    } else {
        drop(work);
    }
    job.trail = back.trail;
    if let Some(moved) = job.trail.moved {
        at_home(context, job, moved.from).await?;
    }
    if job.trail.settings.is_some() || back.now {
        match bring(context, job, back.generation, Place::Over).await? {
            Step::On(_) => {}
            Step::Not(ServerError::Refused(why)) => {
                error = format!(
                    "{error} {} refuses to open it again: {why}.",
                    job.server_name
                );
            }
            other => return Ok(other),
        }
    }
    if let Some(moved) = job.trail.moved {
        if let Some(step) = moving::settle_home(context, job, moved.to).await? {
            return Ok(step.unless_refused());
        }
        let servers = (moved.to, moved.from);
        if let Passed::No(step) = moving::pass(context, job, servers, Mode::Additions).await? {
            return Ok(step.unless_refused());
        }
    }
    let receipt = job.receipt.clone().map(Box::new);
    finish(context, job, &Outcome::Failed { error, receipt }).await
}

/// A snapshot that an earlier step has saved; `None` when the item is not ours any more, and whoever
/// has it may have done away with its snapshots.
async fn kept(context: &Context, job: &Job, moment: Moment) -> anyhow::Result<Option<Snapshot>> {
    let kept = saved::load(&context.store, job, moment).await?;
    if kept.is_some() {
        return Ok(kept);
    }
    match saved::renew(&context.store, job, None, context.pace.lease).await? {
        Saved::Lost => Ok(None),
        Saved::Yes(()) => anyhow::bail!("the snapshot {moment:?} is gone"),
    }
}

/// Brings the server to what was asked for, and reads it back.
async fn bring(context: &Context, job: &Job, generation: i64, then: Place) -> anyhow::Result<Step> {
    let bring = reconciler::bring(context, job.mailbox);
    let brought = reading::keeping_the_lease(context, job, &Mutex::default(), bring).await?;
    Ok(match brought.transpose()? {
        None => Step::Lost,
        Some(Brought::Ready { generation: out }) if out >= generation => Step::On(then),
        Some(Brought::Ready { .. }) => {
            Step::Not(ServerError::Busy("another change goes first".to_owned()))
        }
        Some(Brought::Not(error)) => Step::Not(error),
        Some(Brought::Gone) => {
            let why = format!("{} is not there any more.", job.address);
            Step::GiveUp(why, None)
        }
    })
}

async fn finish(context: &Context, job: &Job, outcome: &Outcome) -> anyhow::Result<Step> {
    let tenant = TenantRef::Id(job.tenant);
    let cx = context
        .store
        .authorize::<ConvertMailboxes>("conversion", &tenant)
        .await?;
    let work = cx.begin().await?;
    if !mailboxes::finish(&work, job, outcome).await? {
        return Ok(Step::Lost);
    }
    let (action, why) = match outcome {
        Outcome::Done { .. } => ("mailbox.converted", None),
        Outcome::Failed { error, .. } => ("mailbox.conversion_failed", Some(error)),
    };
    let event = event(job, action).change(
        json!({"kind": job.from}),
        json!({"kind": job.to, "why": why, "batch": job.batch, "started_by": job.started_by}),
    );
    work.commit(event).await?;
    Ok(Step::Over)
}

fn event(job: &Job, action: &'static str) -> Event {
    Event::new(action, "mailbox", job.address.as_str())
        .id(job.mailbox.0)
        .of(job.tenant)
}
