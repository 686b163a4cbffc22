//! `/conversions/{conversion}/items`: the mailboxes of a batch and their receipts.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{One, OneOfOne};
use crate::app::{AppError, conversions};
use crate::authz::ViewConversions;
use crate::domain::conversion::{self, Progress, ReadAgain};
use crate::domain::snapshot::Summary;
use crate::domain::{BatchId, ItemId, ItemState, Kind, Way};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Paging};
use crate::web::error::Problem;

/// One mailbox of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversionItem)]
pub struct Item {
    /// UUIDv7.
    id: uuid::Uuid,
    /// The id of the mailbox.
    mailbox: uuid::Uuid,
    /// Its address.
    address: String,
    /// Where it stands.
    state: ItemState,
    /// How it is done.
    way: Way,
    /// The kind it had.
    from: Kind,
    /// The kind it gets.
    to: Kind,
    /// How far the present step is.
    progress: Progress,
    /// What it waits for, and when it will be tried again.
    waiting_for: Option<String>,
    /// Why it failed.
    error: Option<String>,
    /// Until when it can be undone.
    undo_until: Option<DateTime<Utc>>,
    /// First step at.
    started_at: Option<DateTime<Utc>>,
    /// Over at.
    finished_at: Option<DateTime<Utc>>,
}

impl From<conversion::Item> for Item {
    fn from(item: conversion::Item) -> Self {
        Self {
            id: item.id.0,
            mailbox: item.mailbox.0,
            address: item.address.to_string(),
            state: item.state,
            way: item.way,
            from: item.from,
            to: item.to,
            progress: item.progress,
            waiting_for: item.waiting_for,
            error: item.error,
            undo_until: item.undo_until,
            started_at: item.started_at,
            finished_at: item.finished_at,
        }
    }
}

/// The proof that nothing was lost.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// Whose mailbox.
    address: String,
    /// How it was done.
    way: Way,
    /// The kind before.
    from: Kind,
    /// The kind after.
    to: Kind,
    /// The mailbox before.
    before: Summary,
    /// The mailbox after.
    after: Summary,
    /// Messages that came in between.
    arrived_meanwhile: u64,
    /// Whether the second is the first plus what arrived.
    identical: bool,
    /// What is not, in sentences.
    differences: Vec<String>,
    /// The full reading after the doors had opened; null when it did not come to that.
    read_again: Option<ReadAgain>,
    /// The servers of a move; null when it stayed where it was.
    moved: Option<conversion::Moved>,
    /// First step at.
    started_at: DateTime<Utc>,
    /// Over at.
    finished_at: DateTime<Utc>,
}

impl From<conversion::Receipt> for Receipt {
    fn from(receipt: conversion::Receipt) -> Self {
        Self {
            address: receipt.address,
            way: receipt.way,
            from: receipt.from,
            to: receipt.to,
            before: receipt.before,
            after: receipt.after,
            arrived_meanwhile: receipt.arrived_meanwhile,
            identical: receipt.identical,
            differences: receipt.differences,
            read_again: receipt.read_again,
            moved: receipt.moved,
            started_at: receipt.started_at,
            finished_at: receipt.finished_at,
        }
    }
}

/// Which mailboxes of a batch.
pub struct ItemFilter(Option<ItemState>);

/// Which mailboxes of a batch.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct ItemFilterParams {
    /// Only in that state.
    state: Option<ItemState>,
}

impl FromQuery for ItemFilter {
    fn read(query: &mut Query) -> Self {
        let known: Vec<_> = ItemState::ALL.iter().map(|state| state.as_str()).collect();
        Self(query.word("state", &known.join(", "), ItemState::parse))
    }
}

/// List the mailboxes of a batch
///
/// Those that need somebody first, then by address.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/items", operation_id = "listConversionItems", tag = "Conversions",
    params(PagingParams, ItemFilterParams), responses((status = 200, description = "A page of mailboxes", body = List<Item>)))]
pub async fn list(
    ask: Ask<Cx<ViewConversions>, (Paging, ItemFilter)>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let (paging, ItemFilter(state)) = &ask.query;
    let batch = super::id(&path.1, "conversion")?;
    let work = ask.cx.begin().await?;
    let page = conversions::items(&work, batch, *state, &paging.request).await?;
    answer::list(paging, page, Item::from)
}

/// Read one mailbox of a batch
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/items/{item}", operation_id = "getConversionItem", tag = "Conversions",
    responses((status = 200, description = "The mailbox of the batch", body = Item)))]
pub async fn show(ask: Ask<Cx<ViewConversions>>, path: OneOfOne) -> Result<HttpResponse, Problem> {
    let item = find(&ask.cx, &path).await?;
    ask.show(item.state.as_str(), &Item::from(item))
}

/// Read a receipt
///
/// The proof that nothing was lost: there once the mailbox was compared with what it was before.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/items/{item}/receipt", operation_id = "getReceipt", tag = "Conversions",
    responses((status = 200, description = "The receipt", body = Receipt)))]
pub async fn receipt(
    ask: Ask<Cx<ViewConversions>>,
    path: OneOfOne,
) -> Result<HttpResponse, Problem> {
    let item = find(&ask.cx, &path).await?;
    let receipt = item.receipt.ok_or(AppError::NotFound("receipt yet"))?;
    ask.show("receipt", &Receipt::from(receipt))
}

async fn find(cx: &Cx<ViewConversions>, path: &OneOfOne) -> Result<conversion::Item, Problem> {
    let batch: BatchId = super::id(&path.1, "conversion")?;
    let item: ItemId = super::id(&path.2, "mailbox in this batch")?;
    Ok(conversions::item(&cx.begin().await?, batch, item).await?)
}
