//! One mailbox: what it is, what is asked for and what was seen on its server, and everything that
//! can be done to it. Each form of the page has its own small handler below.
mod checks;
mod edit;
mod keeping;
mod new;
mod switches;
mod view;

pub use checks::{ask as check, show as show_check};
pub use edit::update;
pub use keeping::{
    adopt, ask_purge, ask_removal, bring_back, purge, remove, repair, restore, suspend,
};
pub use new::{create, form as new};
pub use switches::set as set_switch;

use actix_web::{HttpResponse, web};
use askama::Template;

use self::edit::Edit;
use self::view::{Happening, Seen, Switch};
use crate::app::{AppError, audit, conversions, imports, mailboxes, plans, reversals};
use crate::authz::{
    CheckMailboxes, ConvertMailboxes, EditMailboxes, ImportMail, PurgeMailboxes, RemoveMailboxes,
    RepairMailboxes, SuspendMailboxes, ViewAudit, ViewService,
};
use crate::domain::import::{Import, ImportState};
use crate::domain::mailserver::Listener;
use crate::domain::{Invalid, Item, Mailbox, MailboxState, PageRequest, Plan};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::nav::Section;
use crate::web::shell::{Crumb, Shell, Tone};
use crate::web::urls;

use super::mailboxes::Tab;

/// The path of a mailbox: its id or address.
pub type MailboxPath = web::Path<(TenantSegment, String)>;

/// Who may do what here.
#[expect(clippy::struct_excessive_bools, reason = "one for each permission")]
struct May {
    convert: bool,
    edit: bool,
    suspend: bool,
    remove: bool,
    purge: bool,
    repair: bool,
    check: bool,
    import: bool,
}

#[derive(Template)]
#[template(path = "mailbox/show.html")]
struct Show {
    shell: Shell,
    mailbox: Mailbox,
    status: (Tone, String),
    switches: Vec<Switch>,
    seen: Vec<Seen>,
    history: Vec<Happening>,
    listeners: Vec<Listener>,
    plans: Vec<Plan>,
    plan_name: String,
    may: May,
    edit: Edit,
    faults: Invalid,
    reason: String,
    /// The conversion that can be undone.
    undo: Option<Item>,
    /// Mail that is being brought in.
    import: Option<Import>,
}

impl Show {
    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }

    fn used(&self) -> String {
        filters::size(self.mailbox.used_bytes.unsigned_abs())
    }

    fn quota(&self) -> String {
        filters::size(self.mailbox.quota_bytes.unsigned_abs())
    }

    fn percent(&self) -> String {
        let percent = self.mailbox.used_bytes.saturating_mul(100) / self.mailbox.quota_bytes.max(1);
        format!("{percent}%")
    }

    fn messages(&self) -> String {
        match self.mailbox.messages {
            1 => "1 message".to_owned(),
            n => format!("{} messages", filters::thousands(n.unsigned_abs())),
        }
    }

    fn in_service(&self) -> bool {
        self.mailbox.retained_at.is_none() && self.mailbox.state != MailboxState::Converting
    }

    fn convert_to(&self) -> String {
        format!("Convert to {}…", self.mailbox.kind.other().label())
    }

    fn here(&self) -> String {
        urls::mailbox(&self.shell.tenant.slug, &self.mailbox.address)
    }

    fn messages_href(&self) -> String {
        let mailbox = self.mailbox.id.to_string();
        let path = urls::messages(&self.shell.tenant.slug);
        crate::web::paging::with_query(&path, &[("mailbox", &mailbox)])
    }

    /// Where mail is asked for from elsewhere, for this mailbox.
    fn import_href(&self) -> String {
        let path = urls::new_import(&self.shell.tenant.slug);
        crate::web::paging::with_query(&path, &[("mailbox", self.mailbox.address.as_str())])
    }

    fn import_said(&self, import: &Import) -> String {
        let _ = self;
        super::imports::said(import)
    }

    fn undo_href(&self, item: &Item) -> String {
        super::reversal::href(&self.shell.tenant.slug, item)
    }

    /// Whether something is on its way, so that the page asks again.
    fn moving(&self) -> bool {
        matches!(
            self.mailbox.state,
            MailboxState::Pending | MailboxState::Converting
        )
    }

    fn plan_chosen(&self, plan: &Plan) -> bool {
        plan.slug.as_str() == self.edit.plan
    }

    fn plan_says(&self, plan: &Plan) -> String {
        let _ = self;
        let code = plan.price_code.as_ref();
        let code = code.map_or_else(String::new, |code| format!(", {code}"));
        format!(
            "{}: up to {}{code}",
            plan.name,
            filters::size(plan.quota_bytes.unsigned_abs())
        )
    }
}

/// `GET /t/{tenant}/mailboxes/{mailbox}`
pub async fn show(
    person: Person,
    cx: Cx<ViewService>,
    log: Option<Cx<ViewAudit>>,
    path: MailboxPath,
) -> Result<HttpResponse, Problem> {
    person.page(&read(&person, &cx, log.as_ref(), &path.1).await?)
}

/// Everything the page shows, as things stand.
async fn read(
    person: &Person,
    cx: &Cx<ViewService>,
    log: Option<&Cx<ViewAudit>>,
    named: &str,
) -> Result<Show, Problem> {
    let work = cx.begin().await?;
    let (mailbox, listeners) = mailboxes::client_settings(&work, named).await?;
    let plans = plans::list(&work, mailbox.tenant).await?;
    let slug = cx.tenant().slug.as_str();
    let conversions = conversions::of_mailbox(&work, mailbox.id).await?;
    let undoable = reversals::undoable_among(&work, &conversions).await?;
    let entries = match log {
        Some(log) => {
            let page = PageRequest {
                limit: 20,
                after: None,
            };
            audit::list(&log.begin().await?, Some(mailbox.id.0), &page)
                .await?
                .items
        }
        None => vec![],
    };
    let plan = plans.iter().find(|plan| plan.id == mailbox.plan);
    Ok(Show {
        shell: shell(person, cx, &mailbox),
        status: super::mailboxes::status(&mailbox),
        switches: view::switches(&mailbox, cx.now()),
        seen: view::seen(&mailbox, cx.now()),
        history: view::history(slug, &conversions, entries),
        listeners,
        plan_name: plan.map_or_else(|| mailbox.plan_slug.to_string(), |plan| plan.name.clone()),
        plans: plans
            .into_iter()
            .filter(|plan| plan.kind == mailbox.kind)
            .collect(),
        may: May {
            convert: cx.may::<ConvertMailboxes>(),
            edit: cx.may::<EditMailboxes>(),
            suspend: cx.may::<SuspendMailboxes>(),
            remove: cx.may::<RemoveMailboxes>(),
            purge: cx.may::<PurgeMailboxes>(),
            repair: cx.may::<RepairMailboxes>(),
            check: cx.may::<CheckMailboxes>(),
            import: cx.may::<ImportMail>(),
        },
        edit: Edit::of(&mailbox),
        faults: Invalid::default(),
        reason: String::new(),
        undo: conversions
            .into_iter()
            .find(|item| undoable.contains(&item.id) && cx.may::<ConvertMailboxes>()),
        import: imports::open_of(&work, mailbox.id).await?,
        mailbox,
    })
}

fn shell(person: &Person, cx: &Cx<ViewService>, mailbox: &Mailbox) -> Shell {
    let mut shell = person.shell(cx, mailbox.address.as_str(), Section::Mailboxes);
    shell.breadcrumbs.push(Crumb {
        label: "Mailboxes".to_owned(),
        href: Some(Tab::of(mailbox.kind).path(cx.tenant().slug.as_str())),
    });
    shell.breadcrumbs.push(Crumb {
        label: mailbox.display_name.clone(),
        href: None,
    });
    shell
}

/// Back to the page of the mailbox, with what was done or why nothing was.
fn answer(
    person: &Person,
    here: String,
    done: Result<Mailbox, AppError>,
    said: impl FnOnce(&Mailbox) -> String,
) -> Result<HttpResponse, Problem> {
    match done {
        Ok(mailbox) => Ok(person.done(here, said(&mailbox))),
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
        Err(AppError::Invalid(faults)) => Ok(person.refused(here, faults.to_string())),
        Err(AppError::Stale) => Ok(person.refused(
            here,
            "Somebody changed this mailbox since the page was drawn, so nothing was done. Look \
             again and repeat it.",
        )),
        Err(other) => Err(other.into()),
    }
}
