//! Mail servers: how each of them is, what waits for it, what differs on it, and accounts on it
//! that nobody knows. They are the platform's.
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::{AppError, mailboxes, servers};
use crate::authz::{ManageServers, RepairMailboxes, ViewMailboxes, ViewServers};
use crate::domain::{
    EmailAddress, Mailbox, MailboxFilter, Page, PageRequest, Protocol, Protocols, Server, Stray,
    TenantKind,
};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

type Named = web::Path<(TenantSegment, String)>;

#[derive(Template)]
#[template(path = "mail-servers/index.html")]
struct Index {
    shell: Shell,
    page: Page<Server>,
    links: Links,
}

/// How a server is, in a word.
fn standing(server: &Server) -> (Tone, &'static str) {
    match server.state.as_str() {
        "up" => (Tone::Good, "Up"),
        "down" => (Tone::Bad, "Does not answer"),
        _ => (Tone::Wait, "Not asked yet"),
    }
}

/// What it offers, in words.
fn offered(protocols: &Protocols) -> String {
    let labels: Vec<&str> = protocols.iter().map(Protocol::label).collect();
    labels.join(", ")
}

/// What people call the adapter.
fn adapter(word: &str) -> &str {
    match word {
        "dovecot_sogo" => "Dovecot with SOGo",
        other => other,
    }
}

fn only_the_platforms(cx: &Cx<ViewServers>) -> Result<(), Problem> {
    if cx.tenant().kind == TenantKind::Platform {
        return Ok(());
    }
    Err(Problem::no_such_path())
}

/// `GET /t/{tenant}/mail-servers`
pub async fn index(
    person: Person,
    cx: Cx<ViewServers>,
    place: web::Query<Place>,
) -> Result<HttpResponse, Problem> {
    only_the_platforms(&cx)?;
    let page = servers::list(&cx.begin().await?, &place.request()?).await?;
    let path = urls::mail_servers(&cx.tenant().slug);
    person.page(&Index {
        shell: person
            .shell(&cx, "Mail servers", Section::MailServers)
            .step("Mail servers", None),
        links: place.links(&path, &[], page.next.as_deref()),
        page,
    })
}

#[derive(Template)]
#[template(path = "mail-servers/show.html")]
struct Show {
    shell: Shell,
    server: Server,
    drifted: Page<Mailbox>,
    strays: Page<Stray>,
    may_adopt: bool,
    may_repair: bool,
}

impl Show {
    /// What differs, for people: “POP3: asked for open, found closed”.
    fn differences(mailbox: &Mailbox, found: bool) -> String {
        let side = |one: &crate::domain::mailbox::Difference| {
            let value = if found { &one.found } else { &one.asked };
            format!(
                "{} {value}",
                one.aspect.replace("open.", "").replace('_', " ")
            )
        };
        let sides: Vec<String> = mailbox.drift.iter().map(side).collect();
        sides.join("; ")
    }
}

/// `GET /t/{tenant}/mail-servers/{server}`
pub async fn show(
    person: Person,
    cx: Cx<ViewServers>,
    boxes: Cx<ViewMailboxes>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    only_the_platforms(&cx)?;
    let work = cx.begin().await?;
    let server = servers::find(&work, &path.1).await?;
    let strays = servers::strays(&work, &path.1, &PageRequest::first()).await?;
    drop(work);
    let filter = MailboxFilter {
        server: Some(server.name.clone()),
        drifted: true,
        ..MailboxFilter::default()
    };
    let drifted = mailboxes::list(&boxes.begin().await?, &filter, &PageRequest::first()).await?;
    let list = urls::mail_servers(&cx.tenant().slug);
    let shell = person.shell(&cx, server.name.as_str(), Section::MailServers);
    person.page(&Show {
        shell: shell
            .step("Mail servers", list)
            .step(server.name.as_str(), None),
        server,
        drifted,
        strays,
        may_adopt: cx.may::<ManageServers>(),
        may_repair: cx.may::<RepairMailboxes>(),
    })
}

/// `POST /t/{tenant}/mail-servers/{server}/strays/{address}/adoption`
pub async fn adopt_stray(
    person: Person,
    cx: Cx<ManageServers>,
    path: web::Path<(TenantSegment, String, String)>,
) -> Result<HttpResponse, Problem> {
    let address = EmailAddress::parse("address", &path.2);
    let address = address.map_err(|_| Problem::from(AppError::NotFound("account")))?;
    let slug = &cx.tenant().slug;
    match servers::adopt_stray(cx.begin().await?, &path.1, &address).await {
        Ok(mailbox) => {
            let said = format!(
                "{} is adopted as a shared mailbox of {}. Nothing changed for its clients.",
                mailbox.address, mailbox.tenant_slug
            );
            Ok(person.done(urls::mailbox(slug, &mailbox.address), said))
        }
        Err(AppError::Conflict { detail, .. }) => {
            Ok(person.refused(urls::mail_server(slug, &path.1), detail))
        }
        Err(AppError::Invalid(faults)) => {
            Ok(person.refused(urls::mail_server(slug, &path.1), faults.to_string()))
        }
        Err(other) => Err(other.into()),
    }
}
