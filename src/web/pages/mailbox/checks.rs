//! A live check: asked for, and its answers as they come in.
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web;
use askama::Template;

use super::{MailboxPath, shell};
use crate::app::mailboxes::{self, Check};
use crate::authz::{CheckMailboxes, ViewService};
use crate::domain::{CheckId, Mailbox};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::shell::{Crumb, Shell};
use crate::web::{filters, urls};

/// `POST /t/{tenant}/mailboxes/{mailbox}/checks`
pub async fn ask(cx: Cx<CheckMailboxes>, path: MailboxPath) -> Result<HttpResponse, Problem> {
    let check = mailboxes::request_check(cx.begin().await?, &path.1).await?;
    let there = urls::mailbox_check(&cx.tenant().slug, &path.1, check.id);
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, there))
        .finish())
}

#[derive(Template)]
#[template(path = "mailbox/check.html")]
struct Page {
    shell: Shell,
    mailbox: Mailbox,
    check: Check,
}

/// `GET /t/{tenant}/mailboxes/{mailbox}/checks/{check}`
pub async fn show(
    person: Person,
    cx: Cx<ViewService>,
    path: web::Path<(TenantSegment, String, CheckId)>,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let mailbox = mailboxes::find(&work, &path.1).await?;
    let check = mailboxes::find_check(&cx.narrow().begin().await?, &path.1, path.2).await?;
    let mut shell = shell(&person, &cx, &mailbox);
    if let Some(last) = shell.breadcrumbs.last_mut() {
        last.href = Some(urls::mailbox(&cx.tenant().slug, &mailbox.address));
    }
    shell.breadcrumbs.push(Crumb {
        label: "Live check".to_owned(),
        href: None,
    });
    shell.title = format!("Live check of {}", mailbox.address);
    person.page(&Page {
        shell,
        mailbox,
        check,
    })
}
