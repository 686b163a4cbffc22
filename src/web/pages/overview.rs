//! The first page of a tenant: what needs somebody, worst first, each with its next step; then the
//! figures, each of which leads to what it counts.
use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};

use crate::app::overview::{self, Overview};
use crate::app::seats::{self, RunOut};
use crate::app::servers;
use crate::authz::{
    CreateTenants, CreateUsers, ManageDomains, ManageSeats, ViewMailboxes, ViewSeats, ViewServers,
};
use crate::domain::{Kind, Mailbox, PageRequest, Server, TenantKind};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, since, size, thousands};
use crate::web::nav::Section;
use crate::web::paging::with_query;
use crate::web::shell::Shell;
use crate::web::urls;

/// Up to so many limits that run out stand for themselves.
const SAID_EACH: u64 = 3;

/// One thing that needs somebody.
struct Task {
    tone: &'static str,
    icon: &'static str,
    what: String,
    detail: String,
    age: String,
    step: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "overview/index.html")]
struct Index {
    shell: Shell,
    overview: Overview,
    tasks: Vec<Task>,
    is_customer: bool,
    may_add_tenants: bool,
    may_add_domains: bool,
    may_add_users: bool,
}

impl Index {
    fn mailboxes(&self) -> String {
        thousands(self.overview.pop_imap + self.overview.exchange)
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand on by reference"
    )]
    #[expect(clippy::unused_self, reason = "a template calls its own functions so")]
    fn said(&self, figure: &u64) -> String {
        thousands(*figure)
    }

    fn stored(&self) -> String {
        size(u64::try_from(self.overview.used_bytes).unwrap_or_default())
    }

    /// Nothing is here yet, so that the first steps are what to show.
    fn is_new(&self) -> bool {
        if self.is_customer {
            self.overview.users == 0
        } else {
            self.overview.tenants == 0
        }
    }
}

/// `GET /t/{tenant}`
pub async fn show(
    person: Person,
    cx: Cx<ViewMailboxes>,
    servers: Cx<ViewServers>,
    seats: Cx<ViewSeats>,
) -> Result<HttpResponse, Problem> {
    let overview = overview::show(&cx.begin().await?).await?;
    let low = seats::run_out(&seats.begin().await?).await?;
    let servers = servers::list(&servers.begin().await?, &PageRequest::first()).await?;
    let mut shell = person.shell(&cx, "Overview", Section::Overview);
    shell.breadcrumbs.clear();
    let tasks = tasks(&cx, &overview, &servers.items, &low);
    person.page(&Index {
        shell,
        tasks,
        overview,
        is_customer: cx.tenant().kind == TenantKind::Customer,
        may_add_tenants: cx.may::<CreateTenants>(),
        may_add_domains: cx.may::<ManageDomains>(),
        may_add_users: cx.may::<CreateUsers>(),
    })
}

/// Worst first: what is broken, what will be, what waits.
fn tasks(
    cx: &Cx<ViewMailboxes>,
    overview: &Overview,
    servers: &[Server],
    low: &(Vec<RunOut>, u64),
) -> Vec<Task> {
    let desk = Desk {
        slug: cx.tenant().slug.as_str(),
        now: cx.now(),
    };
    let may_set = MaySet {
        own: seats::may_set(cx),
        below: cx.may::<ManageSeats>(),
    };
    let down = servers.iter().filter(|server| server.state == "down");
    [
        desk.failed_conversions(overview),
        desk.failed_mailboxes(overview),
    ]
    .into_iter()
    .flatten()
    .chain(down.map(|server| desk.silent(server)))
    .chain(
        [
            desk.bounces_unread(overview),
            desk.drifted(overview),
            desk.unproved(overview),
        ]
        .into_iter()
        .flatten(),
    )
    .chain(desk.run_out(low, may_set))
    .chain(
        [
            desk.nearly_full(overview),
            desk.ending(overview),
            desk.bounced(overview),
            desk.waiting(overview),
        ]
        .into_iter()
        .flatten(),
    )
    .collect()
}

/// Whose limits on seats the person may set.
#[derive(Clone, Copy)]
struct MaySet {
    /// The tenant's own, from above it.
    own: bool,
    /// Those of the tenants below.
    below: bool,
}

/// Says each thing in words, for one tenant at one moment.
struct Desk<'a> {
    slug: &'a str,
    now: DateTime<Utc>,
}

impl Desk<'_> {
    fn failed_conversions(&self, overview: &Overview) -> Option<Task> {
        let newest = overview.failed_conversions.first()?;
        let total = overview.failed_conversions_total;
        Some(Task {
            tone: "bad",
            icon: "error",
            what: match total {
                1 => "1 conversion failed and was switched back".to_owned(),
                more => format!(
                    "{} conversions failed and were switched back",
                    thousands(more)
                ),
            },
            detail: format!(
                "{}: {}",
                newest.address,
                newest.error.as_deref().unwrap_or("the receipt says why.")
            ),
            age: newest
                .finished_at
                .map_or_else(String::new, |at| since(at, self.now)),
            step: "See why",
            href: urls::conversion(self.slug, newest.batch),
        })
    }

    fn failed_mailboxes(&self, overview: &Overview) -> Option<Task> {
        let first = overview.failed_mailboxes.first()?;
        let total = overview.failed_mailboxes_total;
        let problem = first.problem.as_deref();
        Some(Task {
            tone: "bad",
            icon: "mailboxes",
            what: match total {
                1 => format!("{} refuses a mailbox", first.server_name),
                more => format!("{} mailboxes are refused by their server", thousands(more)),
            },
            detail: format!("{}: {}", first.address, problem.unwrap_or("look at it.")),
            age: since(first.updated_at, self.now),
            step: "Look at it",
            href: self.one_or_all(first, total, "failed"),
        })
    }

    fn silent(&self, server: &Server) -> Task {
        let problem = server.problem.as_deref().unwrap_or("It is asked again.");
        let queue = match server.queue {
            0 => "Nothing waits for it.".to_owned(),
            1 => "1 change waits for it and goes out by itself.".to_owned(),
            more => format!(
                "{} changes wait for it and go out by themselves.",
                thousands(more)
            ),
        };
        Task {
            tone: "bad",
            icon: "server",
            what: format!("{} does not answer", server.name),
            detail: format!("{problem} {queue}"),
            age: server
                .checked_at
                .map_or_else(String::new, |at| since(at, self.now)),
            step: "Look at the server",
            href: urls::mail_server(self.slug, &server.name),
        }
    }

    fn bounces_unread(&self, overview: &Overview) -> Option<Task> {
        let (problem, since_then) = overview.bounces_unread.as_ref()?;
        Some(Task {
            tone: "bad",
            icon: "mail",
            what: "What mail servers return is not seen".to_owned(),
            detail: format!(
                "{problem} It is tried again by itself; if the setting mail.bounces is wrong, mend it."
            ),
            age: since(*since_then, self.now),
            step: "Look at the messages",
            href: urls::messages(self.slug),
        })
    }

    fn drifted(&self, overview: &Overview) -> Option<Task> {
        let first = overview.drifted.first()?;
        let total = overview.drifted_total;
        Some(Task {
            tone: "warn",
            icon: "repair",
            what: match total {
                1 => format!("{} differs from what was asked for", first.address),
                more => format!(
                    "{} mailboxes differ from what was asked for",
                    thousands(more)
                ),
            },
            detail:
                "Somebody changed this on the server. Repair puts ours back; adopt keeps theirs."
                    .to_owned(),
            age: String::new(),
            step: "Repair or adopt",
            href: self.one_or_all(first, total, "differs"),
        })
    }

    fn unproved(&self, overview: &Overview) -> Option<Task> {
        let oldest = overview.unproved.first()?;
        let total = overview.unproved_total;
        let names: Vec<&str> = overview.unproved.iter().map(|d| d.name.as_str()).collect();
        Some(Task {
            tone: "warn",
            icon: "domain",
            what: match total {
                1 => format!("{} is not proved yet", oldest.name),
                more => format!("{} domains are not proved yet", thousands(more)),
            },
            detail: match total {
                1 => "Mail to it is not accepted until it is.".to_owned(),
                _ => format!(
                    "{}. Mail to them is not accepted until they are.",
                    first_of(&names)
                ),
            },
            age: since(oldest.created_at, self.now),
            step: "See what to publish",
            href: match total {
                1 => urls::domain(self.slug, &oldest.name),
                _ => urls::domains(self.slug),
            },
        })
    }

    /// Each limit that runs out with its step while they are few, else the worst of them.
    fn run_out(&self, (low, total): &(Vec<RunOut>, u64), may: MaySet) -> Vec<Task> {
        let mut tasks: Vec<Task> = low.iter().map(|one| self.runs_out(one, may)).collect();
        if *total > SAID_EACH {
            tasks.truncate(1);
            for task in &mut tasks {
                task.detail = format!("First of them: {}.", task.what);
                task.what = format!("Seats run out in {} cases", thousands(*total));
            }
        }
        tasks
    }

    fn runs_out(&self, one: &RunOut, may: MaySet) -> Task {
        let (tenant, plan) = (&one.tenant, &one.plan_name);
        let name = &tenant.name;
        let left = one.seats.left.unwrap_or_default();
        let limit = one.seats.limit.unwrap_or_default();
        let own = tenant.slug.as_str() == self.slug;
        let gives = if own { may.own } else { may.below };
        let (detail, step, href) = if gives {
            (
                "Without a seat no mailbox of it can be added there, and none converted to it.",
                "Add seats",
                urls::seat_limit(&tenant.slug, &one.plan_slug),
            )
        } else {
            (
                "Without a seat no mailbox of it can be added, and none converted to it. Ask whoever \
                 gives the seats for more.",
                "See the seats",
                urls::seats(&tenant.slug),
            )
        };
        Task {
            tone: "warn",
            icon: "plans",
            what: format!(
                "{name} has {} of {} of {plan} left",
                thousands(left),
                match limit {
                    1 => "1 seat".to_owned(),
                    limit => format!("{} seats", thousands(limit)),
                }
            ),
            detail: detail.to_owned(),
            age: String::new(),
            step,
            href,
        }
    }

    fn nearly_full(&self, overview: &Overview) -> Option<Task> {
        let (address, used, quota) = overview.nearly_full.first()?;
        let bytes = |stored: &i64| size(u64::try_from(*stored).unwrap_or_default());
        Some(Task {
            tone: "warn",
            icon: "plans",
            what: match overview.nearly_full_total {
                1 => "1 mailbox is nearly full".to_owned(),
                more => format!("{} mailboxes are nearly full", thousands(more)),
            },
            detail: format!(
                "{address} holds {} of {}. Once it is full, mail to it goes back to the sender.",
                bytes(used),
                bytes(quota)
            ),
            age: String::new(),
            step: "Look at the fullest",
            href: urls::mailbox(self.slug, address),
        })
    }

    fn ending(&self, overview: &Overview) -> Option<Task> {
        let first = overview.ending_first?;
        Some(Task {
            tone: "warn",
            icon: "clock",
            what: match overview.ending_total {
                1 => "1 kept mailbox will be destroyed within a week".to_owned(),
                more => format!(
                    "{} kept mailboxes will be destroyed within a week",
                    thousands(more)
                ),
            },
            detail: format!(
                "The first on {}. Bring back what is still needed.",
                filters::date(first, self.now)
            ),
            age: String::new(),
            step: "Look at them",
            href: urls::kept_mailboxes(self.slug),
        })
    }

    fn bounced(&self, overview: &Overview) -> Option<Task> {
        let total = overview.bounced_total;
        (total > 0).then(|| Task {
            tone: "warn",
            icon: "mail",
            what: match total {
                1 => "1 message did not get there, or may not have".to_owned(),
                more => format!(
                    "{} messages did not get there, or may not have",
                    thousands(more)
                ),
            },
            detail: "Each says what the mail server said.".to_owned(),
            age: String::new(),
            step: "See which",
            href: urls::messages(self.slug),
        })
    }

    fn waiting(&self, overview: &Overview) -> Option<Task> {
        let total = overview.waiting_total;
        let list = urls::pop_imap_mailboxes(self.slug);
        (total > 0).then(|| Task {
            tone: "wait",
            icon: "clock",
            what: match total {
                1 => "1 mailbox waits for its server".to_owned(),
                more => format!("{} mailboxes wait for their server", thousands(more)),
            },
            detail: "It goes out by itself; nothing is to be done.".to_owned(),
            age: String::new(),
            step: "See what waits",
            href: with_query(&list, &[("state", "pending")]),
        })
    }

    /// The page of the only one, or the tab of its kind narrowed to those like it.
    fn one_or_all(&self, first: &Mailbox, total: u64, state: &str) -> String {
        if total == 1 {
            return urls::mailbox(self.slug, &first.address);
        }
        let tab = match first.kind {
            Kind::PopImap => urls::pop_imap_mailboxes(self.slug),
            Kind::Exchange => urls::exchange_mailboxes(self.slug),
        };
        with_query(&tab, &[("state", state)])
    }
}

/// The first three names.
fn first_of(names: &[&str]) -> String {
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 3 {
        format!("{shown} and more")
    } else {
        shown
    }
}
