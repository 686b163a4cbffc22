//! `/conversions`: what one call, or one *Proceed, Confirm*, started. Its mailboxes are in
//! [`super::conversion_items`].
use std::collections::HashSet;

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::One;
use super::conversion_choices::PreCheckCounts;
use super::conversion_items::Item;
use crate::app::conversions::{self, NewBatch};
use crate::app::drafts::{self, Chosen, NewDraft, Terms};
use crate::authz::{ConvertMailboxes, ViewConversions};
use crate::domain::conversion::{self, Counts, KeepOpen};
use crate::domain::{
    BatchId, BatchState, Invalid, Kind, MailboxFilter, MailboxState, PageRequest, Protocol, Way,
};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Json, Paging, Patch};
use crate::web::error::Problem;

/// The most mailboxes of one batch.
const MOST: usize = 10_000;

/// A batch of conversions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conversion {
    /// UUIDv7.
    id: uuid::Uuid,
    /// The id of the tenant where it was started.
    tenant_id: uuid::Uuid,
    /// The target kind.
    to: Kind,
    /// Where it stands.
    state: BatchState,
    /// Not before then.
    not_before: Option<DateTime<Utc>>,
    /// Whether the users are told by mail.
    notify_users: bool,
    /// What stays open for a while.
    keep_open: Vec<KeepOpen>,
    /// How many of its mailboxes may be under way at once; null leaves it to the servers.
    at_once: Option<u32>,
    /// What was chosen, of a batch that is a draft or was one. Its rows are at `…/choices`.
    selection: Option<Selection>,
    /// The batch that this one undoes.
    reverses: Option<uuid::Uuid>,
    /// Who started it.
    started_by: String,
    /// How many mailboxes stand where.
    counts: Counts,
    /// Its mailboxes, those that need somebody first: as many as `?items=` says. All of them are at
    /// `…/items`.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Item>>,
    /// Made at.
    created_at: DateTime<Utc>,
    /// Over at.
    finished_at: Option<DateTime<Utc>>,
}

impl Conversion {
    fn of(batch: conversion::Batch, items: Option<Vec<Item>>) -> Self {
        Self {
            id: batch.id.0,
            tenant_id: batch.tenant.0,
            to: batch.to,
            state: batch.state,
            not_before: batch.not_before,
            notify_users: batch.notify_users,
            keep_open: batch.keep_open,
            at_once: batch.at_once,
            selection: batch.selection.map(Selection::from),
            reverses: batch.reverses.map(|batch| batch.0),
            started_by: batch.started_by,
            counts: batch.counts,
            items,
            created_at: batch.created_at,
            finished_at: batch.finished_at,
        }
    }

    /// With its mailboxes, as many as were asked for.
    pub async fn with_items(
        cx: &Cx<ViewConversions>,
        id: BatchId,
        shown: &ItemsShown,
    ) -> Result<Self, Problem> {
        let work = cx.begin().await?;
        let batch = conversions::find(&work, id).await?;
        let request = PageRequest {
            limit: shown.0.max(1),
            after: None,
        };
        let total = batch.counts.total;
        let items = conversions::items_of(&work, id, &[], total, &request)
            .await?
            .items;
        let items = items.into_iter().take(shown.0 as usize);
        let mut wire = Self::of(batch, Some(items.map(Into::into).collect()));
        if let Some(selection) = &mut wire.selection {
            selection.pre_check = Some(drafts::tally(&work, id).await?.into());
        }
        Ok(wire)
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }

    fn version(&self) -> String {
        self.state.as_str().to_owned()
    }
}

/// What was chosen, and how far the look at it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Selection {
    /// In words.
    chosen: String,
    /// Rows as far as one knew when they were chosen.
    expected: u64,
    /// Rows looked at so far.
    checked: u64,
    /// When the look was through; null while it goes on.
    checked_at: Option<DateTime<Utc>>,
    /// What it found, in numbers; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_check: Option<PreCheckCounts>,
}

impl From<crate::domain::selection::Selection> for Selection {
    fn from(selection: crate::domain::selection::Selection) -> Self {
        Self {
            chosen: selection.chosen,
            expected: selection.expected,
            checked: selection.checked,
            checked_at: selection.checked_at,
            pre_check: None,
        }
    }
}

/// How many mailboxes an answer shows.
pub struct ItemsShown(u32);

impl FromQuery for ItemsShown {
    fn read(query: &mut Query) -> Self {
        Self(
            query
                .number("items", 0, PageRequest::MAX)
                .unwrap_or(PageRequest::DEFAULT),
        )
    }
}

/// How many mailboxes an answer shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct ItemsParams {
    /// How many of its mailboxes the answer shows.
    #[param(minimum = 0, maximum = 200, default = 50)]
    items: Option<u32>,
}

/// What a new batch is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversion {
    /// The target kind.
    to: Kind,
    /// Ids or addresses, 1 to 10,000, none twice. In a draft up to 100,000, and one that is not
    /// there or named twice is left out.
    #[serde(default)]
    #[schema(required = false, max_items = 100_000)]
    mailboxes: Vec<String>,
    /// Instead of `mailboxes`, in a draft: all that match.
    select: Option<Select>,
    /// Only choose and look: nothing happens before it is confirmed by
    /// `PATCH {"state": "running"}`; `DELETE` does away with it.
    #[serde(default)]
    draft: bool,
    /// How many may be under way at once; null leaves it to the servers.
    #[schema(minimum = 1, maximum = 1000)]
    at_once: Option<u32>,
    /// Not before then; null for at once.
    not_before: Option<DateTime<Utc>>,
    /// Whether the users are told by mail.
    #[serde(default)]
    notify_users: bool,
    /// Protocols that would close, but stay open for a while.
    #[serde(default)]
    keep_open: Vec<KeepOpen>,
    /// The name of the mail server that they are to be on, for admins of the platform. By default
    /// each stays where it is if that server offers the kind, and else moves by the rule of
    /// placement. With it, `to` may be the kind that they have: that empties a server.
    #[serde(default)]
    server: Option<String>,
}

/// Which mailboxes: what is left out does not matter.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Only of that kind; without it, of the one that is not the target.
    kind: Option<Kind>,
    /// Only in that domain.
    domain: Option<String>,
    /// Searches name and address.
    q: Option<String>,
    /// Only in that state.
    state: Option<MailboxState>,
    /// Only on that server, by its name.
    server: Option<String>,
    /// Only used since then.
    used_since: Option<DateTime<Utc>>,
    /// Only not used since then.
    unused_since: Option<DateTime<Utc>>,
}

impl Select {
    fn filter(&self, to: Kind) -> MailboxFilter {
        MailboxFilter {
            kind: Some(self.kind.unwrap_or(to.other())),
            domain: self.domain.clone(),
            q: self.q.clone(),
            state: self.state,
            server: self.server.clone(),
            used_since: self.used_since,
            unused_since: self.unused_since,
            ..MailboxFilter::default()
        }
    }
}

/// A change of a batch; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversionPatch {
    /// `paused`: what is switching finishes, nothing new begins. `running`: it goes on, and a draft
    /// is confirmed.
    state: Option<Wanted>,
    /// How many may be under way at once; null leaves it to the servers.
    #[serde(default)]
    #[schema(value_type = Option<u32>, required = false, minimum = 1, maximum = 1000)]
    at_once: Patch<u32>,
    /// Of a draft: not before then; null for at once.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>, required = false)]
    not_before: Patch<DateTime<Utc>>,
    /// Of a draft: whether the users are told by mail.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    notify_users: Patch<bool>,
    /// Of a draft: protocols that would close, but stay open for a while.
    #[serde(default)]
    #[schema(value_type = Vec<KeepOpen>, required = false)]
    keep_open: Patch<Vec<KeepOpen>>,
}

impl ConversionPatch {
    /// The terms of a batch with what is to be changed; `None` when nothing is.
    fn terms(&self, batch: &conversion::Batch) -> Result<Option<Terms>, Invalid> {
        let mut faults = Invalid::default();
        let mut terms = drafts::terms_of(batch);
        match &self.at_once {
            Patch::Absent => {}
            Patch::Null => terms.at_once = None,
            Patch::Value(limit) => terms.at_once = Some(*limit),
        }
        match &self.not_before {
            Patch::Absent => {}
            Patch::Null => terms.not_before = None,
            Patch::Value(moment) => terms.not_before = Some(*moment),
        }
        if let Some(told) = self
            .notify_users
            .clone()
            .required("notify_users", &mut faults)
        {
            terms.notify_users = told;
        }
        if let Some(grants) = self.keep_open.clone().required("keep_open", &mut faults) {
            terms.keep_open = grants;
        }
        faults.into_result()?;
        let same = matches!(self.at_once, Patch::Absent) && self.only_at_once();
        Ok((!same).then_some(terms))
    }

    fn only_at_once(&self) -> bool {
        matches!(self.not_before, Patch::Absent)
            && matches!(self.notify_users, Patch::Absent)
            && matches!(self.keep_open, Patch::Absent)
    }
}

/// What a batch can be told.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Paused,
    Running,
}

/// What converting would do, mailbox by mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreChecks {
    /// In the order asked for.
    pub(super) items: Vec<PreCheck>,
}

/// What converting would do to one mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreCheck {
    /// Its address.
    address: String,
    /// The name in the address list.
    display_name: String,
    /// How it would be done; null when it cannot be.
    way: Option<Way>,
    /// The name of the mail server that it would be on; null when it cannot be done.
    server: Option<String>,
    /// What is in the way; empty means that it can be converted.
    blockers: Vec<conversion::Blocker>,
    /// Protocols that open.
    opens: Vec<Protocol>,
    /// Protocols that close, with their last use.
    closes: Vec<conversion::Closing>,
    /// Its plan.
    plan: PlanChange,
    /// The reseller's code for the plan.
    price_code: PriceChange,
    /// Messages, as last read.
    messages: i64,
    /// Bytes, as last read.
    bytes: i64,
}

/// A plan before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanChange {
    /// The slug now.
    from: String,
    /// The slug then; null when no plan fits.
    to: Option<String>,
}

/// A price code before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceChange {
    /// The code now.
    from: Option<String>,
    /// The code then.
    to: Option<String>,
}

impl From<conversion::PreCheck> for PreCheck {
    fn from(check: conversion::PreCheck) -> Self {
        let (from, to) = check.price_codes;
        Self {
            address: check.address.to_string(),
            display_name: check.display_name,
            way: check.way,
            server: check.server,
            blockers: check.blockers,
            opens: check.opens,
            closes: check.closes,
            plan: PlanChange {
                from: check.plan_from,
                to: check.plan_to,
            },
            price_code: PriceChange { from, to },
            messages: check.messages,
            bytes: check.bytes,
        }
    }
}

impl FromQuery for () {
    fn read(query: &mut Query) -> Self {
        query.order("-created_at");
    }
}

/// The order of batches.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct ConversionOrder {
    /// Only `-created_at`.
    sort: Option<String>,
}

/// List conversions
///
/// Of the tenant and all below, newest first, without their mailboxes.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions", operation_id = "listConversions", tag = "Conversions",
    params(PagingParams, ConversionOrder), responses((status = 200, description = "A page of batches", body = List<Conversion>)))]
pub async fn list(ask: Ask<Cx<ViewConversions>, (Paging, ())>) -> Result<HttpResponse, Problem> {
    let (paging, ()) = &ask.query;
    let page = conversions::list(&ask.cx.begin().await?, &paging.request).await?;
    answer::list(paging, page, |batch| Conversion::of(batch, None))
}

/// Start conversions
///
/// One batch of everything named; if anything blocks one of them, nothing is started and the fault
/// is at its place. With `dry_run=true` the answer is the pre-check: blockers, effects and the way.
///
/// With `"draft": true` nothing is started: every mailbox is looked at in the background, what is
/// found stands in `selection` and at `…/choices`, and `PATCH {"state": "running"}` starts what is
/// not left out.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/conversions", operation_id = "startConversions", tag = "Conversions",
    params(ItemsParams), request_body = NewConversion,
    responses((status = 202, description = "The batch is under way", body = Conversion),
        (status = 200, description = "With `dry_run=true`: the pre-check", body = PreChecks)))]
pub async fn start(
    ask: Ask<Cx<ConvertMailboxes>, (Change, ItemsShown), Json<NewConversion>>,
) -> Result<HttpResponse, Problem> {
    let Json(body) = &ask.body;
    let cx = ask.cx.narrow::<ViewConversions>();
    if body.draft {
        return draft(&ask, body).await;
    }
    if body.select.is_some() {
        let detail = "What a filter finds is looked at first. Ask for a draft, then confirm it.";
        return Err(Invalid::field("draft", detail).into());
    }
    check_mailboxes(&body.mailboxes)?;
    if ask.cx.dry_run() {
        let (work, keep_open) = (cx.begin().await?, &body.keep_open);
        let server = body.server.as_deref();
        let (to, mailboxes) = (body.to, &body.mailboxes);
        let checks = conversions::pre_check_on(&work, to, mailboxes, keep_open, server).await?;
        let items = checks.into_iter().map(PreCheck::from).collect();
        return answer::json(&mut HttpResponse::Ok(), &PreChecks { items });
    }
    let new = NewBatch {
        to: body.to,
        mailboxes: body.mailboxes.clone(),
        not_before: body.not_before,
        notify_users: body.notify_users,
        at_once: body.at_once,
        keep_open: body.keep_open.clone(),
        server: body.server.clone(),
    };
    let batch = conversions::start(ask.cx.begin().await?, new).await?;
    let location = super::location(&cx.tenant().slug, &["conversions", &batch.id.to_string()]);
    let wire = Conversion::with_items(&cx, batch.id, &ask.query.1).await?;
    ask.accepted(&location, &wire.version(), &wire)
}

type AskToStart = Ask<Cx<ConvertMailboxes>, (Change, ItemsShown), Json<NewConversion>>;

async fn draft(ask: &AskToStart, body: &NewConversion) -> Result<HttpResponse, Problem> {
    let chosen = match (&body.select, &body.mailboxes[..]) {
        (Some(_), [_, ..]) => {
            let detail = "Name mailboxes or select them, not both.";
            return Err(Invalid::field("select", detail).into());
        }
        (Some(select), []) => Chosen::Matching(select.filter(body.to)),
        (None, names) => Chosen::Named(names),
    };
    let new = NewDraft {
        to: body.to,
        chosen,
        terms: Terms {
            not_before: body.not_before,
            at_once: body.at_once,
            notify_users: body.notify_users,
            keep_open: body.keep_open.clone(),
        },
        server: body.server.clone(),
    };
    let batch = drafts::create(ask.cx.begin().await?, new).await?;
    if ask.cx.dry_run() {
        return answer::json(&mut HttpResponse::Ok(), &Conversion::of(batch, None));
    }
    let cx = ask.cx.narrow::<ViewConversions>();
    let location = super::location(&cx.tenant().slug, &["conversions", &batch.id.to_string()]);
    let wire = Conversion::with_items(&cx, batch.id, &ask.query.1).await?;
    ask.accepted(&location, &wire.version(), &wire)
}

fn check_mailboxes(named: &[String]) -> Result<(), Invalid> {
    if named.is_empty() || named.len() > MOST {
        return Err(Invalid::field("mailboxes", "Name 1 to 10,000 mailboxes."));
    }
    let mut faults = Invalid::default();
    let mut seen = HashSet::new();
    for (place, mailbox) in named.iter().enumerate() {
        if !seen.insert(mailbox.trim().to_lowercase()) {
            faults.push(
                &format!("mailboxes/{place}"),
                format!("“{mailbox}” is named twice."),
            );
        }
    }
    faults.into_result()
}

/// Read a batch
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}", operation_id = "getConversion", tag = "Conversions",
    params(ItemsParams), responses((status = 200, description = "The batch", body = Conversion)))]
pub async fn show(
    ask: Ask<Cx<ViewConversions>, ItemsShown>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id = super::id(&path.1, "conversion")?;
    let wire = Conversion::with_items(&ask.cx, id, &ask.query).await?;
    ask.show(&wire.version(), &wire)
}

/// Pause, resume or confirm a batch
///
/// `running` lets a held batch go on, and confirms a draft. `at_once` can be changed at any time,
/// the rest only in a draft.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}/conversions/{conversion}", operation_id = "updateConversion", tag = "Conversions",
    params(ItemsParams), request_body = ConversionPatch,
    responses((status = 200, description = "The batch as it is now", body = Conversion)))]
pub async fn change(
    ask: Ask<Cx<ConvertMailboxes>, (Change, ItemsShown), Json<ConversionPatch>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id = unchanged(&ask, &path).await?;
    let Json(body) = &ask.body;
    let begin = || ask.cx.begin();
    let old = conversions::find(&ask.cx.narrow::<ViewConversions>().begin().await?, id).await?;
    let is_draft = old.state == BatchState::Draft;
    let batch = match (body.terms(&old)?, body.state) {
        (terms, Some(Wanted::Running)) if is_draft => {
            drafts::confirm(begin().await?, id, terms).await?
        }
        (Some(terms), None) if is_draft => drafts::set_terms(begin().await?, id, &terms).await?,
        (Some(terms), None) if body.only_at_once() => {
            drafts::set_at_once(begin().await?, id, terms.at_once).await?
        }
        (Some(_), _) => {
            let detail =
                "Change one thing at a time: a confirmed batch takes its state, or at_once.";
            return Err(Invalid::field("state", detail).into());
        }
        (None, Some(Wanted::Paused)) => conversions::pause(begin().await?, id).await?,
        (None, Some(Wanted::Running)) => conversions::resume(begin().await?, id).await?,
        (None, None) => old,
    };
    after(&ask, batch).await
}

/// Cancel a batch
///
/// What has not switched is called off; the rest stays converted. A draft is done away with.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/conversions/{conversion}", operation_id = "cancelConversion", tag = "Conversions",
    params(ItemsParams), responses((status = 200, description = "The batch as it is now", body = Conversion)))]
pub async fn cancel(
    ask: Ask<Cx<ConvertMailboxes>, (Change, ItemsShown)>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id = unchanged(&ask, &path).await?;
    let batch = conversions::cancel(ask.cx.begin().await?, id).await?;
    let cx = ask.cx.narrow::<ViewConversions>();
    if conversions::find(&cx.begin().await?, id).await.is_err() {
        let wire = Conversion::of(batch, None);
        return ask.changed(&wire.version(), &wire);
    }
    after(&ask, batch).await
}

/// Retry what failed
///
/// Tries the failed mailboxes of a batch again.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/retries", operation_id = "retryConversion", tag = "Conversions",
    params(ItemsParams), responses((status = 202, description = "The batch is under way again", body = Conversion)))]
pub async fn retry(
    ask: Ask<Cx<ConvertMailboxes>, (Change, ItemsShown)>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id = unchanged(&ask, &path).await?;
    let batch = conversions::retry_failed(ask.cx.begin().await?, id).await?;
    let location = super::location(&ask.cx.tenant().slug, &["conversions", &path.1]);
    let wire = read_again(&ask, batch).await?;
    ask.accepted(&location, &wire.version(), &wire)
}

type AskForBatch<B> = Ask<Cx<ConvertMailboxes>, (Change, ItemsShown), B>;

/// The id in the path, once it is sure that nobody else was faster.
async fn unchanged<B>(ask: &AskForBatch<B>, path: &One) -> Result<BatchId, Problem> {
    let id = super::id(&path.1, "conversion")?;
    if ask.conditions.expected()?.is_some() {
        let work = ask.cx.narrow::<ViewConversions>().begin().await?;
        ask.conditions
            .require(conversions::find(&work, id).await?.state.as_str())?;
    }
    Ok(id)
}

async fn after<B>(ask: &AskForBatch<B>, batch: conversion::Batch) -> Result<HttpResponse, Problem> {
    let wire = read_again(ask, batch).await?;
    ask.changed(&wire.version(), &wire)
}

/// The batch with its mailboxes; after a dry run without them, for they are as they were.
async fn read_again<B>(
    ask: &AskForBatch<B>,
    batch: conversion::Batch,
) -> Result<Conversion, Problem> {
    if ask.cx.dry_run() {
        return Ok(Conversion::of(batch, None));
    }
    let cx = ask.cx.narrow::<ViewConversions>();
    Conversion::with_items(&cx, batch.id, &ask.query.1).await
}
