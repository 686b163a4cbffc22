//! Messages: what the owner of a mailbox is told of a conversion, looked at before it is sent; what
//! was sent and what bounced.
use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use url::Url;

use super::{AppError, brand};
use crate::authz::{SendMessages, ViewMessages, ViewService};
use crate::domain::conversion::{KeepOpen, pre_check};
use crate::domain::mailserver::Listener;
use crate::domain::message::{BounceMailbox, Letter, Message, MessageState, Moment};
use crate::domain::{BatchId, Kind, Mailbox, MessageId, Page, PageRequest, Protocol, effective};
use crate::letters::{self, Ending, Told};
use crate::store::conversions::{self, Facts};
use crate::store::messages::{self, MessageFilter};
use crate::store::{self, Event, Work};

/// Addresses in a letter about kept mailboxes; the rest is a number.
const NAMED: u32 = 50;

/// A conversion that may come, for a preview.
#[derive(Debug, Clone)]
pub struct Coming {
    /// The mailbox, by id or address.
    pub mailbox: String,
    /// What it will be.
    pub to: Kind,
    /// When it begins, if not at once.
    pub when: Option<DateTime<Utc>>,
    /// What stays open for a while.
    pub keep_open: Vec<KeepOpen>,
}

/// What the owner would be told of a conversion that may come: the letter that would be sent.
pub async fn preview(
    work: &Work<ViewService>,
    coming: &Coming,
    moment: Moment,
) -> Result<Letter, AppError> {
    let named = [coming.mailbox.clone()];
    let facts = conversions::facts(work, coming.to, &named, None).await?;
    let facts = facts
        .into_iter()
        .next()
        .flatten()
        .ok_or(AppError::NotFound("mailbox"))?;
    of_coming(work, &facts, coming, moment).await
}

async fn of_coming(
    work: &Work<ViewService>,
    facts: &Facts,
    coming: &Coming,
    moment: Moment,
) -> Result<Letter, AppError> {
    let mailbox = &facts.mailbox;
    let check = pre_check::pre_check(facts.subject(), coming.to, &coming.keep_open, work.now());
    let closes: Vec<Protocol> = check
        .closes
        .iter()
        .map(|closing| closing.protocol)
        .collect();
    let mut open = effective(&mailbox.levels, work.now());
    for protocol in Protocol::ALL {
        if check.opens.contains(&protocol) {
            open = open.with(protocol);
        } else if closes.contains(&protocol) {
            open = open.without(crate::domain::Protocols::of(&[protocol]));
        }
    }
    let mut listeners = store::servers::listeners_of(work, mailbox).await?;
    listeners.retain(|listener| open.has(listener.protocol));
    let told = Told {
        moment,
        when: coming.when,
        opens: check.opens,
        closes,
        until: coming
            .keep_open
            .iter()
            .map(|grant| (grant.protocol, grant.until))
            .collect(),
        ..told(work, mailbox, coming.to, listeners).await?
    };
    letters::conversion(&told).map_err(broken)
}

async fn told(
    work: &Work<ViewService>,
    mailbox: &Mailbox,
    to: Kind,
    listeners: Vec<Listener>,
) -> Result<Told, AppError> {
    Ok(Told {
        brand: brand::in_force(work, mailbox.tenant).await?.brand,
        moment: Moment::After,
        name: mailbox.display_name.clone(),
        address: mailbox.address.to_string(),
        from: to.other(),
        to,
        when: None,
        opens: vec![],
        closes: vec![],
        until: vec![],
        listeners,
    })
}

/// What a message of the outbox says as things stand; `None` when it has nothing to say any more.
/// `key` is what the message is about, `panel` the address people type.
pub async fn compose(
    work: &Work<ViewService>,
    message: &Message,
    key: &str,
    panel: &Url,
) -> Result<Option<Letter>, AppError> {
    match (message.moment, message.batch, message.mailbox) {
        (Moment::Retention, ..) => ending(work, message, key, panel).await,
        (Moment::Before, Some(batch), Some(mailbox)) => {
            before(work, batch, &mailbox.to_string()).await
        }
        (Moment::After, _, Some(mailbox)) => after(work, &mailbox.to_string()).await,
        _ => Ok(None),
    }
}

async fn before(
    work: &Work<ViewService>,
    batch: BatchId,
    mailbox: &str,
) -> Result<Option<Letter>, AppError> {
    let Some(batch) = conversions::find(work, batch).await? else {
        return Ok(None);
    };
    let facts = conversions::facts(work, batch.to, &[mailbox.to_owned()], None).await?;
    let Some(Some(facts)) = facts.into_iter().next() else {
        return Ok(None);
    };
    if facts.mailbox.kind == batch.to || batch.finished_at.is_some() {
        return Ok(None);
    }
    let coming = Coming {
        mailbox: mailbox.to_owned(),
        to: batch.to,
        when: batch.not_before.filter(|then| work.now() < *then),
        keep_open: batch.keep_open,
    };
    of_coming(work, &facts, &coming, Moment::Before)
        .await
        .map(Some)
}

async fn after(work: &Work<ViewService>, mailbox: &str) -> Result<Option<Letter>, AppError> {
    let (mailbox, listeners) = match super::mailboxes::client_settings(work, mailbox).await {
        Err(AppError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let grants = Protocol::ALL.into_iter().filter_map(|protocol| {
        let switch = mailbox.levels.switches.get(protocol);
        let until = switch
            .until
            .filter(|until| switch.on && work.now() < *until)?;
        Some((protocol, until))
    });
    let told = Told {
        until: grants.collect(),
        ..told(work, &mailbox, mailbox.kind, listeners).await?
    };
    letters::conversion(&told).map(Some).map_err(broken)
}

/// Admins are told which kept mailboxes of a customer end on a day.
async fn ending(
    work: &Work<ViewService>,
    message: &Message,
    key: &str,
    panel: &Url,
) -> Result<Option<Letter>, AppError> {
    let day = key
        .split('/')
        .nth(2)
        .and_then(|day| day.parse::<NaiveDate>().ok());
    let Some(begins) = day.and_then(|day| day.and_hms_opt(0, 0, 0)) else {
        return Ok(None);
    };
    let begins = begins.and_utc();
    let kept = store::mailboxes::ending(work, message.tenant, begins, NAMED).await?;
    let Some(kept) = kept else { return Ok(None) };
    let brand = brand::in_force(work, message.tenant).await?.brand;
    let page = panel
        .join(&format!("/t/{}/mailboxes/kept", kept.tenant_slug))
        .map_err(|error| AppError::Internal(error.into()))?;
    let ending = Ending {
        brand,
        tenant: kept.tenant_name,
        ends: kept.ends,
        more: kept.total.saturating_sub(kept.addresses.len() as u64),
        addresses: kept.addresses,
        page: page.to_string(),
    };
    letters::retention(&ending).map(Some).map_err(broken)
}

fn broken(error: askama::Error) -> AppError {
    AppError::Internal(error.into())
}

/// Messages of the tenant and all below, newest first.
pub async fn list(
    work: &Work<ViewMessages>,
    filter: &MessageFilter,
    page: &PageRequest,
) -> Result<Page<Message>, AppError> {
    Ok(messages::list(work, filter, page).await?)
}

/// How many are in which state.
pub async fn counts(
    work: &Work<ViewMessages>,
    filter: &MessageFilter,
) -> Result<HashMap<MessageState, u64>, AppError> {
    Ok(messages::counts(work, filter).await?)
}

/// The mailbox that bounces come back to, if one is read, and how it fares.
pub async fn bounce_mailbox(work: &Work<ViewMessages>) -> Result<Option<BounceMailbox>, AppError> {
    Ok(messages::bounce_mailbox(work).await?)
}

/// One message, with what it says.
pub async fn find(work: &Work<ViewMessages>, id: MessageId) -> Result<Message, AppError> {
    let message = messages::find(work, id).await?;
    message.ok_or(AppError::NotFound("message"))
}

/// Sends a message that bounced, or of which nobody knows whether it arrived, once more.
pub async fn send_again(work: Work<SendMessages>, id: MessageId) -> Result<Message, AppError> {
    let old = messages::find(&work, id).await?;
    let old = old.ok_or(AppError::NotFound("message"))?;
    if !messages::send_again(&work, id).await? {
        let state = old.state.as_str();
        return Err(AppError::conflict(
            "not-bounced",
            format!("This message is {state}. Only what bounced or may be lost is sent again."),
        ));
    }
    let new = messages::find(&work, id).await?;
    let event = Event::new("message.sent_again", "message", old.recipient.as_str())
        .id(id.0)
        .of(old.tenant)
        .change(
            json!({"state": old.state, "said": old.said}),
            json!({"state": "waiting"}),
        );
    work.commit(event).await?;
    new.ok_or(AppError::NotFound("message"))
}
