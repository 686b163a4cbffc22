//! `/conversions/{conversion}/reversals`: undoing a batch, or some mailboxes of it.
use std::fmt;

use actix_web::HttpResponse;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::One;
use super::conversions::{Conversion, ItemsParams, ItemsShown, PreCheck, PreChecks};
use crate::app::reversals::{self, NewReversal};
use crate::authz::{ConvertMailboxes, ViewConversions};
use crate::store::Cx;
use crate::web::api::{Ask, Change, Json, answer};
use crate::web::error::Problem;

/// What is undone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReversal)]
pub struct Wanted {
    /// Ids or addresses, 1 to 10,000, none twice; or the word `all`: everything of the batch that
    /// can be undone.
    mailboxes: Mailboxes,
    /// Whether the users are told by mail; as in the batch to undo when it is left out.
    notify_users: Option<bool>,
}

/// Which mailboxes of a batch.
#[derive(Debug)]
struct Mailboxes(reversals::Chosen);

impl<'de> Deserialize<'de> for Mailboxes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Mailboxes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of ids or addresses, or the word “all”")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Self::Value, E> {
                if word == "all" {
                    return Ok(Mailboxes(reversals::Chosen::All));
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut names = vec![];
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                Ok(Mailboxes(reversals::Chosen::Named(names)))
            }
        }
        from.deserialize_any(Either)
    }
}

impl PartialSchema for Mailboxes {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let names = ArrayBuilder::new().items(text()).min_items(Some(1));
        OneOfBuilder::new()
            .item(names.max_items(Some(10_000)))
            .item(text().enum_values(Some(["all"])))
            .into()
    }
}

impl ToSchema for Mailboxes {}

/// Undo conversions
///
/// Starts a batch that brings mailboxes back to the kind, plan, quota and switches that the named
/// batch found. Each can be undone until its `undo_until`, unless it was converted again since. If
/// one that is named cannot be undone, nothing is started and the fault is at its place; with
/// `"mailboxes": "all"` what something stands in the way of fails within the batch, with the reason,
/// and can be retried. The items of the named batch become `undone` as those of the new one are done.
/// With `dry_run=true` the answer is the pre-check.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/reversals", operation_id = "reverseConversion", tag = "Conversions",
    params(ItemsParams), request_body = Wanted,
    responses((status = 202, description = "The new batch is under way", body = Conversion),
        (status = 200, description = "With `dry_run=true`: the pre-check", body = PreChecks)))]
pub async fn start(
    ask: Ask<Cx<ConvertMailboxes>, (Change, ItemsShown), Json<Wanted>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let batch = super::id(&path.1, "conversion")?;
    let Mailboxes(chosen) = &ask.body.0.mailboxes;
    let cx = ask.cx.narrow::<ViewConversions>();
    if ask.cx.dry_run() {
        let checks = reversals::pre_check(&cx.begin().await?, batch, chosen, usize::MAX).await?;
        let checks = PreChecks {
            items: checks.of.into_iter().map(PreCheck::from).collect(),
        };
        return answer::json(&mut HttpResponse::Ok(), &checks);
    }
    let new = NewReversal {
        batch,
        chosen: chosen.clone(),
        notify_users: ask.body.0.notify_users,
    };
    let batch = reversals::start(ask.cx.begin().await?, new).await?;
    let location = super::location(&cx.tenant().slug, &["conversions", &batch.id.to_string()]);
    let wire = Conversion::with_items(&cx, batch.id, &ask.query.1).await?;
    ask.accepted(&location, batch.state.as_str(), &wire)
}
