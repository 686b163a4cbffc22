//! `/messages`: what people were told, and what became of it.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::One;
use crate::app::messages;
use crate::authz::{SendMessages, ViewMessages};
use crate::domain::message::{self, MessageState, Moment};
use crate::domain::{BatchId, MailboxId};
use crate::store::Cx;
use crate::store::messages::MessageFilter;
use crate::web::api::answer::{self, List};
use crate::web::api::query::{FromQuery, PagingParams, Query};
use crate::web::api::{Ask, Change, Paging};
use crate::web::error::Problem;

/// A message that the panel sends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// UUIDv7.
    id: Uuid,
    /// The id of the tenant whose mailbox it is about.
    tenant_id: Uuid,
    /// The conversion it tells of.
    conversion: Option<Uuid>,
    /// The mailbox it tells of.
    mailbox: Option<Uuid>,
    /// What it is about.
    moment: Moment,
    /// To whom.
    recipient: String,
    /// Its `Message-ID`, the same for every try.
    message_id: String,
    /// What became of it.
    state: MessageState,
    /// What the mail server said last, or why it waits.
    said: Option<String>,
    /// Tries so far.
    attempts: u32,
    /// Not before then.
    next_try_at: Option<DateTime<Utc>>,
    /// Its subject, once it is written.
    subject: Option<String>,
    /// What it says as text, once it is written.
    text: Option<String>,
    /// Taken by the mail server at.
    sent_at: Option<DateTime<Utc>>,
    /// When a mail server returned it that had taken it; only of one that bounced.
    returned_at: Option<DateTime<Utc>>,
    /// Made at.
    created_at: DateTime<Utc>,
}

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        let (subject, text) = message
            .letter
            .map(|letter| (letter.subject, letter.text))
            .unzip();
        Self {
            id: message.id.0,
            tenant_id: message.tenant.0,
            conversion: message.batch.map(|id| id.0),
            mailbox: message.mailbox.map(|id| id.0),
            moment: message.moment,
            recipient: message.recipient.to_string(),
            message_id: message.message_id,
            state: message.state,
            said: message.said,
            attempts: message.attempts,
            next_try_at: message.next_try_at,
            subject,
            text,
            sent_at: message.sent_at,
            returned_at: message.returned_at,
            created_at: message.created_at,
        }
    }
}

/// Which messages.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Only in that state.
    state: Option<MessageState>,
    /// Only about that conversion.
    conversion: Option<Uuid>,
    /// Only about the mailbox of that id.
    mailbox: Option<Uuid>,
    /// Only `-created_at`.
    #[expect(dead_code, reason = "there is one order")]
    sort: Option<String>,
}

impl FromQuery for MessageQuery {
    fn read(query: &mut Query) -> Self {
        query.order("-created_at");
        let known: Vec<_> = MessageState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect();
        Self {
            state: query.word("state", &known.join(", "), MessageState::parse),
            conversion: query.word("conversion", "an id", |word| word.parse().ok()),
            mailbox: query.word("mailbox", "an id", |word| word.parse().ok()),
            sort: None,
        }
    }
}

/// List messages
///
/// What people were told, of the tenant and all below, newest first.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/messages", operation_id = "listMessages", tag = "Messages",
    params(PagingParams, MessageQuery), responses((status = 200, description = "A page of messages", body = List<Message>)))]
pub async fn list(
    ask: Ask<Cx<ViewMessages>, (Paging, MessageQuery)>,
) -> Result<HttpResponse, Problem> {
    let (paging, query) = &ask.query;
    let filter = MessageFilter {
        state: query.state,
        batch: query.conversion.map(BatchId),
        mailbox: query.mailbox.map(MailboxId),
    };
    let page = messages::list(&ask.cx.begin().await?, &filter, &paging.request).await?;
    answer::list(paging, page, Message::from)
}

/// Read a message
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/messages/{message}", operation_id = "getMessage", tag = "Messages",
    responses((status = 200, description = "The message", body = Message)))]
pub async fn show(ask: Ask<Cx<ViewMessages>>, path: One) -> Result<HttpResponse, Problem> {
    let id = super::id(&path.1, "message")?;
    let message = messages::find(&ask.cx.begin().await?, id).await?;
    ask.show(message.state.as_str(), &Message::from(message))
}

/// Send a message again
///
/// One that bounced, or of which nobody knows whether it arrived.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/messages/{message}/retries", operation_id = "retryMessage", tag = "Messages",
    responses((status = 202, description = "The message waits for its turn", body = Message)))]
pub async fn retry(ask: Ask<Cx<SendMessages>, Change>, path: One) -> Result<HttpResponse, Problem> {
    let id = super::id(&path.1, "message")?;
    let message = messages::send_again(ask.cx.begin().await?, id).await?;
    let location = super::location(&ask.cx.tenant().slug, &["messages", &path.1]);
    let state = message.state.as_str();
    ask.accepted(&location, state, &Message::from(message))
}
