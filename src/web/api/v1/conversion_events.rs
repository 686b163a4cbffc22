//! `/conversions/{conversion}/events`: the batch, each time it changes, until it is over.
use std::convert::Infallible;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;

use super::One;
use super::conversions::{Conversion, ItemsParams, ItemsShown};
use crate::authz::ViewConversions;
use crate::domain::BatchId;
use crate::store::Cx;
use crate::web::api::Ask;
use crate::web::error::Problem;
use crate::web::live::{self, Ear, HEARTBEAT_COMMENT, Heard};
use crate::web::site::Site;

/// Another panel process may carry the batch out, whose bell is not heard here.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Listen to a batch
///
/// `text/event-stream`: a `conversion` event with the batch as JSON at once and whenever it changes;
/// the stream ends when the batch is over.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/conversions/{conversion}/events", operation_id = "listenToConversion", tag = "Conversions",
    params(ItemsParams), responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream")))]
pub async fn listen(
    ask: Ask<Cx<ViewConversions>, ItemsShown>,
    path: One,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let batch = super::id(&path.1, "conversion")?;
    Conversion::with_items(&ask.cx, batch, &ask.query).await?;
    Ok(live::answer(events(Listening {
        cx: ask.cx,
        shown: ask.query,
        batch,
        ear: Ear {
            bell: site.db.listen(),
            stopping: site.stopping.clone(),
        },
        said: String::new(),
        over: false,
    })))
}

struct Listening {
    cx: Cx<ViewConversions>,
    shown: ItemsShown,
    batch: BatchId,
    ear: Ear,
    /// What was said last.
    said: String,
    over: bool,
}

fn events(listening: Listening) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures_util::stream::unfold(listening, |mut listening| async {
        let text = listening.next().await?;
        Some((Ok(Bytes::from(text)), listening))
    })
}

impl Listening {
    async fn next(&mut self) -> Option<String> {
        let mut quiet = Duration::ZERO;
        while !self.over {
            if let Some(event) = self.look().await {
                return Some(event);
            }
            match tokio::time::timeout(LOOK_ANYWAY, self.ear.next()).await {
                Ok(Heard::Farewell) => return None,
                Ok(Heard::Ring) => {}
                Ok(Heard::Silence) | Err(_) => quiet += LOOK_ANYWAY,
            }
            if quiet >= live::HEARTBEAT {
                return Some(HEARTBEAT_COMMENT.to_owned());
            }
        }
        None
    }

    /// The event, if the batch is not as it was said last. One that cannot be read now is read at
    /// the next look.
    async fn look(&mut self) -> Option<String> {
        let wire = Conversion::with_items(&self.cx, self.batch, &self.shown)
            .await
            .ok()?;
        let text = serde_json::to_string(&wire).ok()?;
        if text == self.said {
            return None;
        }
        self.over = wire.is_over();
        let event = format!("event: conversion\ndata: {text}\n\n");
        self.said = text;
        Some(event)
    }
}
