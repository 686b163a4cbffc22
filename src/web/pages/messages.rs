//! Messages: what was sent to whom and what bounced; one message, and the letter as it is sent.
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use std::collections::HashMap;

use crate::app::messages::{self, Coming};
use crate::app::{AppError, conversions};
use crate::authz::{SendMessages, ViewMessages, ViewService};
use crate::domain::message::{BounceMailbox, Letter, Message, MessageState, Moment};
use crate::domain::{BatchId, Kind, MessageId, TenantKind};
use crate::store::Cx;
use crate::store::messages::MessageFilter;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::{self, thousands};
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, with_query};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

/// A letter as it is sent has its styles in it, and nothing else may be fetched or done.
const LETTER_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// Which messages.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    batch: String,
    #[serde(default)]
    mailbox: String,
    #[serde(flatten)]
    place: Place,
}

impl Asked {
    fn filter(&self) -> Result<MessageFilter, Problem> {
        Ok(MessageFilter {
            state: MessageState::parse(&self.state),
            batch: id(&self.batch)?,
            mailbox: id(&self.mailbox)?,
        })
    }
}

fn id<T: std::str::FromStr>(text: &str) -> Result<Option<T>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Problem::no_such_path())
}

#[derive(Template)]
#[template(path = "messages/index.html")]
struct Index {
    shell: Shell,
    rows: Vec<Message>,
    links: Links,
    total: u64,
    asked: Asked,
    counts: HashMap<MessageState, u64>,
    bounces: Option<BounceMailbox>,
    is_platform: bool,
}

impl Index {
    fn filtered(&self, state: &str) -> String {
        let path = urls::messages(&self.shell.tenant.slug);
        let query = [
            ("state", state),
            ("batch", self.asked.batch.as_str()),
            ("mailbox", self.asked.mailbox.as_str()),
        ];
        with_query(&path, &query)
    }

    /// State, word of the filter, how many, whether it is chosen.
    fn choices(&self) -> Vec<(String, String, bool)> {
        let all: u64 = self.counts.values().sum();
        let mut choices = vec![(
            self.filtered(""),
            format!("All {}", thousands(all)),
            self.asked.state.is_empty(),
        )];
        for state in MessageState::ALL {
            let count = self.counts.get(state).copied().unwrap_or_default();
            if count > 0 {
                let chosen = self.asked.state == state.as_str();
                let label = format!("{} {}", status(state).1, thousands(count));
                choices.push((self.filtered(state.as_str()), label, chosen));
            }
        }
        choices
    }

    /// Why what comes back is not seen at the moment. Which mailbox it is concerns only those who
    /// run the panel.
    fn unread(&self) -> Option<String> {
        let bounces = self.bounces.as_ref()?;
        let since = bounces.problem_since?;
        let why = bounces.problem.as_deref().filter(|_| self.is_platform);
        let since = filters::in_full(since);
        let why = why.map_or_else(String::new, |why| format!(" {why}"));
        Some(format!(
            "It has not been read since {since}.{why} It is tried again by itself."
        ))
    }

    fn href(&self, message: &Message) -> String {
        urls::message(&self.shell.tenant.slug, message.id)
    }

    fn shown(&self) -> String {
        format!("{} of", thousands(self.rows.len() as u64))
    }

    fn whole(&self) -> String {
        thousands(self.total)
    }
}

/// What became of it, for people.
#[must_use]
pub fn status(state: &MessageState) -> (Tone, &'static str) {
    match state {
        MessageState::Waiting => (Tone::Wait, "Waiting"),
        MessageState::Sending => (Tone::Busy, "Sending"),
        MessageState::Sent => (Tone::Good, "Sent"),
        MessageState::Bounced => (Tone::Bad, "Bounced"),
        MessageState::Unsure => (Tone::Warn, "Not known"),
        MessageState::Dropped => (Tone::Off, "Not sent"),
    }
}

/// What it is about, for people.
#[must_use]
pub fn about(moment: &Moment) -> &'static str {
    match moment {
        Moment::Before => "A conversion is coming",
        Moment::After => "A conversion is done",
        Moment::Retention => "Kept mailboxes end",
    }
}

/// `GET /t/{tenant}/messages`
pub async fn index(
    person: Person,
    cx: Cx<ViewMessages>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let filter = asked.filter()?;
    let work = cx.begin().await?;
    let page = messages::list(&work, &filter, &asked.place.request()?).await?;
    let counts = messages::counts(&work, &filter).await?;
    let bounces = messages::bounce_mailbox(&work).await?;
    let path = urls::messages(&cx.tenant().slug);
    let query = [
        ("state", asked.state.as_str()),
        ("batch", asked.batch.as_str()),
        ("mailbox", asked.mailbox.as_str()),
    ];
    person.page(&Index {
        shell: person
            .shell(&cx, "Messages", Section::Messages)
            .step("Messages", None),
        links: asked.place.links(&path, &query, page.next.as_deref()),
        rows: page.items,
        total: page.total,
        asked: asked.into_inner(),
        counts,
        bounces,
        is_platform: cx.tenant().kind == TenantKind::Platform,
    })
}

#[derive(Template)]
#[template(path = "messages/show.html")]
struct Show {
    shell: Shell,
    message: Message,
    may_send: bool,
}

impl Show {
    fn again(&self) -> bool {
        self.may_send
            && matches!(
                self.message.state,
                MessageState::Bounced | MessageState::Unsure
            )
    }

    fn batch(&self) -> String {
        let batch = self.message.batch;
        batch.map_or_else(String::new, |batch| {
            urls::conversion(&self.shell.tenant.slug, batch)
        })
    }

    fn mailbox(&self) -> String {
        let mailbox = self.message.mailbox;
        mailbox.map_or_else(String::new, |id| urls::mailbox(&self.shell.tenant.slug, id))
    }
}

type MessagePath = web::Path<(TenantSegment, MessageId)>;

/// `GET /t/{tenant}/messages/{message}`
pub async fn show(
    person: Person,
    cx: Cx<ViewMessages>,
    path: MessagePath,
) -> Result<HttpResponse, Problem> {
    let message = messages::find(&cx.begin().await?, path.1).await?;
    let subject = message.letter.as_ref().map(|letter| letter.subject.clone());
    let title = subject.unwrap_or_else(|| about(&message.moment).to_owned());
    person.page(&Show {
        shell: person
            .shell(&cx, title, Section::Messages)
            .step("Messages", urls::messages(&cx.tenant().slug))
            .step(message.recipient.to_string(), None),
        may_send: cx.may::<SendMessages>(),
        message,
    })
}

/// `GET /t/{tenant}/messages/{message}/letter`
pub async fn letter(
    _: Person,
    cx: Cx<ViewMessages>,
    path: MessagePath,
) -> Result<HttpResponse, Problem> {
    let message = messages::find(&cx.begin().await?, path.1).await?;
    let letter = message.letter.ok_or(AppError::NotFound("letter yet"))?;
    Ok(drawn(letter))
}

fn drawn(letter: Letter) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, LETTER_POLICY))
        .body(letter.html)
}

/// `POST /t/{tenant}/messages/{message}/again`
pub async fn send_again(
    person: Person,
    cx: Cx<SendMessages>,
    path: MessagePath,
) -> Result<HttpResponse, Problem> {
    let here = urls::message(&cx.tenant().slug, path.1);
    match messages::send_again(cx.begin().await?, path.1).await {
        Ok(_) => Ok(person.done(here, "It is sent again.")),
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
        Err(other) => Err(other.into()),
    }
}

/// Where a letter is looked at before it is sent; `moment` is `before` or `after`.
#[must_use]
pub fn preview_href(tenant: &str, mailbox: &str, to: Kind, moment: &str) -> String {
    let query = [
        ("mailbox", mailbox),
        ("to", to.as_str()),
        ("moment", moment),
    ];
    with_query(&urls::message_preview(tenant), &query)
}

/// Which letter is looked at before it is sent.
#[derive(Debug, Deserialize)]
pub struct Preview {
    mailbox: String,
    to: String,
    #[serde(default)]
    moment: String,
    /// A batch whose time and grants are taken.
    #[serde(default)]
    batch: String,
}

/// `GET /t/{tenant}/messages/preview`: the letter that would be sent, as it would be sent.
pub async fn preview(
    _: Person,
    cx: Cx<ViewService>,
    asked: web::Query<Preview>,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let batch: Option<BatchId> = id(&asked.batch)?;
    let (when, keep_open) = match batch {
        Some(batch) => {
            let batch = conversions::find(&work, batch).await?;
            (batch.not_before, batch.keep_open)
        }
        None => (None, vec![]),
    };
    let coming = Coming {
        mailbox: asked.mailbox.clone(),
        to: Kind::parse("to", &asked.to).map_err(AppError::from)?,
        when,
        keep_open,
    };
    let moment = match Moment::parse(&asked.moment) {
        Some(Moment::Before) => Moment::Before,
        _ => Moment::After,
    };
    Ok(drawn(messages::preview(&work, &coming, moment).await?))
}
