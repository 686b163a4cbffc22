//! A press on a switch, or the grant of a protocol for a while.
use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use serde::Deserialize;

use super::answer;
use crate::app::mailboxes;
use crate::authz::EditMailboxes;
use crate::domain::Protocol;
use crate::domain::effective::SwitchValue;
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::date;
use crate::web::urls;

/// The longest grant.
const MOST_DAYS: i64 = 365;

/// What was pressed.
#[derive(Debug, Deserialize)]
pub struct Press {
    on: String,
    /// Closes by itself after so many days.
    #[serde(default)]
    days: Option<i64>,
}

/// `POST /t/{tenant}/mailboxes/{mailbox}/switches/{protocol}`
pub async fn set(
    person: Person,
    cx: Cx<EditMailboxes>,
    path: web::Path<(TenantSegment, String, String)>,
    press: web::Form<Press>,
) -> Result<HttpResponse, Problem> {
    let protocol = Protocol::parse(&path.2).ok_or_else(Problem::no_such_path)?;
    let on = press.on == "true";
    let days = press
        .days
        .filter(|days| on && (1..=MOST_DAYS).contains(days));
    let value = SwitchValue {
        on,
        until: days.map(|days| cx.now() + TimeDelta::days(days)),
    };
    let done = mailboxes::set_switch(cx.begin().await?, &path.1, protocol, value, None).await;
    let here = urls::mailbox(&cx.tenant().slug, &path.1);
    answer(&person, here, done, |mailbox| {
        let (label, address, server) = (protocol.label(), &mailbox.address, &mailbox.server_name);
        match (on, value.until) {
            (true, Some(until)) => format!(
                "{label} opens for {address} until {}. It closes by itself.",
                date(until, cx.now())
            ),
            (true, None) => format!("{label} opens for {address} as soon as {server} has it."),
            _ => format!("{label} closes for {address}; open connections are dropped."),
        }
    })
}
