//! Users: the list, and one of them. Adding is in [`new`], passwords, names, suspension and
//! removal are in [`change`].
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::{domains, users};
use crate::authz::{
    CreateUsers, EditUsers, RemoveUsers, ResetPasswords, SuspendMailboxes, ViewDomains, ViewUsers,
};
use crate::domain::{Invalid, Kind, Mailbox, MailboxState, Page, TenantKind, User, UserFilter};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, typed};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

pub mod change;
pub mod new;

/// Up to so many domains there is a list to choose from; beyond, a field to type in.
const CHOICE: u32 = 60;

type Named = web::Path<(TenantSegment, String)>;

/// Which users. Words that mean nothing here show everything.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    state: String,
    #[serde(flatten)]
    place: Place,
}

impl Asked {
    fn filter(&self) -> UserFilter {
        UserFilter {
            q: typed(&self.q),
            domain: typed(&self.domain),
            kind: Kind::parse("kind", &self.kind).ok(),
            state: MailboxState::parse(&self.state),
        }
    }

    fn query(&self) -> [(&str, &str); 4] {
        [
            ("q", &self.q),
            ("domain", &self.domain),
            ("kind", &self.kind),
            ("state", &self.state),
        ]
    }

    fn is_filtered(&self) -> bool {
        self.query().iter().any(|(_, word)| !word.trim().is_empty())
    }
}

#[derive(Template)]
#[template(path = "users/index.html")]
struct Index {
    shell: Shell,
    asked: Asked,
    /// Empty where there are too many to choose from.
    domains: Vec<String>,
    page: Page<User>,
    links: Links,
    may_add: bool,
    is_customer: bool,
}

impl Index {
    const STATES: [(&'static str, &'static str); 6] = [
        ("ready", "Ready"),
        ("pending", "Being brought to the server"),
        ("converting", "Being converted"),
        ("suspended", "Suspended"),
        ("retained", "Kept"),
        ("failed", "Refused by the server"),
    ];

    fn is_empty(&self) -> bool {
        self.page.items.is_empty() && !self.asked.is_filtered() && self.links.back.is_empty()
    }

    fn sub(&self, user: &User) -> String {
        if self.is_customer {
            user.address.to_string()
        } else {
            format!("{} · {}", user.address, user.tenant_slug)
        }
    }

    /// Who is on the page, by name.
    fn said(&self) -> String {
        match self.page.items.as_slice() {
            [] => String::new(),
            [one] => format!("{}, 1 of", one.display_name),
            [first, .., last] => format!(
                "{} to {}, {} of",
                first.display_name,
                last.display_name,
                self.page.items.len()
            ),
        }
    }

    fn last(&self) -> &str {
        let last = self.page.items.last();
        last.map_or("", |user| user.display_name.as_str())
    }
}

/// `GET /t/{tenant}/users`
pub async fn index(
    person: Person,
    cx: Cx<ViewUsers>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let asked = asked.into_inner();
    let request = asked.place.request()?;
    let page = users::list(&cx.begin().await?, &asked.filter(), &request).await?;
    let is_customer = cx.tenant().kind == TenantKind::Customer;
    let path = urls::users(&cx.tenant().slug);
    person.page(&Index {
        shell: person
            .shell(&cx, "Users", Section::Users)
            .step("Users", None),
        domains: domain_names(&cx.narrow()).await?,
        links: asked
            .place
            .links(&path, &asked.query(), page.next.as_deref()),
        asked,
        page,
        may_add: is_customer && cx.may::<CreateUsers>(),
        is_customer,
    })
}

/// The domains to choose from; none where there are too many.
async fn domain_names(cx: &Cx<ViewDomains>) -> Result<Vec<String>, Problem> {
    Ok(domains::names(&cx.begin().await?, CHOICE)
        .await?
        .unwrap_or_default())
}

/// Where a mailbox stands, in a word or three.
fn standing(mailbox: &Mailbox) -> (Tone, String) {
    let server = &mailbox.server_name;
    match mailbox.state {
        MailboxState::Ready if !mailbox.drift.is_empty() => {
            (Tone::Warn, format!("Differs on {server}"))
        }
        MailboxState::Ready => (Tone::Good, "Ready".to_owned()),
        MailboxState::Pending if mailbox.seen_generation == 0 => {
            (Tone::Busy, "Being created".to_owned())
        }
        MailboxState::Pending => (Tone::Busy, format!("On its way to {server}")),
        MailboxState::Converting => (Tone::Busy, "Being converted".to_owned()),
        MailboxState::Suspended => (Tone::Off, "Suspended".to_owned()),
        MailboxState::Retained => (Tone::Off, "Kept".to_owned()),
        MailboxState::Failed => (Tone::Bad, format!("Refused by {server}")),
    }
}

/// A size as the database holds it.
fn bytes(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

/// A size as the database holds it, in words.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand on by reference"
)]
fn held(stored: &i64) -> String {
    filters::size(bytes(*stored))
}

/// What may be done to the user; it hides, it does not protect.
#[derive(Debug, Clone, Copy)]
struct May {
    edit: bool,
    reset: bool,
    suspend: bool,
    remove: bool,
}

#[derive(Template)]
#[template(path = "users/show.html")]
struct Show {
    shell: Shell,
    user: User,
    /// What was typed as the name.
    typed_name: String,
    reason: String,
    faults: Invalid,
    may: May,
}

impl Show {
    fn of(person: &Person, cx: &Cx<ViewUsers>, user: User) -> Self {
        let list = urls::users(&cx.tenant().slug);
        let shell = person.shell(cx, user.display_name.as_str(), Section::Users);
        Self {
            shell: shell
                .step("Users", list)
                .step(user.display_name.as_str(), None),
            typed_name: user.display_name.clone(),
            user,
            reason: String::new(),
            faults: Invalid::default(),
            may: May {
                edit: cx.may::<EditUsers>(),
                reset: cx.may::<ResetPasswords>(),
                suspend: cx.may::<SuspendMailboxes>(),
                remove: cx.may::<RemoveUsers>(),
            },
        }
    }

    fn is_under_way(&self) -> bool {
        let under_way = |mailbox: &Mailbox| {
            matches!(
                mailbox.state,
                MailboxState::Pending | MailboxState::Converting
            )
        };
        self.user.mailbox.as_ref().is_some_and(under_way)
    }
}

/// `GET /t/{tenant}/users/{user}`
pub async fn show(person: Person, cx: Cx<ViewUsers>, path: Named) -> Result<HttpResponse, Problem> {
    let user = users::find(&cx.begin().await?, &path.1).await?;
    person.page(&Show::of(&person, &cx, user))
}
