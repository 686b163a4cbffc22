//! `/conversions/{conversion}/choices`: what was chosen for a draft, with what a look at each found.
use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::One;
use crate::app::drafts;
use crate::authz::ViewConversions;
use crate::domain::conversion::{Blocker, Closing};
use crate::domain::selection::{self, Group, Tally, Verdict};
use crate::domain::{Protocol, Way};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Paging};
use crate::web::choices_csv;
use crate::web::error::Problem;

/// One row of a selection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversionChoice)]
pub struct Choice {
    /// UUIDv7; the item of the batch has the same once it is confirmed.
    id: uuid::Uuid,
    /// The row of the list that it came in, from 1; null when a filter found it.
    row: Option<i32>,
    /// Its address, or what was sent when that is none of ours.
    address: String,
    /// The id of the mailbox.
    mailbox: Option<uuid::Uuid>,
    /// `waits`, `ready`, `attention` (somebody uses what closes) or `blocked` (left out).
    #[schema(value_type = String)]
    verdict: &'static str,
    /// Why it is left out.
    blocker: Option<Blocker>,
    /// How it would be done.
    way: Option<Way>,
    /// Protocols that open.
    opens: Vec<Protocol>,
    /// Protocols that close, with their last use.
    closes: Vec<Closing>,
    /// Plan and price code before and after, in words.
    plan_change: Option<String>,
    /// Messages, as last read.
    messages: i64,
    /// Bytes, as last read.
    bytes: i64,
}

impl From<selection::Choice> for Choice {
    fn from(choice: selection::Choice) -> Self {
        let blocked = choice.verdict == Verdict::Blocked;
        Self {
            id: choice.id.0,
            row: choice.line,
            address: choice.address,
            mailbox: choice.mailbox.map(|(_, mailbox)| mailbox.0),
            verdict: choice.verdict.as_str(),
            blocker: blocked.then_some(Blocker {
                code: choice.blocker,
                detail: choice.why,
            }),
            way: choice.way,
            opens: choice.opens.iter().collect(),
            closes: choice.closes,
            plan_change: (!choice.plan_change.is_empty()).then_some(choice.plan_change),
            messages: choice.messages,
            bytes: choice.bytes,
        }
    }
}

/// A selection in numbers. Everything but `blocked` counts what is not left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreCheckCounts {
    /// Not looked at yet.
    waits: u64,
    /// Nothing in the way.
    ready: u64,
    /// Nothing in the way, but somebody uses what closes.
    attention: u64,
    /// Left out.
    blocked: u64,
    /// Left out, by reason.
    blockers: Vec<Count>,
    /// What closes, on how many, and on how many of these it was used in the last seven days.
    closes: Vec<ClosesCount>,
    /// People who have to set up their clients again: they used in the last 30 days what closes.
    set_up_again: u64,
    /// How many are done in which way.
    ways: Vec<Count>,
    /// Changes of plan and price code.
    plan_changes: Vec<Count>,
    /// Messages, as last read.
    messages: u64,
    /// Bytes, as last read.
    bytes: u64,
}

/// How many of something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Count {
    /// What.
    what: String,
    /// How many.
    count: u64,
}

/// On how many mailboxes a protocol closes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClosesCount {
    /// Which.
    protocol: Protocol,
    /// On how many.
    count: u64,
    /// On how many of these it was used in the last seven days.
    used_this_week: u64,
}

impl From<Tally> for PreCheckCounts {
    fn from(tally: Tally) -> Self {
        let counts = |pairs: Vec<(String, u64)>| {
            let count = |(what, count)| Count { what, count };
            pairs.into_iter().map(count).collect()
        };
        let ways = tally.ways.iter().map(|(way, count)| Count {
            what: way.as_str().to_owned(),
            count: *count,
        });
        let closes = tally.closes.iter().map(|closes| ClosesCount {
            protocol: closes.protocol,
            count: closes.on,
            used_this_week: closes.used_this_week,
        });
        Self {
            waits: tally.waits,
            ready: tally.ready,
            attention: tally.attention,
            blocked: tally.blocked,
            ways: ways.collect(),
            closes: closes.collect(),
            blockers: counts(tally.blockers),
            plan_changes: counts(tally.plans),
            set_up_again: tally.set_up_again,
            messages: tally.messages,
            bytes: tally.bytes,
        }
    }
}

/// Which rows of a selection.
pub struct OfGroup(Option<Group>);

impl FromQuery for OfGroup {
    fn read(query: &mut Query) -> Self {
        query.order("address");
        let known = "waits, ready, attention, blocked, blocker:…, used:…, again, in_place, move";
        Self(query.word("group", known, Group::parse))
    }
}

/// Which rows of a selection.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct GroupParams {
    /// A verdict (`blocked`), a reason (`blocker:drift`), a protocol that closes and was used this
    /// week (`used:pop3`), `again` (clients to set up), a way (`move`), or `plan:` with a change.
    group: Option<String>,
    /// Only `address`.
    sort: Option<String>,
}

/// List what was chosen
///
/// The rows of a draft's selection with what the look at each found, by address; of a confirmed
/// batch, too: there, `group=blocked` is what was left out.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/choices", operation_id = "listConversionChoices", tag = "Conversions",
    params(PagingParams, GroupParams), responses((status = 200, description = "A page of rows", body = List<Choice>)))]
pub async fn list(
    ask: Ask<Cx<ViewConversions>, (Paging, OfGroup)>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let (paging, OfGroup(group)) = &ask.query;
    let id = super::id(&path.1, "conversion")?;
    let work = ask.cx.begin().await?;
    let page = drafts::choices(&work, id, group.as_ref(), &paging.request).await?;
    answer::list(paging, page, Choice::from)
}

/// Download what was chosen
///
/// The same as `text/csv`, all of it, sent as it is read.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/choices.csv", operation_id = "downloadConversionChoices", tag = "Conversions",
    params(GroupParams), responses((status = 200, description = "The rows", body = String, content_type = "text/csv")))]
pub async fn download(
    ask: Ask<Cx<ViewConversions>, OfGroup>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id = super::id(&path.1, "conversion")?;
    choices_csv::send(ask.cx, id, ask.query.0).await
}
