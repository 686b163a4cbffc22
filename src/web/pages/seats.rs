//! Plans and seats: which plans a tenant may use, how many mailboxes of each it may have, and what
//! the tenants below have of them. Setting one limit is in [`limit`].
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::seats::{self, PlanSeats, TenantSeats};
use crate::authz::{CreateTenants, ManageSeats, ViewSeats};
use crate::domain::{Kind, Page, Seats, Tenant, TenantKind};
use crate::store::{Cx, Work};
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, size, thousands};
use crate::web::frame::capital;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, typed, with_query};
use crate::web::shell::Shell;
use crate::web::urls;

pub mod limit;

/// Which tenants below, and of which plan.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    plan: String,
    #[serde(default)]
    q: String,
    #[serde(flatten)]
    place: Place,
}

/// How many seats of how many, as a row says it.
#[derive(Debug, Clone, Copy)]
struct Figures(Seats);

impl Figures {
    fn amount(self) -> String {
        thousands(self.0.used)
    }

    fn of(self) -> String {
        match self.0.limit {
            Some(limit) => format!("of {}", thousands(limit)),
            None => "used".to_owned(),
        }
    }

    fn value(self) -> String {
        self.0
            .used
            .min(self.0.limit.unwrap_or(u64::MAX))
            .to_string()
    }

    fn max(self) -> String {
        self.0.limit.unwrap_or_default().max(1).to_string()
    }

    fn left(self) -> String {
        self.0.left.map_or_else(|| "no limit".to_owned(), thousands)
    }

    /// Others take from the same limit, which stands above.
    fn is_shared(self) -> bool {
        self.0.are_from_above()
    }

    fn is_unlimited(self) -> bool {
        self.0.left.is_none()
    }

    fn is_own(self) -> bool {
        self.0.limit.is_some()
    }

    /// None is left, and some were to be had.
    fn is_out(self) -> bool {
        self.0.left == Some(0) && self.0.limit != Some(0)
    }

    fn is_low(self) -> bool {
        self.is_out() || self.0.run_out()
    }
}

/// A plan that the tenant may use.
struct PlanRow {
    slug: String,
    name: String,
    kind: Kind,
    size: String,
    price_code: Option<String>,
    /// The tenant's own mailboxes of it.
    here: u64,
    /// What the tenants below take of it.
    below: u64,
    seats: Figures,
    mailboxes_href: String,
}

/// A tenant right below, with what it has of one plan.
struct BelowRow {
    slug: String,
    name: String,
    kind: String,
    seats: Figures,
}

/// The tenants right below, for one plan.
struct Below {
    plan: String,
    plan_name: String,
    q: String,
    place: Place,
    page: Page<BelowRow>,
    links: Links,
    /// How many may still be handed out.
    said: String,
}

impl Below {
    /// Nobody is there whom one could look for.
    fn is_alone(&self) -> bool {
        self.q.is_empty() && self.page.total == 0 && self.place == Place::default()
    }

    fn total(&self) -> String {
        thousands(self.page.total)
    }

    /// Where the limit of one of them is set; it leads back to this place of the list.
    fn change_href(&self, slug: &str) -> String {
        let came = [
            ("from", "above"),
            ("q", self.q.as_str()),
            ("after", self.place.after.as_str()),
            ("back", self.place.back.as_str()),
        ];
        with_query(&urls::seat_limit(slug, &self.plan), &came)
    }
}

#[derive(Template)]
#[template(path = "seats/index.html")]
struct Index {
    shell: Shell,
    plans: Vec<PlanRow>,
    below: Option<Below>,
    /// The tenant above, where the person may know of it.
    above: Option<Tenant>,
    is_platform: bool,
    is_customer: bool,
    /// Whether the person stands above this tenant and sets its limits.
    may_set: bool,
    /// Whether the person sets the limits of those below.
    may_hand_down: bool,
    may_add: bool,
}

impl Index {
    fn lede(&self) -> String {
        let name = &self.shell.tenant.name;
        if self.is_platform {
            format!(
                "What {name} sells. It has no limit itself; it gives seats to the tenants below."
            )
        } else if self.may_set {
            format!(
                "How many mailboxes of each plan {name} may have. You stand above it, so its limits are set here."
            )
        } else {
            format!(
                "How many mailboxes of each plan {name} may have. Whoever stands above it sets the limits; ask there for more."
            )
        }
    }

    fn no_plan(&self) -> &'static str {
        if self.is_platform {
            "A plan is what mailboxes are sold as: a kind, a size, a price code. Until there is one, nobody can add a mailbox."
        } else {
            "A plan is what mailboxes are sold as. Until somebody above offers one, no mailbox can be added here; ask there."
        }
    }

    /// The tenants below, for a plan.
    fn below_href(&self, plan: &str) -> String {
        let list = urls::seats(&self.shell.tenant.slug);
        format!("{}#below", with_query(&list, &[("plan", plan)]))
    }
}

/// `GET /t/{tenant}/seats`
pub async fn index(
    person: Person,
    cx: Cx<ViewSeats>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let plans = seats::list(&work).await?;
    let kind = cx.tenant().kind;
    let shown = shown(&plans, &asked.plan).filter(|_| kind != TenantKind::Customer);
    let below = match shown {
        Some(shown) => Some(below(&cx, &work, shown, &asked).await?),
        None => None,
    };
    let slug = cx.tenant().slug.as_str();
    person.page(&Index {
        shell: person
            .shell(&cx, "Plans & seats", Section::Plans)
            .step("Plans & seats", None),
        plans: plans.iter().map(|plan| plan_row(slug, plan)).collect(),
        below,
        above: cx.parent().await?,
        is_platform: kind == TenantKind::Platform,
        is_customer: kind == TenantKind::Customer,
        may_set: seats::may_set(&cx),
        may_hand_down: cx.may::<ManageSeats>(),
        may_add: cx.may::<CreateTenants>() && kind != TenantKind::Customer,
    })
}

/// The plan that was asked for, or else the first. A plan of another name is none.
fn shown<'a>(plans: &'a [PlanSeats], asked: &str) -> Option<&'a PlanSeats> {
    let named = plans.iter().find(|one| one.plan.slug.as_str() == asked);
    named.or_else(|| plans.first())
}

fn plan_row(tenant: &str, one: &PlanSeats) -> PlanRow {
    let plan = &one.plan;
    PlanRow {
        slug: plan.slug.to_string(),
        name: plan.name.clone(),
        kind: plan.kind,
        size: size(plan.quota_bytes.unsigned_abs()),
        price_code: plan.price_code.clone(),
        here: one.seats.taken,
        below: one.seats.used - one.seats.taken,
        seats: Figures(one.seats),
        mailboxes_href: match plan.kind {
            Kind::PopImap => urls::pop_imap_mailboxes(tenant),
            Kind::Exchange => urls::exchange_mailboxes(tenant),
        },
    }
}

/// The page of tenants right below that was asked for.
async fn below(
    cx: &Cx<ViewSeats>,
    work: &Work<ViewSeats>,
    shown: &PlanSeats,
    asked: &Asked,
) -> Result<Below, Problem> {
    let plan = &shown.plan;
    let request = asked.place.request()?;
    let q = typed(&asked.q);
    let page = seats::below(work, plan, q.as_deref(), &request).await?;
    let query = [("plan", plan.slug.as_str()), ("q", asked.q.as_str())];
    let path = urls::seats(&cx.tenant().slug);
    let anchored = |href: String| match href.as_str() {
        "" => href,
        _ => format!("{href}#below"),
    };
    let Links { back, on } = asked.place.links(&path, &query, page.next.as_deref());
    Ok(Below {
        plan: plan.slug.to_string(),
        plan_name: plan.name.clone(),
        q: asked.q.clone(),
        place: asked.place.clone(),
        said: left_to_give(&cx.tenant().name, shown),
        links: Links {
            back: anchored(back),
            on: anchored(on),
        },
        page: page.map(below_row),
    })
}

fn left_to_give(name: &str, shown: &PlanSeats) -> String {
    let plan = &shown.plan.name;
    match shown.seats.left {
        None => format!("Nothing limits how many seats of {plan} can be given."),
        Some(1) => format!("{name} has 1 seat of {plan} left."),
        Some(left) => format!("{name} has {} seats of {plan} left.", thousands(left)),
    }
}

fn below_row(one: TenantSeats) -> BelowRow {
    BelowRow {
        slug: one.tenant.slug.to_string(),
        kind: capital(one.tenant.kind.as_str()),
        name: one.tenant.name,
        seats: Figures(one.seats),
    }
}
