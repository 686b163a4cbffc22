//! Asking for mail from elsewhere: one mailbox, or many by a file. Both begin with a trial, which
//! changes nothing.
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::lists;
use crate::app::imports::lists::NewList;
use crate::app::imports::{self, NewImports};
use crate::authz::{ImportMail, ViewImports};
use crate::domain::import::{Folders, Line, Outside, PROVIDERS, Provider, Row, lines_of_csv};
use crate::domain::mailserver::Security;
use crate::domain::{ImportId, ImportListId, Invalid};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::nav::Section;
use crate::web::shell::Shell;
use crate::web::upload::Upload;
use crate::web::{frame, urls};

/// What the form is opened with.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    mailbox: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    many: String,
}

/// What was typed; never the password.
#[derive(Debug, Clone, Default)]
struct Typed {
    many: bool,
    host: String,
    port: String,
    security: String,
    unprotected: bool,
    mailbox: String,
    user: String,
}

#[derive(Template)]
#[template(path = "imports/new.html")]
struct New {
    shell: Shell,
    typed: Typed,
    provider: Option<&'static Provider>,
    faults: Invalid,
}

impl New {
    fn page<P: crate::authz::Permission>(person: &Person, cx: &Cx<P>, typed: Typed) -> Self {
        let imports = urls::imports(&cx.tenant().slug);
        let title = if typed.many {
            "Bring mail into many mailboxes"
        } else {
            "Bring mail from another provider"
        };
        Self {
            shell: person
                .shell(cx, title, Section::Imports)
                .step("Imports", imports)
                .step("New", None),
            provider: Provider::of_host(&typed.host),
            typed,
            faults: Invalid::default(),
        }
    }

    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }

    /// Each field that is wrong, and how.
    fn wrong(&self) -> Vec<(&str, &str)> {
        self.faults.by_field()
    }

    fn providers(&self) -> &'static [Provider] {
        let _ = self;
        PROVIDERS
    }

    fn secures(&self, word: &str) -> bool {
        self.typed.security == word || (word == "tls" && self.typed.security.is_empty())
    }

    fn chosen(&self, provider: &Provider) -> bool {
        self.provider.is_some_and(|chosen| chosen == provider)
    }

    /// The same page for the other number of mailboxes.
    fn other(&self) -> String {
        let path = urls::new_import(&self.shell.tenant.slug);
        let many = if self.typed.many { "" } else { "1" };
        crate::web::paging::with_query(&path, &[("many", many)])
    }
}

/// `GET /t/{tenant}/imports/new`
pub async fn new(
    person: Person,
    cx: Cx<ViewImports>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let provider = Provider::of_slug(&asked.provider);
    let typed = Typed {
        many: asked.many == "1",
        host: provider.map_or_else(String::new, |provider| provider.host.to_owned()),
        mailbox: asked.mailbox.clone(),
        ..Typed::default()
    };
    let mut page = New::page(&person, &cx, typed);
    page.provider = provider;
    person.page(&page)
}

/// `GET /t/{tenant}/imports/template.csv`
pub async fn template(_: Cx<ViewImports>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"imports.csv\"",
        ))
        .body("mailbox,user,password\r\n")
}

/// What was begun.
enum Begun {
    One(ImportId),
    List(ImportListId),
}

/// `POST /t/{tenant}/imports`
pub async fn create(
    person: Person,
    cx: Cx<ImportMail>,
    upload: Upload,
) -> Result<HttpResponse, Problem> {
    let typed = Typed {
        many: upload.of("many") == "1",
        host: upload.of("host").trim().to_ascii_lowercase(),
        port: upload.of("port").trim().to_owned(),
        security: upload.of("security").to_owned(),
        unprotected: upload.of("unprotected") == "yes",
        mailbox: upload.of("mailbox").trim().to_owned(),
        user: upload.of("user").trim().to_owned(),
    };
    let begun = match wanted(&typed, &upload) {
        Ok(Wanted::One(new)) => imports::start(cx.begin().await?, new)
            .await
            .map(|mut begun| Begun::One(begun.remove(0).id)),
        Ok(Wanted::Many(new)) => imports::lists::start(cx.begin().await?, new)
            .await
            .map(|list| Begun::List(list.id)),
        Err(faults) => Err(faults.into()),
    };
    let slug = cx.tenant().slug.as_str();
    let to = match begun {
        Ok(Begun::One(import)) => urls::import(slug, import),
        Ok(Begun::List(list)) => lists::href(slug, list),
        Err(error) => {
            let mut page = New::page(&person, &cx, typed);
            page.faults = at_fields(&frame::faults(error, "mailbox")?);
            return frame::form_again(&page);
        }
    };
    Ok(HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .finish())
}

enum Wanted {
    One(NewImports),
    Many(NewList),
}

/// What the form asks for, or every fault in it.
fn wanted(typed: &Typed, upload: &Upload) -> Result<Wanted, Invalid> {
    let mut faults = Invalid::default();
    let outside = faults.take(outside(typed));
    if typed.many {
        let lines = faults.take(lines(upload));
        faults.into_result()?;
        let (outside, (name, lines)) = (outside.unwrap_or_else(nowhere), lines.unwrap_or_default());
        return Ok(Wanted::Many(NewList {
            name,
            outside,
            lines,
        }));
    }
    let row = Row {
        mailbox: typed.mailbox.clone(),
        user: typed.user.clone(),
        password: upload.of("password").to_owned().into(),
    };
    row.check("rows/0", &mut faults);
    faults.into_result()?;
    Ok(Wanted::One(NewImports {
        outside: outside.unwrap_or_else(nowhere),
        folders: Folders::default(),
        trial: true,
        rows: vec![row],
        list: "rows",
    }))
}

/// Never asked for: a host that was not read is a fault before.
fn nowhere() -> Outside {
    Outside {
        host: String::new(),
        port: 993,
        security: Security::Tls,
    }
}

fn outside(typed: &Typed) -> Result<Outside, Invalid> {
    let security = match typed.security.as_str() {
        "" | "tls" => Security::Tls,
        "starttls" => Security::Starttls,
        "none" if typed.unprotected => Security::None,
        "none" => {
            let said = "Tick that the password may be sent unprotected, or choose TLS.";
            return Err(Invalid::field("unprotected", said));
        }
        _ => return Err(Invalid::field("security", "Choose TLS, STARTTLS or none.")),
    };
    let port = match typed.port.as_str() {
        "" => None,
        port => Some(port.parse().map_err(|_| {
            Invalid::field(
                "port",
                "Enter a port from 1 to 65535, or none for the usual one.",
            )
        })?),
    };
    Outside::parse(&typed.host, port, security)
}

fn lines(upload: &Upload) -> Result<(String, Vec<Line>), Invalid> {
    let Some((name, bytes)) = &upload.file else {
        return Err(Invalid::field(
            "file",
            "Choose the file with the mailboxes.",
        ));
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        let said = format!("{name} is not text in UTF-8. Save it as CSV (UTF-8).");
        return Err(Invalid::field("file", said));
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(120).collect();
    Ok((name, lines_of_csv(text)?))
}

/// The faults of rows and files at the fields of the form.
pub(super) fn at_fields(faults: &Invalid) -> Invalid {
    let mut at_fields = Invalid::default();
    for (field, detail) in faults.by_field() {
        let field = match field.split('/').next_back().unwrap_or(field) {
            "1" | "csv" => "file",
            "rows" => "mailbox",
            other => other,
        };
        at_fields.push(field, detail);
    }
    at_fields
}
