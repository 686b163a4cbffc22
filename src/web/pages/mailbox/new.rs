//! Adding a shared mailbox.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::users::NewMailbox;
use crate::app::{AppError, mailboxes, plans};
use crate::authz::{CreateMailboxes, ViewService};
use crate::domain::user::display_name;
use crate::domain::{EmailAddress, Invalid, Kind, Mailbox, Plan};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::nav::Section;
use crate::web::pages::users::new::plan_words;
use crate::web::shell::{Crumb, Shell};
use crate::web::{frame, urls};

/// What is typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    address: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    plan: String,
}

#[derive(Template)]
#[template(path = "mailbox/new.html")]
struct New {
    shell: Shell,
    typed: Typed,
    plans: Vec<Plan>,
    faults: Invalid,
}

impl New {
    async fn page(
        person: &Person,
        cx: &Cx<ViewService>,
        typed: Typed,
        faults: Invalid,
    ) -> Result<Self, Problem> {
        let mut shell = person.shell(cx, "Add a shared mailbox", Section::Mailboxes);
        let list = urls::shared_mailboxes(&cx.tenant().slug);
        for (label, href) in [("Mailboxes", Some(list)), ("Add", None)] {
            shell.breadcrumbs.push(Crumb {
                label: label.to_owned(),
                href,
            });
        }
        Ok(Self {
            shell,
            typed,
            plans: plans::list(&cx.begin().await?, cx.tenant().id).await?,
            faults,
        })
    }

    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }
}

/// `GET /t/{tenant}/mailboxes/new`
pub async fn form(person: Person, cx: Cx<ViewService>) -> Result<HttpResponse, Problem> {
    let typed = Typed {
        kind: Kind::PopImap.as_str().to_owned(),
        ..Typed::default()
    };
    person.page(&New::page(&person, &cx, typed, Invalid::default()).await?)
}

/// `POST /t/{tenant}/mailboxes/new`
pub async fn create(
    person: Person,
    cx: Cx<CreateMailboxes>,
    view: Cx<ViewService>,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let typed = form.into_inner();
    let faults = match add(&cx, &typed).await {
        Ok(mailbox) => {
            let there = urls::mailbox(&cx.tenant().slug, &mailbox.address);
            return Ok(person.done(there, format!("{} is being made.", mailbox.address)));
        }
        Err(AppError::Invalid(faults)) => faults,
        Err(AppError::Conflict { detail, .. }) => Invalid::field("address", detail),
        Err(other) => return Err(other.into()),
    };
    frame::form_again(&New::page(&person, &view, typed, faults).await?)
}

async fn add(cx: &Cx<CreateMailboxes>, typed: &Typed) -> Result<Mailbox, AppError> {
    let mut faults = Invalid::default();
    let address = faults.take(EmailAddress::parse("address", &typed.address));
    let name = faults.take(display_name("display_name", &typed.display_name));
    let kind = faults.take(Kind::parse("kind", &typed.kind));
    let (Some(address), Some(name), Some(kind)) = (address, name, kind) else {
        return Err(faults.into());
    };
    let new = NewMailbox {
        kind,
        plan: (!typed.plan.is_empty()).then(|| typed.plan.clone()),
        quota_bytes: None,
    };
    mailboxes::create(cx.begin().await?, address, Some(name), None, new).await
}
