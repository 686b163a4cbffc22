//! Undoing a batch, or one mailbox of it: what will happen, then the new batch.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::conversions::BatchPath;
use crate::app::reversals::{self, Chosen, NewReversal, Preview};
use crate::app::{AppError, conversions};
use crate::authz::{ConvertMailboxes, ViewConversions};
use crate::domain::{BatchId, Item, Kind, PreCheck, Protocol, Way};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, date, size, thousands};
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::urls;

/// Mailboxes that the page shows; the rest is a number.
const SHOWN: usize = 50;

/// Where the conversion of one mailbox is undone.
#[must_use]
pub fn href(tenant: &str, item: &Item) -> String {
    let path = urls::conversion_reversal(tenant, item.batch);
    crate::web::paging::with_query(&path, &[("mailbox", item.address.as_str())])
}

/// Which mailboxes, and who is told.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// One of them; everything that can be undone without it.
    #[serde(default)]
    mailbox: String,
    /// Ticked.
    notify: Option<String>,
}

impl Asked {
    fn chosen(&self) -> Chosen {
        match self.mailbox.trim() {
            "" => Chosen::All,
            one => Chosen::Named(vec![one.to_owned()]),
        }
    }
}

#[derive(Template)]
#[template(path = "reversal/ask.html")]
struct Ask {
    shell: Shell,
    batch: BatchId,
    mailbox: String,
    kind: &'static str,
    lines: Vec<Line>,
    more: u64,
    opens: Vec<Protocol>,
    closes: Vec<String>,
    notify: bool,
    possible: bool,
    back: String,
}

/// One mailbox.
struct Line {
    address: String,
    name: String,
    href: String,
    mail: String,
    plan: String,
    how: String,
    why_not: Option<String>,
}

impl Line {
    fn new(tenant: &str, check: &PreCheck) -> Self {
        Self {
            address: check.address.to_string(),
            name: check.display_name.clone(),
            href: urls::mailbox(tenant, &check.address),
            mail: format!(
                "{}, {} messages",
                size(check.bytes.unsigned_abs()),
                thousands(check.messages.unsigned_abs())
            ),
            plan: match &check.plan_to {
                Some(to) => format!("{} to {to}", check.plan_from),
                None => check.plan_from.clone(),
            },
            how: how(check),
            why_not: check.why_not(),
        }
    }
}

fn how(check: &PreCheck) -> String {
    match (check.way, &check.server) {
        (Some(Way::Move), Some(server)) => {
            let with = if check.calendars_move {
                ", with its calendars and contacts"
            } else {
                ""
            };
            format!("Moves back to {server}{with}, in use until its doors are shut for a moment")
        }
        _ => "In place: nothing is copied".to_owned(),
    }
}

impl Ask {
    fn button(&self) -> String {
        format!("Convert back to {}", self.kind)
    }
}

/// `GET /t/{tenant}/conversions/{batch}/reversal`
pub async fn ask(
    person: Person,
    cx: Cx<ViewConversions>,
    path: BatchPath,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    if !cx.may::<ConvertMailboxes>() {
        let said = "Your role cannot convert mailboxes: it needs admin.".to_owned();
        return Err(AppError::Forbidden(said).into());
    }
    let work = cx.begin().await?;
    let chosen = asked.chosen();
    let slug = cx.tenant().slug.as_str();
    let preview = match reversals::pre_check(&work, path.1, &chosen, SHOWN).await {
        Err(AppError::Conflict { detail, .. }) => {
            return Ok(person.refused(urls::conversion(slug, path.1), detail));
        }
        preview => preview?,
    };
    let all = match chosen {
        Chosen::All => reversals::count(&work, path.1).await?,
        Chosen::Named(_) => preview.of.len() as u64,
    };
    let told = conversions::find(&work, path.1).await;
    let notify = told.is_ok_and(|batch| batch.notify_users);
    person.page(&page(
        &person,
        &cx,
        path.1,
        &asked.mailbox,
        &preview,
        all,
        notify,
    ))
}

fn page(
    person: &Person,
    cx: &Cx<ViewConversions>,
    batch: BatchId,
    mailbox: &str,
    preview: &Preview,
    all: u64,
    notify: bool,
) -> Ask {
    let slug = cx.tenant().slug.as_str();
    let checks = &preview.of;
    let fine: Vec<_> = checks
        .iter()
        .filter(|check| check.blockers.is_empty())
        .collect();
    let kind = preview.to.map_or("what it was", Kind::label);
    let who = match (mailbox, all) {
        ("", 1) => "1 mailbox".to_owned(),
        ("", n) => format!("{} mailboxes", thousands(n)),
        (one, _) => one.to_owned(),
    };
    let here = urls::conversion(slug, batch);
    let shell = person
        .shell(
            cx,
            format!("Undo: {who} back to {kind}"),
            Section::Conversions,
        )
        .step("Conversions", urls::conversions(slug))
        .step("Conversion", here.clone())
        .step("Undo", None);
    let opens = fine.iter().flat_map(|check| &check.opens).copied();
    let closes = fine.iter().flat_map(|check| &check.closes);
    Ask {
        batch,
        mailbox: mailbox.to_owned(),
        kind,
        lines: checks.iter().map(|check| Line::new(slug, check)).collect(),
        more: all.saturating_sub(checks.len() as u64),
        opens: Protocol::ALL
            .into_iter()
            .filter(|protocol| opens.clone().any(|open| open == *protocol))
            .collect(),
        closes: Protocol::ALL
            .into_iter()
            .filter_map(|protocol| {
                let used = closes
                    .clone()
                    .filter(|closing| closing.protocol == protocol);
                let last = used.map(|closing| closing.last_used_at).max()?;
                Some(last.map_or_else(
                    || protocol.label().to_owned(),
                    |at| format!("{}, last used {}", protocol.label(), date(at, cx.now())),
                ))
            })
            .collect(),
        notify,
        possible: !fine.is_empty() || all > checks.len() as u64,
        back: here,
        shell,
    }
}

/// `POST /t/{tenant}/conversions/{batch}/reversal`
pub async fn start(
    person: Person,
    cx: Cx<ConvertMailboxes>,
    path: BatchPath,
    form: web::Form<Asked>,
) -> Result<HttpResponse, Problem> {
    let slug = cx.tenant().slug.as_str();
    let new = NewReversal {
        batch: path.1,
        chosen: form.chosen(),
        notify_users: Some(form.notify.is_some()),
    };
    let back = urls::conversion(slug, path.1);
    match reversals::start(cx.begin().await?, new).await {
        Ok(batch) => Ok(person.done(
            urls::conversion(slug, batch.id),
            "Under way. Each mailbox goes back to the kind, plan, size and switches it had.",
        )),
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(back, detail)),
        Err(AppError::Invalid(faults)) => Ok(person.refused(back, faults.to_string())),
        Err(other) => Err(other.into()),
    }
}
