//! Suspending and restoring, taking away and bringing back, destroying, repairing and adopting.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{MailboxPath, answer, read, shell};
use crate::app::{AppError, mailboxes, plans};
use crate::authz::{
    PurgeMailboxes, RemoveMailboxes, RepairMailboxes, SuspendMailboxes, ViewAudit, ViewService,
};
use crate::domain::{Invalid, Mailbox};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{date, size, thousands};
use crate::web::shell::{Crumb, Shell};
use crate::web::{frame, urls};

/// Why somebody is shut out.
#[derive(Debug, Deserialize)]
pub struct Reason {
    #[serde(default)]
    reason: String,
}

/// `POST /t/{tenant}/mailboxes/{mailbox}/suspension`
pub async fn suspend(
    person: Person,
    cx: Cx<SuspendMailboxes>,
    view: Cx<ViewService>,
    log: Option<Cx<ViewAudit>>,
    path: MailboxPath,
    form: web::Form<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = form.reason.trim();
    let done = if reason.is_empty() {
        let said = "Enter a reason. The owner is told it when signing in is refused.";
        Err(Invalid::field("reason", said).into())
    } else {
        mailboxes::suspend(cx.begin().await?, &path.1, reason).await
    };
    if let Err(AppError::Invalid(faults)) = done {
        let mut page = read(&person, &view, log.as_ref(), &path.1).await?;
        page.faults = faults;
        reason.clone_into(&mut page.reason);
        return frame::form_again(&page);
    }
    let here = urls::mailbox(&cx.tenant().slug, &path.1);
    answer(&person, here, done, |mailbox| {
        format!(
            "{} is suspended. Mail to it still arrives.",
            mailbox.address
        )
    })
}

macro_rules! posts {
    ($($(#[$doc:meta])* $name:ident: $permission:ident => $use_case:path, |$mailbox:ident| $said:expr;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            person: Person,
            cx: Cx<$permission>,
            path: MailboxPath,
        ) -> Result<HttpResponse, Problem> {
            let done = $use_case(cx.begin().await?, &path.1).await;
            let here = urls::mailbox(&cx.tenant().slug, &path.1);
            answer(&person, here, done, |$mailbox| $said)
        }
    )*};
}

posts! {
    /// `POST /t/{tenant}/mailboxes/{mailbox}/restoration`
    restore: SuspendMailboxes => mailboxes::restore,
        |mailbox| format!("{} is open again; every switch is as it was.", mailbox.address);
    /// `POST /t/{tenant}/mailboxes/{mailbox}/return`
    bring_back: RemoveMailboxes => mailboxes::bring_back,
        |mailbox| format!("{} is back, as {}.", mailbox.address, mailbox.kind.label());
    /// `POST /t/{tenant}/mailboxes/{mailbox}/removal`
    remove: RemoveMailboxes => mailboxes::retain,
        |mailbox| format!("{} was taken away. It is kept, whole, and can be brought back.", mailbox.address);
    /// `POST /t/{tenant}/mailboxes/{mailbox}/repair`
    repair: RepairMailboxes => mailboxes::repair,
        |mailbox| format!("{} is brought back to what was asked for.", mailbox.server_name);
    /// `POST /t/{tenant}/mailboxes/{mailbox}/adoption`
    adopt: RepairMailboxes => mailboxes::adopt,
        |mailbox| format!("What {} has is now what is asked for.", mailbox.server_name);
}

/// The address, typed once more.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    #[serde(default)]
    address: String,
}

#[derive(Template)]
#[template(path = "mailbox/purge.html")]
struct AskPurge {
    shell: Shell,
    mailbox: Mailbox,
    typed: String,
    fault: String,
    back: String,
}

impl AskPurge {
    fn new(person: &Person, cx: &Cx<ViewService>, mailbox: Mailbox) -> Self {
        let back = urls::mailbox(&cx.tenant().slug, &mailbox.address);
        let title = format!("Destroy {} for good?", mailbox.address);
        Self {
            shell: asking(person, cx, &mailbox, title, "Destroy it"),
            mailbox,
            typed: String::new(),
            fault: String::new(),
            back,
        }
    }

    fn messages(&self) -> String {
        match self.mailbox.messages {
            1 => "1 message".to_owned(),
            n => format!("{} messages", thousands(n.unsigned_abs())),
        }
    }

    /// What goes besides mail, as last read in the background.
    fn besides(&self) -> Option<String> {
        let held = self.mailbox.holdings?;
        if held.events + held.tasks + held.contacts == 0 {
            return Some("no events, tasks or contacts in them".to_owned());
        }
        let count = |n: u64, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{} {many}", thousands(n)),
        };
        Some(format!(
            "{} with {} and {}, and {}",
            count(held.calendars, "calendar", "calendars"),
            count(held.events, "event", "events"),
            count(held.tasks, "task", "tasks"),
            count(held.contacts, "contact", "contacts"),
        ))
    }

    fn phones(&self) -> Option<String> {
        match self.mailbox.holdings?.devices {
            0 => None,
            1 => Some("1 phone".to_owned()),
            n => Some(format!("{} phones", thousands(n))),
        }
    }

    fn size(&self) -> String {
        size(self.mailbox.used_bytes.unsigned_abs())
    }
}

/// `GET /t/{tenant}/mailboxes/{mailbox}/purge`
pub async fn ask_purge(
    person: Person,
    cx: Cx<ViewService>,
    path: MailboxPath,
) -> Result<HttpResponse, Problem> {
    may::<PurgeMailboxes>(&cx, "destroy mailboxes")?;
    let mailbox = mailboxes::find(&cx.begin().await?, &path.1).await?;
    person.page(&AskPurge::new(&person, &cx, mailbox))
}

/// `POST /t/{tenant}/mailboxes/{mailbox}/purge`
pub async fn purge(
    person: Person,
    cx: Cx<PurgeMailboxes>,
    view: Cx<ViewService>,
    path: MailboxPath,
    form: web::Form<Confirmed>,
) -> Result<HttpResponse, Problem> {
    let mailbox = mailboxes::find(&view.begin().await?, &path.1).await?;
    if form.address.trim().to_lowercase() != mailbox.address.as_str() {
        let mut page = AskPurge::new(&person, &view, mailbox);
        page.fault = format!(
            "Type {}, the address of what is destroyed.",
            page.mailbox.address
        );
        form.address.clone_into(&mut page.typed);
        return frame::form_again(&page);
    }
    let done = mailboxes::purge(cx.begin().await?, &path.1).await;
    let kept = urls::kept_mailboxes(&cx.tenant().slug);
    answer(&person, kept, done, |mailbox| {
        format!("{} is being destroyed with all its mail.", mailbox.address)
    })
}

#[derive(Template)]
#[template(path = "mailbox/ask.html")]
struct Ask {
    shell: Shell,
    title: String,
    sentences: Vec<String>,
    action: String,
    confirm: &'static str,
    back: String,
}

/// `GET /t/{tenant}/mailboxes/{mailbox}/removal`
pub async fn ask_removal(
    person: Person,
    cx: Cx<ViewService>,
    path: MailboxPath,
) -> Result<HttpResponse, Problem> {
    may::<RemoveMailboxes>(&cx, "take mailboxes away")?;
    let work = cx.begin().await?;
    let mailbox = mailboxes::find(&work, &path.1).await?;
    let plans = plans::list(&work, mailbox.tenant).await?;
    let plan = plans.iter().find(|plan| plan.id == mailbox.plan);
    let days = plan.map_or(30, |plan| plan.retention_days);
    let ends = date(cx.now() + chrono::TimeDelta::days(days.into()), cx.now());
    let sentences = vec![
        format!(
            "{} is closed at once and takes no more mail.",
            mailbox.address
        ),
        format!(
            "Its {} ({} messages), calendars and contacts are kept until {ends}; until then you \
             can bring it back as it is now.",
            size(mailbox.used_bytes.unsigned_abs()),
            thousands(mailbox.messages.unsigned_abs())
        ),
    ];
    let slug = &cx.tenant().slug;
    let action = urls::mailbox_removal(slug, &mailbox.address);
    let title = format!("Take {} away?", mailbox.address);
    person.page(&ask(
        &person,
        &cx,
        &mailbox,
        title,
        sentences,
        action,
        "Take it away",
    ))
}

fn ask(
    person: &Person,
    cx: &Cx<ViewService>,
    mailbox: &Mailbox,
    title: String,
    sentences: Vec<String>,
    action: String,
    confirm: &'static str,
) -> Ask {
    let back = urls::mailbox(&cx.tenant().slug, &mailbox.address);
    let shell = asking(person, cx, mailbox, title.clone(), confirm);
    Ask {
        shell,
        title,
        sentences,
        action,
        confirm,
        back,
    }
}

/// The frame of a page that asks before it does something to a mailbox.
fn asking(
    person: &Person,
    cx: &Cx<ViewService>,
    mailbox: &Mailbox,
    title: String,
    confirm: &str,
) -> Shell {
    let mut shell = shell(person, cx, mailbox);
    if let Some(last) = shell.breadcrumbs.last_mut() {
        last.href = Some(urls::mailbox(&cx.tenant().slug, &mailbox.address));
    }
    shell.breadcrumbs.push(Crumb {
        label: confirm.to_owned(),
        href: None,
    });
    shell.title = title;
    shell
}

fn may<Q: crate::authz::Permission>(cx: &Cx<ViewService>, what: &str) -> Result<(), AppError> {
    if cx.may::<Q>() {
        return Ok(());
    }
    let needs = Q::NEEDS.as_str();
    Err(AppError::Forbidden(format!(
        "Your role cannot {what}: it needs {needs}."
    )))
}
