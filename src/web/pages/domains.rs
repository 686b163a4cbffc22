//! Domains: which there are, and adding one. What is done to one of them is in [`one`].
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::domains::{self, Domain};
use crate::authz::{ManageDomains, Role, ViewDomains};
use crate::domain::{DomainName, Invalid, Page, TenantKind};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, typed};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

pub mod one;

/// Which domains.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(flatten)]
    place: Place,
}

#[derive(Template)]
#[template(path = "domains/index.html")]
struct Index {
    shell: Shell,
    q: String,
    page: Page<Domain>,
    links: Links,
    may_add: bool,
    is_customer: bool,
}

impl Index {
    fn is_empty(&self) -> bool {
        self.q.is_empty() && self.page.items.is_empty() && self.links.back.is_empty()
    }
}

/// Where a domain stands, in a word or two.
fn standing(domain: &Domain) -> (Tone, &'static str) {
    match (domain.enabled, domain.is_proved()) {
        (false, _) => (Tone::Off, "Disabled"),
        (true, false) if domain.checking => (Tone::Busy, "Asking DNS"),
        (true, false) => (Tone::Bad, "Not proved"),
        (true, true) if domain.proved_at.is_none() => (Tone::Good, "Vouched for"),
        (true, true) => (Tone::Good, "Proved"),
    }
}

/// `GET /t/{tenant}/domains`
pub async fn index(
    person: Person,
    cx: Cx<ViewDomains>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let request = asked.place.request()?;
    let page = domains::list(&cx.begin().await?, typed(&asked.q).as_deref(), &request).await?;
    let path = urls::domains(&cx.tenant().slug);
    let is_customer = cx.tenant().kind == TenantKind::Customer;
    person.page(&Index {
        shell: person
            .shell(&cx, "Domains", Section::Domains)
            .step("Domains", None),
        links: asked
            .place
            .links(&path, &[("q", &asked.q)], page.next.as_deref()),
        q: asked.q.clone(),
        page,
        may_add: is_customer && cx.may::<ManageDomains>(),
        is_customer,
    })
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    vouch: String,
}

#[derive(Template)]
#[template(path = "domains/new.html")]
struct New {
    shell: Shell,
    form: Typed,
    faults: Invalid,
    may_vouch: bool,
}

impl New {
    async fn of(
        person: &Person,
        cx: &Cx<ViewDomains>,
        form: Typed,
        faults: Invalid,
    ) -> Result<Self, Problem> {
        let list = urls::domains(&cx.tenant().slug);
        let shell = person.shell(cx, "Add domain", Section::Domains);
        Ok(Self {
            shell: shell.step("Domains", list).step("Add", None),
            form,
            faults,
            may_vouch: may_vouch(cx).await?,
        })
    }
}

/// Only staff of the platform may vouch for a domain; the use-case checks it again.
async fn may_vouch(cx: &Cx<ViewDomains>) -> Result<bool, Problem> {
    Ok(cx.begin().await?.platform_role() >= Some(Role::Admin))
}

/// `GET /t/{tenant}/domains/new`
pub async fn new(person: Person, cx: Cx<ViewDomains>) -> Result<HttpResponse, Problem> {
    if cx.tenant().kind != TenantKind::Customer {
        return Err(Problem::no_such_path());
    }
    person.page(&New::of(&person, &cx, Typed::default(), Invalid::default()).await?)
}

/// `POST /t/{tenant}/domains`
pub async fn create(
    person: Person,
    cx: Cx<ManageDomains>,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let done = async {
        let name = DomainName::parse("name", &form.name)?;
        domains::create(cx.begin().await?, name, form.vouch == "true").await
    };
    match done.await {
        Ok(made) => {
            let next = if made.vouched {
                "It may have users and mailboxes now."
            } else {
                "Publish its proof, then ask us to check."
            };
            let page = urls::domain(&cx.tenant().slug, &made.name);
            Ok(person.done(page, format!("{} was added. {next}", made.name)))
        }
        Err(error) => {
            let faults = frame::faults(error, "name")?;
            let page = New::of(&person, &cx.narrow(), form.into_inner(), faults).await?;
            frame::form_again(&page)
        }
    }
}
