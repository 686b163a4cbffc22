//! *Confirm*: starts the batches, then does the rest one by one. If anything chosen cannot be done
//! as things stand now, nothing at all is.
use chrono::TimeDelta;

use super::line::Line;
use super::order::{Choice, Order};
use crate::app::conversions::{self, NewBatch};
use crate::app::users::NewMailbox;
use crate::app::{AppError, mailboxes};
use crate::authz::{ChangeService, CreateMailboxes, RemoveMailboxes};
use crate::domain::conversion::KeepOpen;
use crate::domain::{BatchId, EmailAddress, Invalid, Kind, schedule};
use crate::store::Cx;
use crate::web::error::Problem;

/// How long *keep it open* lasts.
const KEPT_OPEN: TimeDelta = TimeDelta::days(14);

/// What became of an order.
pub enum Outcome {
    /// Nothing was done, and why.
    Refused(String),
    /// What was done.
    Done(Done),
}

/// What was done.
#[derive(Default)]
pub struct Done {
    pub batches: Vec<BatchId>,
    pub said: String,
    /// When it begins, unless it has.
    begins: Option<String>,
    pub troubles: Vec<String>,
}

/// Does what was chosen.
pub async fn carry_out(
    cx: &Cx<ChangeService>,
    order: &Order,
    lines: &[Line],
) -> Result<Outcome, Problem> {
    if let Some(why) = stale(order, lines) {
        return Ok(Outcome::Refused(why));
    }
    let zone = schedule::zone(&cx.tenant().time_zone);
    let named = match order.when.moment(zone, cx.now()) {
        Ok(named) => named,
        Err(fault) => return Ok(Outcome::Refused(fault.to_string())),
    };
    let not_before = named.as_ref().map(|named| named.at);
    let mut done = Done {
        begins: named.map(|named| {
            let note = named
                .note
                .map(|note| format!(" {note}"))
                .unwrap_or_default();
            format!(
                "The conversion begins {}.{note}",
                schedule::said(zone, named.at)
            )
        }),
        ..Done::default()
    };
    for to in [Kind::Exchange, Kind::PopImap] {
        let names = chosen(order, lines, Choice::Convert, Some(to));
        if names.is_empty() {
            continue;
        }
        let new = NewBatch {
            to,
            keep_open: kept_open(cx, order, lines, to),
            mailboxes: names,
            not_before,
            notify_users: order.notify,
            at_once: None,
            server: None,
        };
        match conversions::start(cx.narrow().begin().await?, new).await {
            Ok(batch) => done.batches.push(batch.id),
            Err(AppError::Invalid(faults)) if done.batches.is_empty() => {
                return Ok(Outcome::Refused(refused(&faults)));
            }
            Err(error) => done.troubles.push(trouble(error)?),
        }
    }
    one_by_one(cx, order, lines, &mut done).await?;
    Ok(Outcome::Done(done))
}

/// Why nothing is done: something that was chosen is not possible any more.
fn stale(order: &Order, lines: &[Line]) -> Option<String> {
    let asked = |line: &&Line| order.choices.contains_key(&line.address);
    let impossible = |line: &&Line| {
        let choice = order.choices.get(&line.address);
        choice.is_some_and(|choice| !line.offers(*choice))
    };
    if !lines.iter().any(|line| asked(&line)) {
        return Some("Nothing was chosen, so nothing was changed.".to_owned());
    }
    let names: Vec<&str> = lines
        .iter()
        .filter(impossible)
        .map(|line| line.address.as_str())
        .collect();
    let (first, others) = names.split_first()?;
    let who = match others.len() {
        0 => (*first).to_owned(),
        1 => format!("{first} and 1 other"),
        n => format!("{first} and {n} others"),
    };
    Some(format!(
        "Nothing was changed yet: things are not as they were for {who}. The reason is below; \
         confirm again to go on with the rest."
    ))
}

fn refused(faults: &Invalid) -> String {
    format!("Nothing was changed. {faults}")
}

fn chosen(order: &Order, lines: &[Line], choice: Choice, to: Option<Kind>) -> Vec<String> {
    let wanted = |line: &&Line| {
        order.choices.get(&line.address) == Some(&choice)
            && line.offers(choice)
            && (to.is_none() || line.to == to)
    };
    let lines = lines.iter().filter(wanted);
    lines.map(|line| line.address.clone()).collect()
}

/// What was ticked to stay open, as far as it closes on the way to this kind and the kind has it.
fn kept_open(cx: &Cx<ChangeService>, order: &Order, lines: &[Line], to: Kind) -> Vec<KeepOpen> {
    let closes = super::line::closes(lines, order, cx.now());
    let until = cx.now() + KEPT_OPEN;
    let wanted = closes
        .iter()
        .filter(|closing| closing.may_keep && to.allows().has(closing.protocol))
        .map(|closing| closing.protocol)
        .filter(|protocol| order.keep.contains(protocol));
    wanted
        .map(|protocol| KeepOpen { protocol, until })
        .collect()
}

async fn one_by_one(
    cx: &Cx<ChangeService>,
    order: &Order,
    lines: &[Line],
    done: &mut Done,
) -> Result<(), Problem> {
    let mut said = vec![];
    if !done.batches.is_empty() {
        let begins = done.begins.take();
        said.push(begins.unwrap_or_else(|| "The conversion has started.".to_owned()));
    }
    for (choice, one, many) in [
        (
            Choice::TakeAway,
            "was taken away and is kept",
            "were taken away and are kept",
        ),
        (Choice::BringBack, "is back", "are back"),
        (Choice::Create, "gets a mailbox", "get a mailbox"),
    ] {
        let mut names = vec![];
        for name in chosen(order, lines, choice, None) {
            match apply(cx, order.kind, choice, &name).await {
                Ok(()) => names.push(name),
                Err(error) => done.troubles.push(trouble(error)?),
            }
        }
        match &names[..] {
            [] => {}
            [name] => said.push(format!("{name} {one}.")),
            [name, ..] => said.push(format!("{name} and {} others {many}.", names.len() - 1)),
        }
    }
    done.said = said.join(" ");
    Ok(())
}

async fn apply(
    cx: &Cx<ChangeService>,
    kind: Kind,
    choice: Choice,
    name: &str,
) -> Result<(), AppError> {
    match choice {
        Choice::Convert => {}
        Choice::TakeAway => {
            let work = cx.narrow::<RemoveMailboxes>().begin().await?;
            mailboxes::retain(work, name).await?;
        }
        Choice::BringBack => {
            let work = cx.narrow::<RemoveMailboxes>().begin().await?;
            mailboxes::bring_back(work, name).await?;
        }
        Choice::Create => {
            let new = NewMailbox {
                kind,
                plan: None,
                quota_bytes: None,
            };
            let address = EmailAddress::parse("address", name)?;
            let work = cx.narrow::<CreateMailboxes>().begin().await?;
            mailboxes::create(work, address, None, Some(name), new).await?;
        }
    }
    Ok(())
}

/// What a person can read; anything else ends the request.
fn trouble(error: AppError) -> Result<String, Problem> {
    match error {
        AppError::Store(_) | AppError::Internal(_) => Err(error.into()),
        other => Ok(other.to_string()),
    }
}
