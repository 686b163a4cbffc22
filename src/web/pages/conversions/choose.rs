//! Choosing many at once: everything that a tab's filter finds, addresses that were pasted, a CSV
//! file. What comes of it is a draft; nothing is converted here.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::crumb;
use crate::app::drafts::{self, Chosen, NewDraft, Terms};
use crate::app::{AppError, conversions};
use crate::authz::ConvertMailboxes;
use crate::domain::address_list::AddressList;
use crate::domain::{Invalid, Kind};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::pages::mailboxes;
use crate::web::paging::typed;
use crate::web::shell::Shell;
use crate::web::upload::Upload;
use crate::web::urls;

/// What the page was asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "conversions/choose.html")]
struct Choose {
    shell: Shell,
    to: Kind,
    addresses: String,
    /// The servers that this person may choose among.
    servers: Vec<String>,
    server: String,
    faults: Invalid,
}

impl Choose {
    fn new(person: &Person, cx: &Cx<ConvertMailboxes>, to: Kind) -> Self {
        let mut shell = person.shell(cx, "Convert many mailboxes", Section::Conversions);
        let conversions = urls::conversions(&shell.tenant.slug);
        shell
            .breadcrumbs
            .push(crumb("Conversions", Some(conversions)));
        shell.breadcrumbs.push(crumb("Choose", None));
        Self {
            shell,
            to,
            addresses: String::new(),
            servers: vec![],
            server: String::new(),
            faults: Invalid::default(),
        }
    }

    fn fault(&self) -> String {
        self.faults.of("addresses").unwrap_or_default().to_owned()
    }

    fn server_fault(&self) -> String {
        self.faults.of("server").unwrap_or_default().to_owned()
    }

    /// With one there is nothing to choose.
    fn chooses_server(&self) -> bool {
        self.servers.len() > 1
    }
}

/// `GET /t/{tenant}/conversions/new`
pub async fn new(
    person: Person,
    cx: Cx<crate::authz::ViewService>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let mut shell = person.shell(&cx, "Convert many mailboxes", Section::Conversions);
    let conversions = urls::conversions(&shell.tenant.slug);
    shell
        .breadcrumbs
        .push(crumb("Conversions", Some(conversions)));
    shell.breadcrumbs.push(crumb("Choose", None));
    person.page(&Choose {
        shell,
        to: kind(&asked.to),
        addresses: String::new(),
        servers: conversions::servers_to_choose(&cx.begin().await?).await?,
        server: String::new(),
        faults: Invalid::default(),
    })
}

fn kind(word: &str) -> Kind {
    Kind::parse("to", word).unwrap_or(Kind::Exchange)
}

/// `POST /t/{tenant}/conversions/drafts`
pub async fn create(
    person: Person,
    cx: Cx<ConvertMailboxes>,
    upload: Upload,
) -> Result<HttpResponse, Problem> {
    let to = kind(upload.of("to"));
    if upload.of("by") == "filter" {
        return by_filter(&person, &cx, &upload, to).await;
    }
    let (text, called) = match &upload.file {
        Some((name, bytes)) => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                let said = format!(
                    "{name} is not text in UTF-8. Save it as CSV (UTF-8) and choose it again."
                );
                return again(&person, &cx, &upload, to, Invalid::field("addresses", said)).await;
            };
            (text.to_owned(), name.clone())
        }
        None => (upload.of("addresses").to_owned(), String::new()),
    };
    let list = match AddressList::read(&text) {
        Ok(list) => list,
        Err(faults) => return again(&person, &cx, &upload, to, faults).await,
    };
    let new = NewDraft {
        to,
        chosen: Chosen::Listed(list, &called),
        terms: Terms::default(),
        server: typed(upload.of("server")),
    };
    match drafts::create(cx.begin().await?, new).await {
        Ok(batch) => Ok(see(&cx, batch.id)),
        Err(error) => {
            let faults = frame::faults(error, "addresses")?;
            again(&person, &cx, &upload, to, faults).await
        }
    }
}

fn see(cx: &Cx<ConvertMailboxes>, batch: crate::domain::BatchId) -> HttpResponse {
    let draft = urls::conversion(&cx.tenant().slug, batch);
    HttpResponse::SeeOther()
        .insert_header((actix_web::http::header::LOCATION, draft))
        .finish()
}

/// The form with what was typed, and what is wrong with it.
async fn again(
    person: &Person,
    cx: &Cx<ConvertMailboxes>,
    upload: &Upload,
    to: Kind,
    faults: Invalid,
) -> Result<HttpResponse, Problem> {
    let mut page = Choose::new(person, cx, to);
    upload.of("addresses").clone_into(&mut page.addresses);
    page.servers = conversions::servers_to_choose(&cx.begin().await?).await?;
    upload.of("server").clone_into(&mut page.server);
    page.faults = faults;
    frame::form_again(&page)
}

async fn by_filter(
    person: &Person,
    cx: &Cx<ConvertMailboxes>,
    upload: &Upload,
    to: Kind,
) -> Result<HttpResponse, Problem> {
    let asked = mailboxes::Asked::of_form(&upload.fields);
    let mut filter = asked.filter(cx.now());
    filter.kind = Some(to.other());
    let new = NewDraft {
        to,
        chosen: Chosen::Matching(filter),
        terms: Terms::default(),
        server: None,
    };
    match drafts::create(cx.begin().await?, new).await {
        Ok(batch) => Ok(see(cx, batch.id)),
        Err(AppError::Invalid(faults)) => {
            let tab = mailboxes::Tab::of(to.other()).path(cx.tenant().slug.as_str());
            Ok(person.refused(asked.address(&tab), faults.to_string()))
        }
        Err(other) => Err(other.into()),
    }
}
