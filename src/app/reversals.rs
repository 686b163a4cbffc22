//! Undoing conversions: a batch that brings mailboxes back to what another batch found them as.
//! It is a batch like any other, so that it is proved, live, paused and retried like one.
use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::AppError;
use super::conversions::event;
use crate::authz::{ConvertMailboxes, Includes, ViewConversions, ViewPlans};
use crate::domain::conversion::pre_check;
use crate::domain::seats::Promised;
use crate::domain::{
    Batch, BatchId, Blocker, Invalid, Item, ItemId, ItemState, Kind, PlanId, PreCheck, Way,
};
use crate::store::Work;
use crate::store::conversions::{self, Facts, Start, reversals};

/// The most mailboxes that can be named, and that one pre-check looks at.
const MOST: usize = 10_000;

/// Mailboxes looked at and written at a time.
const CHUNK: usize = 500;

/// What of a batch is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// Everything that can be.
    All,
    /// These, by id or address; if one of them cannot be, none is.
    Named(Vec<String>),
}

/// What a reversal is made of.
#[derive(Debug, Clone)]
pub struct NewReversal {
    /// The batch to undo.
    pub batch: BatchId,
    /// What of it.
    pub chosen: Chosen,
    /// Whether the users are told by mail; as in the batch to undo unless it is said.
    pub notify_users: Option<bool>,
}

/// What undoing would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The kind that they go back to; `None` when none of them can be undone.
    pub to: Option<Kind>,
    /// To each, in the order asked for.
    pub of: Vec<PreCheck>,
}

/// How many mailboxes of a batch can be undone now.
pub async fn count<P>(work: &Work<P>, batch: BatchId) -> Result<u64, AppError>
where
    P: Includes<ViewConversions>,
{
    Ok(reversals::count(work, batch).await?)
}

/// Those of these items that can be undone now.
pub async fn undoable_among<P>(work: &Work<P>, items: &[Item]) -> Result<HashSet<ItemId>, AppError>
where
    P: Includes<ViewConversions>,
{
    let overtaken = reversals::overtaken(work, items).await?;
    let can = |item: &&Item| why_not(item, overtaken.contains(&item.id), work.now()).is_none();
    Ok(items.iter().filter(can).map(|item| item.id).collect())
}

/// What undoing would do to each, the first `limit` of them. One that cannot be undone is a
/// pre-check with a blocker, not an error.
pub async fn pre_check<P>(
    work: &Work<P>,
    batch: BatchId,
    chosen: &Chosen,
    limit: usize,
) -> Result<Preview, AppError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    let limit = limit.min(MOST);
    let mut promised = Promised::default();
    match chosen {
        Chosen::Named(names) => {
            let names = &names[..names.len().min(limit)];
            let found = named(work, batch, names).await?;
            let to = found.iter().find_map(|one| Some(one.as_ref().ok()?.0.from));
            let check = |(name, found): (&String, Result<(Item, Facts), Blocker>)| match found {
                Ok((item, facts)) => back(work, &item, &facts, &mut promised),
                Err(blocker) => refused(name, blocker),
            };
            let of = names.iter().zip(found).map(check).collect();
            Ok(Preview { to, of })
        }
        Chosen::All => {
            expect_something(work, batch).await?;
            let items = reversals::undoable(work, batch, None, limit as u64).await?;
            let to = items.first().map(|item| item.from);
            let known = facts_of(work, &items).await?;
            let back = |(item, facts): &(Item, Facts)| back(work, item, facts, &mut promised);
            let of = known.iter().map(back);
            Ok(Preview {
                to,
                of: of.collect(),
            })
        }
    }
}

/// Starts a batch that undoes another, or some mailboxes of it. What is named and cannot be undone
/// is a fault at `mailboxes/<index>`, and nothing is started. Of everything, what something stands
/// in the way of is taken along: it fails with the reason, and can be tried again.
pub async fn start(work: Work<ConvertMailboxes>, new: NewReversal) -> Result<Batch, AppError> {
    let known = conversions::find(&work, new.batch).await?;
    let first = match &new.chosen {
        Chosen::Named(names) => check_named(&work, new.batch, names).await?,
        Chosen::All => {
            expect_something(&work, new.batch).await?;
            let items = reversals::undoable(&work, new.batch, None, CHUNK as u64).await?;
            with_plans(facts_of(&work, &items).await?)
        }
    };
    let Some(to) = first.first().map(|(item, ..)| item.from) else {
        return Err(nothing_to_undo());
    };
    let told = known.is_some_and(|batch| batch.notify_users);
    let start = Start {
        to,
        not_before: None,
        notify_users: new.notify_users.unwrap_or(told),
        keep_open: &[],
        at_once: None,
        reverses: Some(new.batch),
        server: None,
    };
    let id = conversions::open(&work, &start).await?;
    let mut mailboxes = vec![];
    let mut some = first;
    while let Some(last) = some.last().map(|(item, ..)| item.id) {
        mailboxes.extend(some.iter().map(|(item, ..)| item.address.to_string()));
        add(&work, id, some).await?;
        if matches!(new.chosen, Chosen::Named(_)) {
            break;
        }
        let more = reversals::undoable(&work, new.batch, Some(last), CHUNK as u64).await?;
        some = with_plans(facts_of(&work, &more).await?);
    }
    let batch = super::conversions::find(&work, id).await?;
    let event = event("conversion.started", &batch).change(
        json!(null),
        json!({"to": to, "mailboxes": mailboxes, "reverses": new.batch}),
    );
    work.commit(event).await?;
    Ok(batch)
}

type Undo = (Item, Facts, PlanId);

async fn add(work: &Work<ConvertMailboxes>, id: BatchId, some: Vec<Undo>) -> Result<(), AppError> {
    let mut by_kind: HashMap<Kind, Vec<(Facts, PlanId)>> = HashMap::new();
    for (item, facts, plan) in some {
        by_kind.entry(item.from).or_default().push((facts, plan));
    }
    for (to, rows) in by_kind {
        conversions::add(work, id, to, &rows).await?;
    }
    Ok(())
}

/// Each of the mailboxes named, which can all be undone, or every fault at its place.
async fn check_named(
    work: &Work<ConvertMailboxes>,
    batch: BatchId,
    names: &[String],
) -> Result<Vec<Undo>, AppError> {
    if names.is_empty() || names.len() > MOST {
        let said = format!("Name 1 to {MOST} mailboxes, or say “all”.");
        return Err(Invalid::field("mailboxes", said).into());
    }
    conversions::lock(work, names).await?;
    let mut faults = Invalid::default();
    let mut seen = HashSet::with_capacity(names.len());
    let (mut fine, mut promised) = (vec![], Promised::default());
    for (i, found) in named(work, batch, names).await?.into_iter().enumerate() {
        let field = format!("mailboxes/{i}");
        match found {
            Err(blocker) => faults.push(&field, blocker.detail),
            Ok((item, _)) if !seen.insert(item.id) => {
                faults.push(&field, format!("{} is named twice.", item.address));
            }
            Ok((item, facts)) => match back(work, &item, &facts, &mut promised).why_not() {
                Some(why) => faults.push(&field, why),
                None => fine.push((item, facts)),
            },
        }
    }
    faults.into_result()?;
    Ok(with_plans(fine))
}

/// For each name its item and what is known of its mailbox, or why it cannot be undone.
async fn named<P>(
    work: &Work<P>,
    batch: BatchId,
    names: &[String],
) -> Result<Vec<Result<(Item, Facts), Blocker>>, AppError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    let mut items = vec![];
    for some in names.chunks(CHUNK) {
        items.extend(reversals::named(work, batch, some).await?);
    }
    if items.is_empty() {
        super::conversions::find(work, batch).await?;
    }
    let overtaken = reversals::overtaken(work, &items).await?;
    let mut facts: HashMap<ItemId, Facts> = HashMap::with_capacity(items.len());
    for some in items.chunks(CHUNK) {
        let some = facts_of(work, some).await?;
        facts.extend(some.into_iter().map(|(item, facts)| (item.id, facts)));
    }
    let find = |name: &String| {
        let wanted = name.trim().to_lowercase();
        let item = items
            .iter()
            .find(|item| item.address.as_str() == wanted || item.mailbox.to_string() == wanted);
        let item = item.ok_or_else(|| not_part(name))?;
        if let Some(why) = why_not(item, overtaken.contains(&item.id), work.now()) {
            return Err(why);
        }
        let facts = facts.get(&item.id).ok_or_else(|| not_part(name))?;
        Ok((item.clone(), facts.clone()))
    };
    Ok(names.iter().map(find).collect())
}

/// Items with what is known of their mailboxes now, in the same order.
async fn facts_of<P>(work: &Work<P>, items: &[Item]) -> Result<Vec<(Item, Facts)>, AppError>
where
    P: Includes<ViewConversions> + Includes<ViewPlans>,
{
    let mut found: HashMap<ItemId, Facts> = HashMap::with_capacity(items.len());
    for to in [Kind::PopImap, Kind::Exchange] {
        let these: Vec<&Item> = items.iter().filter(|item| item.from == to).collect();
        if these.is_empty() {
            continue;
        }
        let names: Vec<_> = these.iter().map(|item| item.mailbox.to_string()).collect();
        let facts = conversions::facts(work, to, &names, None).await?;
        let known = these.into_iter().zip(facts);
        found.extend(known.filter_map(|(item, facts)| Some((item.id, facts?))));
    }
    // One that moved goes back to where it came from, as long as it is kept there.
    let moved = items.iter().filter(|item| item.way == Way::Move);
    let moved: Vec<_> = moved.map(|item| item.mailbox).collect();
    let back = conversions::way_back(work, &moved).await?;
    let with_facts = items.iter().filter_map(|item| {
        let facts = found.remove(&item.id)?;
        let server = back.get(&item.mailbox).copied();
        Some((item.clone(), facts.on(server)))
    });
    Ok(with_facts.collect())
}

/// Each with the plan it gets: the one it had if its tenant may still use it. Where there is none
/// to go to, it is left at the plan it has, and the engine's own look says what is missing.
fn with_plans(found: Vec<(Item, Facts)>) -> Vec<Undo> {
    let plan = |facts: &Facts| facts.plan_to.as_ref().map_or(facts.mailbox.plan, |p| p.id);
    let with = found.into_iter().map(|(item, facts)| {
        let plan = plan(&facts);
        (item, facts, plan)
    });
    with.collect()
}

fn back<P>(work: &Work<P>, item: &Item, facts: &Facts, promised: &mut Promised) -> PreCheck
where
    P: Includes<ViewConversions>,
{
    let check = pre_check::pre_check(facts.subject(), item.from, &[], work.now());
    check.seated(facts.seat(), promised)
}

async fn expect_something<P>(work: &Work<P>, batch: BatchId) -> Result<(), AppError>
where
    P: Includes<ViewConversions>,
{
    if reversals::count(work, batch).await? > 0 {
        return Ok(());
    }
    super::conversions::find(work, batch).await?;
    Err(nothing_to_undo())
}

fn nothing_to_undo() -> AppError {
    AppError::conflict(
        "nothing-to-undo",
        "No mailbox of this batch can be undone: none was converted, all have been converted back \
         or again since, or the time to undo them is over. Convert them in a new batch.",
    )
}

fn not_part(name: &str) -> Blocker {
    let detail = format!("{name} is not one of the mailboxes of this batch. Check the address.");
    blocker("not_found", detail)
}

fn blocker(code: &str, detail: String) -> Blocker {
    Blocker {
        code: code.to_owned(),
        detail,
    }
}

fn refused(name: &str, why: Blocker) -> PreCheck {
    let mut check = PreCheck::unknown(name);
    check.blockers = vec![why];
    check
}

/// Why an item cannot be undone; `None` when it can.
fn why_not(item: &Item, overtaken: bool, now: chrono::DateTime<chrono::Utc>) -> Option<Blocker> {
    let (address, from) = (&item.address, item.from.label());
    let not_undoable = |detail| Some(blocker("not_undoable", detail));
    match item.state {
        ItemState::Done => {}
        ItemState::Undone => {
            return not_undoable(format!("{address} has been converted back already."));
        }
        ItemState::Failed | ItemState::Cancelled => {
            let said = format!("{address} was not converted, so that there is nothing to undo.");
            return not_undoable(said);
        }
        _ => {
            let said =
                format!("{address} is still being converted. Cancel it, or wait for its end.");
            return not_undoable(said);
        }
    }
    if overtaken {
        let said = format!("{address} has been converted again since. Undo that conversion first.");
        return not_undoable(said);
    }
    if item.undo_until.is_none_or(|until| until <= now) {
        let until = item.undo_until.map_or_else(String::new, |until| {
            format!(" on {}", until.format("%-d %B %Y"))
        });
        return Some(blocker(
            "undo_over",
            format!(
                "The time to undo {address} ended{until}. Convert it to {from} in a new batch."
            ),
        ));
    }
    None
}
