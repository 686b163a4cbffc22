//! Services, Mailboxes: the two classic tabs, the shared mailboxes and those that are kept. A tick
//! changes nothing here; *Proceed* leads to [`super::confirm`].
mod row;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::TimeDelta;
use serde::Deserialize;

pub use self::row::status;
use self::row::{Body, Row};
use crate::app::mailboxes::{self, MailboxFilter, TabCounts};
use crate::app::users::{self, UserFilter};
use crate::app::{domains, drafts};
use crate::authz::{ChangeService, ConvertMailboxes, CreateMailboxes, PurgeMailboxes, ViewService};
use crate::domain::{Kind, Mailbox, MailboxState, Page, TenantKind};
use crate::store::{Cx, Work};
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, thousands};
use crate::web::nav::Section;
use crate::web::paging::{self, Links, Place, with_query};
use crate::web::shell::{Crumb, Shell};
use crate::web::urls;

/// Up to so many domains there is a list to choose from; beyond, a field to type in.
const CHOICE: u32 = 60;

/// What a tab was asked to show. Words that mean nothing here show everything.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    used: String,
    /// `1` adds the users without an Exchange mailbox.
    #[serde(default)]
    all: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    back: String,
}

impl Asked {
    /// Reads the filters out of a form.
    #[must_use]
    pub fn of_form(fields: &[(String, String)]) -> Self {
        let of = |name: &str| {
            let found = fields.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        Self {
            q: of("q"),
            domain: of("domain"),
            state: of("state"),
            used: of("used"),
            ..Self::default()
        }
    }

    /// The address of the list that these filters show.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        with_query(path, &self.query())
    }

    fn place(&self) -> Place {
        Place {
            after: self.after.clone(),
            back: self.back.clone(),
        }
    }

    fn query(&self) -> [(&str, &str); 5] {
        [
            ("q", &self.q),
            ("domain", &self.domain),
            ("state", &self.state),
            ("used", &self.used),
            ("all", &self.all),
        ]
    }

    fn filtered(&self) -> bool {
        [&self.q, &self.domain, &self.state, &self.used]
            .iter()
            .any(|word| !word.trim().is_empty())
    }

    fn all(&self) -> bool {
        self.all == "1"
    }

    /// As a list takes them.
    #[must_use]
    pub fn filter(&self, now: chrono::DateTime<chrono::Utc>) -> MailboxFilter {
        MailboxFilter {
            q: some(&self.q),
            domain: some(&self.domain),
            state: MailboxState::parse(&self.state),
            drifted: self.state == "differs",
            used_since: (self.used == "30").then(|| now - TimeDelta::days(30)),
            unused_since: (self.used == "not-90").then(|| now - TimeDelta::days(90)),
            ..MailboxFilter::default()
        }
    }
}

fn some(typed: &str) -> Option<String> {
    let typed = typed.trim();
    (!typed.is_empty()).then(|| typed.replace('\0', ""))
}

/// The tabs, by the last part of their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// POP/IMAP Mailboxes.
    PopImap,
    /// Exchange Mailboxes.
    Exchange,
    /// Shared mailboxes.
    Shared,
    /// Retained mailboxes.
    Kept,
}

impl Tab {
    /// The tab of the mailboxes of a kind.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::PopImap => Self::PopImap,
            Kind::Exchange => Self::Exchange,
        }
    }

    /// The kind that a tick stands for, where there are ticks.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::PopImap => Some(Kind::PopImap),
            Self::Exchange => Some(Kind::Exchange),
            Self::Shared | Self::Kept => None,
        }
    }

    /// Its address.
    #[must_use]
    pub fn path(self, tenant: &str) -> String {
        match self {
            Self::PopImap => urls::pop_imap_mailboxes(tenant),
            Self::Exchange => urls::exchange_mailboxes(tenant),
            Self::Shared => urls::shared_mailboxes(tenant),
            Self::Kept => urls::kept_mailboxes(tenant),
        }
    }
}

/// What every tab shows.
struct Frame {
    tab: Tab,
    counts: TabCounts,
    asked: Asked,
    path: String,
    domains: Vec<String>,
    domain_typed: bool,
    total: u64,
    links: Links,
    may_change: bool,
    may_add: bool,
    on_from: String,
}

impl Frame {
    async fn new(
        cx: &Cx<ViewService>,
        work: &Work<ViewService>,
        tab: Tab,
        asked: Asked,
    ) -> Result<Self, Problem> {
        let known = domains::names(work, CHOICE).await?;
        Ok(Self {
            tab,
            counts: mailboxes::tab_counts(work).await?,
            path: tab.path(cx.tenant().slug.as_str()),
            asked,
            domain_typed: known.is_none(),
            domains: known.unwrap_or_default(),
            total: 0,
            links: Links::default(),
            may_change: cx.may::<ChangeService>(),
            may_add: cx.may::<CreateMailboxes>() && cx.tenant().kind == TenantKind::Customer,
            on_from: String::new(),
        })
    }

    /// The page of these. Of a whole tab it is known how many there are.
    async fn list(
        &self,
        work: &Work<ViewService>,
        filter: &MailboxFilter,
    ) -> Result<Page<Mailbox>, Problem> {
        let request = self.asked.place().request()?;
        let whole = (!self.asked.filtered()).then_some(self.tab);
        let total = match whole {
            Some(Tab::PopImap) => self.counts.pop_imap,
            Some(Tab::Exchange) => self.counts.exchange,
            Some(Tab::Shared) => self.counts.shared,
            Some(Tab::Kept) | None => drafts::matching(work, filter).await?,
        };
        Ok(mailboxes::list_of(work, filter, total, &request).await?)
    }

    fn paged<T>(mut self, page: &Page<T>, last: Option<&str>) -> Self {
        self.total = page.total;
        self.links =
            self.asked
                .place()
                .links(&self.path, &self.asked.query(), page.next.as_deref());
        let name = last.unwrap_or_default();
        name.split(' ')
            .next()
            .unwrap_or_default()
            .clone_into(&mut self.on_from);
        self
    }

    /// The address of this very page, to come back to.
    fn here(&self) -> String {
        let place = self.asked.place();
        let mut query = self.asked.query().to_vec();
        query.extend([
            ("after", place.after.as_str()),
            ("back", place.back.as_str()),
        ]);
        with_query(&self.path, &query)
    }

    #[expect(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "templates call methods and pass by reference"
    )]
    fn tab_count(&self, count: &u64) -> String {
        thousands(*count)
    }

    fn without_filters(&self) -> String {
        paging::with_query(&self.path, &[("all", &self.asked.all)])
    }

    #[expect(clippy::unused_self, reason = "every tab says it in the same way")]
    fn said(&self, first: Option<&str>, last: Option<&str>, rows: usize) -> String {
        match (first, last) {
            (Some(first), Some(last)) if rows > 1 => {
                format!("{first} to {last}, {} of", thousands(rows as u64))
            }
            (Some(first), _) => format!("{first}, 1 of"),
            _ => "Nobody of".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "mailboxes/index.html")]
struct Index {
    shell: Shell,
    frame: Frame,
    kind: Kind,
    columns: [&'static str; 3],
    rows: Vec<Row>,
    without: u64,
    /// What all that match can be converted to at once, and how many these are.
    all: Option<(Kind, u64)>,
}

impl Index {
    /// "Select all 3,412 that match", or without a filter "Select all 3,412".
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass by reference"
    )]
    fn select_all(&self, count: &u64) -> String {
        match (count, self.frame.asked.filtered()) {
            (1, _) => "Select the one that matches".to_owned(),
            (n, true) => format!("Select all {} that match", thousands(*n)),
            (n, false) => format!("Select all {}", thousands(*n)),
        }
    }

    fn said(&self) -> String {
        let name = |row: Option<&Row>| row.map(|row| row.name.clone());
        let (first, last) = (name(self.rows.first()), name(self.rows.last()));
        self.frame
            .said(first.as_deref(), last.as_deref(), self.rows.len())
    }

    fn whole(&self) -> String {
        thousands(self.frame.total)
    }
}

fn shell(person: &Person, cx: &Cx<ViewService>) -> Shell {
    let mut shell = person.shell(cx, "Mailboxes", Section::Mailboxes);
    shell.breadcrumbs.push(Crumb {
        label: "Mailboxes".to_owned(),
        href: None,
    });
    shell
}

/// `GET /t/{tenant}/mailboxes/pop-imap`
pub async fn pop_imap(
    person: Person,
    cx: Cx<ViewService>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    of_kind(person, cx, Tab::PopImap, Kind::PopImap, asked.into_inner()).await
}

/// `GET /t/{tenant}/mailboxes/exchange`
pub async fn exchange(
    person: Person,
    cx: Cx<ViewService>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let asked = asked.into_inner();
    if asked.all() {
        return everybody(person, cx, asked).await;
    }
    of_kind(person, cx, Tab::Exchange, Kind::Exchange, asked).await
}

async fn of_kind(
    person: Person,
    cx: Cx<ViewService>,
    tab: Tab,
    kind: Kind,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let mut filter = asked.filter(work.now());
    filter.kind = Some(kind);
    let frame = Frame::new(&cx, &work, tab, asked).await?;
    let page = frame.list(&work, &filter).await?;
    let rows: Vec<_> = page
        .items
        .iter()
        .map(|mailbox| Row::of_mailbox(&cx, mailbox, kind))
        .collect();
    let last = page
        .items
        .last()
        .map(|mailbox| mailbox.display_name.clone());
    let counts = frame.counts;
    let all =
        (page.total > 0 && cx.may::<ConvertMailboxes>()).then_some((kind.other(), page.total));
    person.page(&Index {
        all,
        shell: shell(&person, &cx),
        frame: frame.paged(&page, last.as_deref()),
        kind,
        columns: row::columns(kind).map(crate::domain::Protocol::label),
        rows,
        without: counts.pop_imap,
    })
}

/// The Exchange tab with *Display all users*.
async fn everybody(
    person: Person,
    cx: Cx<ViewService>,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let filter = UserFilter {
        q: some(&asked.q),
        domain: some(&asked.domain),
        ..UserFilter::default()
    };
    let page = {
        let work = cx.narrow().begin().await?;
        users::list(&work, &filter, &asked.place().request()?).await?
    };
    let work = cx.begin().await?;
    let frame = Frame::new(&cx, &work, Tab::Exchange, asked).await?;
    let kind = Kind::Exchange;
    let rows: Vec<_> = page
        .items
        .iter()
        .map(|user| Row::of_user(&cx, user, kind))
        .collect();
    let last = page.items.last().map(|user| user.display_name.clone());
    let without = page.total.saturating_sub(frame.counts.exchange);
    let mut filter = frame.asked.filter(work.now());
    filter.kind = Some(kind.other());
    let others = drafts::matching(&work, &filter).await?;
    let all = (others > 0 && cx.may::<ConvertMailboxes>()).then_some((kind, others));
    person.page(&Index {
        all,
        shell: shell(&person, &cx),
        frame: frame.paged(&page, last.as_deref()),
        kind,
        columns: row::columns(kind).map(crate::domain::Protocol::label),
        rows,
        without,
    })
}

#[derive(Template)]
#[template(path = "mailboxes/others.html")]
struct Others {
    shell: Shell,
    frame: Frame,
    mailboxes: Vec<Mailbox>,
    may_purge: bool,
}

impl Others {
    fn said(&self) -> String {
        let name = |mailbox: Option<&Mailbox>| mailbox.map(|mailbox| mailbox.display_name.clone());
        let (first, last) = (name(self.mailboxes.first()), name(self.mailboxes.last()));
        self.frame
            .said(first.as_deref(), last.as_deref(), self.mailboxes.len())
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn status(&self, mailbox: &Mailbox) -> (crate::web::shell::Tone, String) {
        row::status(mailbox)
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn used(&self, mailbox: &Mailbox) -> String {
        filters::size(mailbox.used_bytes.unsigned_abs())
    }

    fn href(&self, mailbox: &Mailbox) -> String {
        urls::mailbox(&self.shell.tenant.slug, &mailbox.address)
    }
}

/// `GET /t/{tenant}/mailboxes/shared`
pub async fn shared(
    person: Person,
    cx: Cx<ViewService>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    others(person, cx, Tab::Shared, asked.into_inner()).await
}

/// `GET /t/{tenant}/mailboxes/kept`
pub async fn kept(
    person: Person,
    cx: Cx<ViewService>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    others(person, cx, Tab::Kept, asked.into_inner()).await
}

async fn others(
    person: Person,
    cx: Cx<ViewService>,
    tab: Tab,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let mut filter = asked.filter(work.now());
    match tab {
        Tab::Kept => filter.state = Some(MailboxState::Retained),
        _ => filter.shared = true,
    }
    let frame = Frame::new(&cx, &work, tab, asked).await?;
    let page = frame.list(&work, &filter).await?;
    let last = page
        .items
        .last()
        .map(|mailbox| mailbox.display_name.clone());
    person.page(&Others {
        shell: shell(&person, &cx),
        frame: frame.paged(&page, last.as_deref()),
        mailboxes: page.items,
        may_purge: cx.may::<PurgeMailboxes>(),
    })
}

/// `GET /t/{tenant}/mailboxes`: the first tab.
pub async fn index(cx: Cx<ViewService>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::SeeOther()
        .insert_header((
            actix_web::http::header::LOCATION,
            urls::pop_imap_mailboxes(&cx.tenant().slug),
        ))
        .finish())
}
