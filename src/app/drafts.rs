//! Drafts: many mailboxes are chosen, looked at in the background, and only then confirmed. Until
//! then nothing happens to any of them.
use std::fmt::Write as _;

use serde_json::json;

use super::conversions::{chosen_server, event, find, grants_in_kind};
use super::{AppError, mailboxes};
use crate::authz::{ConvertMailboxes, Includes, ViewConversions};
use crate::domain::address_list::{AddressList, MOST};
use crate::domain::selection::{Choice, Group, Tally};
use crate::domain::{
    Batch, BatchId, BatchState, Invalid, Kind, MailboxFilter, MailboxState, Page, PageRequest,
};
pub use crate::store::conversions::Terms;
use crate::store::conversions::{self, Draft};
use crate::store::{self, Event, Work};

/// The most mailboxes of a batch that may be under way at once.
const MOST_AT_ONCE: u32 = 1000;

/// What a draft is made of.
#[derive(Debug)]
pub struct NewDraft<'a> {
    /// The target kind.
    pub to: Kind,
    /// What is chosen.
    pub chosen: Chosen<'a>,
    /// When and how, as far as that is known.
    pub terms: Terms,
    /// The name of the server that they are to be on; by default each stays where it is if that
    /// offers the kind. With it, the kind may be the one that they have: that empties a server.
    pub server: Option<String>,
}

/// How mailboxes are chosen.
#[derive(Debug)]
pub enum Chosen<'a> {
    /// All that a filter finds.
    Matching(MailboxFilter),
    /// Those in a list that was pasted or uploaded, and what it is called: "users.csv".
    Listed(AddressList<'a>, &'a str),
    /// These, by id or address.
    Named(&'a [String]),
}

/// Makes a draft. The look at its mailboxes begins at once.
pub async fn create(work: Work<ConvertMailboxes>, new: NewDraft<'_>) -> Result<Batch, AppError> {
    let mut faults = Invalid::default();
    grants_in_kind(new.to, &new.terms.keep_open, work.now(), &mut faults);
    limits(&new.terms, &mut faults);
    faults.into_result()?;
    let (chosen, filter, expected) = match &new.chosen {
        Chosen::Matching(filter) => {
            let expected = store::mailboxes::count(&work, filter).await?;
            (words(filter, new.to), Some(filter), expected)
        }
        Chosen::Listed(list, called) => {
            let rows = list.len() as u64;
            (listed(rows, called), None, rows)
        }
        Chosen::Named(names) => (listed(names.len() as u64, ""), None, names.len() as u64),
    };
    expected_some(expected, filter.is_some())?;
    let server = match new.server.as_deref() {
        Some(name) => Some(chosen_server(&work, name).await?),
        None => None,
    };
    let draft = Draft {
        to: new.to,
        chosen: &chosen,
        filter,
        expected,
        terms: &new.terms,
        server,
    };
    let id = conversions::open_draft(&work, &draft).await?;
    match new.chosen {
        Chosen::Matching(_) => {}
        Chosen::Listed(list, _) => conversions::name(&work, id, list.rows()).await?,
        Chosen::Named(names) => {
            let rows = (1..).zip(names.iter().cloned());
            conversions::name(&work, id, rows).await?;
        }
    }
    let batch = find(&work, id).await?;
    let made = drafted("conversion.drafted", &batch);
    let event = made.change(
        json!(null),
        json!({"to": new.to, "chosen": chosen, "server": new.server}),
    );
    work.commit(event).await?;
    Ok(batch)
}

fn limits(terms: &Terms, faults: &mut Invalid) {
    if terms
        .at_once
        .is_some_and(|limit| limit == 0 || limit > MOST_AT_ONCE)
    {
        let detail = format!("Enter a number from 1 to {MOST_AT_ONCE}, or leave it open.");
        faults.push("at_once", detail);
    }
}

fn expected_some(rows: u64, by_filter: bool) -> Result<(), Invalid> {
    match (rows, by_filter) {
        (0, true) => Err(Invalid::field(
            "select",
            "No mailbox matches any more, so that there is nothing to choose.",
        )),
        (0, false) => Err(Invalid::field("mailboxes", "Name at least one mailbox.")),
        (n, true) if n > MOST as u64 => Err(Invalid::field(
            "select",
            format!("{n} mailboxes match; one batch takes up to {MOST}. Narrow the filter."),
        )),
        _ => Ok(()),
    }
}

fn listed(rows: u64, called: &str) -> String {
    match (rows, called) {
        (1, "") => "1 address from a list".to_owned(),
        (n, "") => format!("{n} addresses from a list"),
        (1, name) => format!("1 address from {name}"),
        (n, name) => format!("{n} addresses from {name}"),
    }
}

/// "All POP/IMAP mailboxes in acme.test that match “ann”".
fn words(filter: &MailboxFilter, to: Kind) -> String {
    let kind = filter.kind.unwrap_or(to.other()).label();
    let mut words = format!("All {kind} mailboxes");
    if let Some(domain) = &filter.domain {
        let _ = write!(words, " in {domain}");
    }
    if let Some(server) = &filter.server {
        let _ = write!(words, " on {server}");
    }
    if let Some(q) = &filter.q {
        let _ = write!(words, " that match “{q}”");
    }
    if let Some(state) = filter.state {
        words += match state {
            MailboxState::Pending => ", on their way",
            MailboxState::Ready => ", ready",
            MailboxState::Converting => ", being converted",
            MailboxState::Suspended => ", suspended",
            MailboxState::Retained => ", kept",
            MailboxState::Failed => ", refused by the server",
        };
    }
    if filter.drifted {
        words += ", different on the server";
    }
    if let Some(since) = filter.used_since {
        let _ = write!(words, ", used since {}", since.format("%-d %b %Y"));
    }
    if let Some(since) = filter.unused_since {
        let _ = write!(words, ", not used since {}", since.format("%-d %b %Y"));
    }
    words
}

/// Looks at everything once more.
pub async fn look_again(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let batch = draft(&work, id).await?;
    let expected = match conversions::filter_of(&work, id).await? {
        Some(filter) => Some(store::mailboxes::count(&work, &filter).await?),
        None => None,
    };
    conversions::look_again(&work, &batch, expected).await?;
    let batch = find(&work, id).await?;
    work.commit(drafted("conversion.checked_again", &batch))
        .await?;
    Ok(batch)
}

/// Starts what is not left out, at once or at its time. With terms, these; else those that the
/// draft has.
pub async fn confirm(
    work: Work<ConvertMailboxes>,
    id: BatchId,
    terms: Option<Terms>,
) -> Result<Batch, AppError> {
    let mut batch = draft(&work, id).await?;
    if let Some(terms) = &terms {
        let mut faults = Invalid::default();
        grants_in_kind(batch.to, &terms.keep_open, work.now(), &mut faults);
        limits(terms, &mut faults);
        faults.into_result()?;
        conversions::set_terms(&work, &batch, terms).await?;
        batch = find(&work, id).await?;
    }
    if batch
        .selection
        .as_ref()
        .is_none_or(|s| s.checked_at.is_none())
    {
        return Err(AppError::conflict(
            "still-checking",
            "Not every mailbox has been looked at yet. Confirm when the look is through.",
        ));
    }
    if conversions::confirm(&work, &batch).await? == 0 {
        return Err(AppError::conflict(
            "nothing-to-convert",
            "Everything that was chosen is left out, so that there is nothing to convert. The \
             reasons are listed with each.",
        ));
    }
    let batch = find(&work, id).await?;
    let event = event("conversion.started", &batch).change(
        json!({"state": BatchState::Draft}),
        json!({
            "to": batch.to,
            "chosen": batch.selection.as_ref().map(|selection| &selection.chosen),
            "mailboxes": batch.counts.total,
            "left_out": batch.counts.left_out,
            "not_before": batch.not_before,
            "at_once": batch.at_once,
            "keep_open": batch.keep_open,
        }),
    );
    work.commit(event).await?;
    Ok(batch)
}

/// Changes when and how a draft is to be done.
pub async fn set_terms(
    work: Work<ConvertMailboxes>,
    id: BatchId,
    terms: &Terms,
) -> Result<Batch, AppError> {
    let old = draft(&work, id).await?;
    let mut faults = Invalid::default();
    grants_in_kind(old.to, &terms.keep_open, work.now(), &mut faults);
    limits(terms, &mut faults);
    faults.into_result()?;
    conversions::set_terms(&work, &old, terms).await?;
    let batch = find(&work, id).await?;
    let changed = drafted("conversion.changed", &batch).change(told(&old), told(&batch));
    work.commit(changed).await?;
    Ok(batch)
}

/// Changes how many of a batch may be under way at once, whatever its state.
pub async fn set_at_once(
    work: Work<ConvertMailboxes>,
    id: BatchId,
    at_once: Option<u32>,
) -> Result<Batch, AppError> {
    let old = find(&work, id).await?;
    let terms = Terms {
        at_once,
        ..terms_of(&old)
    };
    let mut faults = Invalid::default();
    limits(&terms, &mut faults);
    faults.into_result()?;
    conversions::set_terms(&work, &old, &terms).await?;
    let batch = find(&work, id).await?;
    let changed = event("conversion.changed", &batch).change(told(&old), told(&batch));
    work.commit(changed).await?;
    Ok(batch)
}

/// The terms that a batch has.
#[must_use]
pub fn terms_of(batch: &Batch) -> Terms {
    Terms {
        not_before: batch.not_before,
        at_once: batch.at_once,
        notify_users: batch.notify_users,
        keep_open: batch.keep_open.clone(),
    }
}

fn told(batch: &Batch) -> serde_json::Value {
    json!({
        "not_before": batch.not_before,
        "at_once": batch.at_once,
        "notify_users": batch.notify_users,
        "keep_open": batch.keep_open,
    })
}

/// Does away with a draft. Nothing had happened to any mailbox.
pub async fn discard(work: Work<ConvertMailboxes>, id: BatchId) -> Result<Batch, AppError> {
    let mut batch = draft(&work, id).await?;
    conversions::discard(&work, &batch).await?;
    work.commit(drafted("conversion.discarded", &batch)).await?;
    batch.state = BatchState::Cancelled;
    batch.finished_at = Some(batch.created_at);
    Ok(batch)
}

async fn draft<P: Includes<ViewConversions>>(
    work: &Work<P>,
    id: BatchId,
) -> Result<Batch, AppError> {
    let batch = find(work, id).await?;
    if batch.state != BatchState::Draft {
        return Err(AppError::conflict(
            "not-a-draft",
            "This batch was confirmed already. It can be paused, resumed and cancelled.",
        ));
    }
    Ok(batch)
}

/// The rows of a selection, those of a group or all, by address.
pub async fn choices<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    page: &PageRequest,
) -> Result<Page<Choice>, AppError> {
    find(work, batch).await?;
    let total = conversions::count_choices(work, batch, group).await?;
    choices_of(work, batch, group, total, page).await
}

/// The same of a batch that was found, when it is known how many rows there are.
pub async fn choices_of<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    total: u64,
    page: &PageRequest,
) -> Result<Page<Choice>, AppError> {
    Ok(conversions::choices(work, batch, group, total, page).await?)
}

/// The next of them, after one, without a count: to read all of them, chunk by chunk.
pub async fn next_choices<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
    group: Option<&Group>,
    last: Option<&Choice>,
    limit: u64,
) -> Result<Vec<Choice>, AppError> {
    Ok(conversions::next_choices(work, batch, group, last, limit).await?)
}

/// A selection in numbers.
pub async fn tally<P: Includes<ViewConversions>>(
    work: &Work<P>,
    batch: BatchId,
) -> Result<Tally, AppError> {
    Ok(conversions::tally(work, batch).await?)
}

/// How many mailboxes a filter finds.
pub async fn matching<P: Includes<crate::authz::ViewMailboxes>>(
    work: &Work<P>,
    filter: &mailboxes::MailboxFilter,
) -> Result<u64, AppError> {
    Ok(store::mailboxes::count(work, filter).await?)
}

fn drafted(action: &'static str, batch: &Batch) -> Event {
    let selection = batch.selection.as_ref();
    let chosen = selection.map_or("a draft", |selection| selection.chosen.as_str());
    Event::new(
        action,
        "conversion",
        format!("{chosen} to {}", batch.to.label()),
    )
    .id(batch.id.0)
    .of(batch.tenant)
}
