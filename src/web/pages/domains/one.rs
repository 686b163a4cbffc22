//! One domain: its proof, what to publish, enabling, vouching, removing.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::may_vouch;
use crate::app::AppError;
use crate::app::domains::{self, DnsRecord, Domain};
use crate::authz::{ManageDomains, ViewDomains};
use crate::domain::DomainName;
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::nav::Section;
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

type Named = web::Path<(TenantSegment, String)>;

/// A record with what people call it.
struct Record {
    title: &'static str,
    note: &'static str,
    record: DnsRecord,
    tone: Tone,
    said: &'static str,
}

impl Record {
    fn of(record: DnsRecord, checking: bool) -> Self {
        let (title, note) = words(&record.purpose);
        // Mail needs the first two; what programs look for can wait.
        let needed = matches!(record.purpose.as_str(), "proof" | "mx");
        let (tone, said) = match (record.seen, needed) {
            (Some(true), _) => (Tone::Good, "Seen"),
            (_, _) if checking => (Tone::Busy, "Asking"),
            (Some(false), true) => (Tone::Bad, "Missing"),
            (Some(false), false) => (Tone::Warn, "Not there"),
            (None, _) => (Tone::Wait, "Not asked yet"),
        };
        Self {
            title,
            note,
            record,
            tone,
            said,
        }
    }

    /// The edge of its row.
    fn edge(&self) -> &'static str {
        match self.tone {
            Tone::Bad => "is-bad-edge",
            Tone::Warn => "is-warn",
            _ => "is-fine",
        }
    }

    fn is_loud(&self) -> bool {
        self.tone == Tone::Bad
    }
}

fn words(purpose: &str) -> (&'static str, &'static str) {
    match purpose {
        "proof" => ("Proof", "that the domain is yours"),
        "mx" => ("Incoming mail", "where mail is delivered"),
        "spf" => ("Who may send", "SPF"),
        "autoconfig" => ("Programs find us", "Autoconfig"),
        "autodiscover" => ("Phones find us", "Autodiscover"),
        "imaps" => ("IMAP", "for mail programs"),
        "pop3s" => ("POP3", "for mail programs"),
        "submission" => ("Sending", "for mail programs"),
        "caldavs" => ("Calendars", "CalDAV"),
        "carddavs" => ("Contacts", "CardDAV"),
        _ => ("Other", ""),
    }
}

#[derive(Template)]
#[template(path = "domains/show.html")]
struct Show {
    shell: Shell,
    domain: Domain,
    records: Vec<Record>,
    may_manage: bool,
    may_vouch: bool,
}

impl Show {
    fn missing(&self) -> usize {
        let missing = |one: &&Record| one.record.seen == Some(false);
        self.records.iter().filter(missing).count()
    }

    /// While it is not proved, asking again is the one thing to do.
    fn check_kind(&self) -> &'static str {
        if self.domain.is_proved() {
            ""
        } else {
            "primary"
        }
    }
}

fn name(path: &Named) -> Result<DomainName, Problem> {
    DomainName::parse("name", &path.1).map_err(|_| AppError::NotFound("domain").into())
}

/// `GET /t/{tenant}/domains/{name}`
pub async fn show(
    person: Person,
    cx: Cx<ViewDomains>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let mut domain = domains::find(&cx.begin().await?, &name(&path)?).await?;
    let list = urls::domains(&cx.tenant().slug);
    let shell = person.shell(&cx, domain.name.as_str(), Section::Domains);
    let records = std::mem::take(&mut domain.records).into_iter();
    person.page(&Show {
        shell: shell.step("Domains", list).step(domain.name.as_str(), None),
        records: records.map(|r| Record::of(r, domain.checking)).collect(),
        may_manage: cx.may::<ManageDomains>(),
        may_vouch: may_vouch(&cx).await?,
        domain,
    })
}

/// `POST /t/{tenant}/domains/{name}/verifications`
pub async fn verify(
    person: Person,
    cx: Cx<ManageDomains>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let domain = domains::request_verification(cx.begin().await?, &name(&path)?).await?;
    let page = urls::domain(&cx.tenant().slug, &domain.name);
    let said = format!(
        "We are asking DNS about {}. The page says what it found.",
        domain.name
    );
    Ok(person.done(page, said))
}

/// What is to change; what is left out stays.
#[derive(Debug, Default, Deserialize)]
pub struct Change {
    enabled: Option<bool>,
    vouch: Option<bool>,
}

/// `POST /t/{tenant}/domains/{name}`
pub async fn update(
    person: Person,
    cx: Cx<ManageDomains>,
    path: Named,
    change: web::Form<Change>,
) -> Result<HttpResponse, Problem> {
    let (enabled, vouch) = (change.enabled, change.vouch);
    let domain = domains::update(cx.begin().await?, &name(&path)?, enabled, vouch, None).await?;
    let said = match (enabled, vouch) {
        (Some(true), _) => format!("{} is enabled. Its mailboxes open again.", domain.name),
        (Some(false), _) => format!("{} is disabled. Its mailboxes are closed.", domain.name),
        (_, Some(true)) => format!("The platform vouches for {}.", domain.name),
        _ if domain.is_proved() => format!("{} stands by its own proof now.", domain.name),
        _ => format!(
            "Nobody vouches for {} any more. It needs its proof.",
            domain.name
        ),
    };
    let page = urls::domain(&cx.tenant().slug, &domain.name);
    Ok(person.done(page, said))
}

#[derive(Template)]
#[template(path = "domains/remove.html")]
struct Remove {
    shell: Shell,
    domain: Domain,
    may_manage: bool,
}

/// `GET /t/{tenant}/domains/{name}/removal`
pub async fn confirm_removal(
    person: Person,
    cx: Cx<ViewDomains>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let domain = domains::find(&cx.begin().await?, &name(&path)?).await?;
    let slug = &cx.tenant().slug;
    let title = format!("Remove {}", domain.name);
    person.page(&Remove {
        shell: person
            .shell(&cx, title, Section::Domains)
            .step("Domains", urls::domains(slug))
            .step(domain.name.as_str(), urls::domain(slug, &domain.name))
            .step("Remove", None),
        may_manage: cx.may::<ManageDomains>(),
        domain,
    })
}

/// `POST /t/{tenant}/domains/{name}/removal`
pub async fn remove(
    person: Person,
    cx: Cx<ManageDomains>,
    path: Named,
) -> Result<HttpResponse, Problem> {
    let name = name(&path)?;
    let slug = &cx.tenant().slug;
    match domains::remove(cx.begin().await?, &name).await {
        Ok(()) => Ok(person.done(urls::domains(slug), format!("{name} was removed."))),
        Err(AppError::Conflict { detail, .. }) => {
            Ok(person.refused(urls::domain_removal(slug, &name), detail))
        }
        Err(other) => Err(other.into()),
    }
}
