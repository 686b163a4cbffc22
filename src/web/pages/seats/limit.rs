//! The limit of one plan at one tenant, for whoever stands above it: setting it, and taking it away.
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppError;
use crate::app::seats::{self, PlanSeats};
use crate::authz::{ManageSeats, ViewSeats};
use crate::domain::{Invalid, TenantKind};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::thousands;
use crate::web::nav::Section;
use crate::web::paging::with_query;
use crate::web::shell::Shell;
use crate::web::{frame, urls};

/// Tenant and plan.
type LimitPath = web::Path<(TenantSegment, String)>;

/// From which list somebody came, and where in it they were; carried along to lead back there.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Came {
    /// `above`: the list of the tenant above.
    #[serde(default)]
    from: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    back: String,
}

impl Came {
    /// For a form.
    fn hidden(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("from", self.from.as_str()),
            ("q", self.q.as_str()),
            ("after", self.after.as_str()),
            ("back", self.back.as_str()),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// What was typed, and what stood there when the form was drawn.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    limit: String,
    #[serde(default)]
    version: String,
    #[serde(flatten)]
    came: Came,
}

impl Typed {
    /// As the page shows numbers, too: "1,200". Nothing is no number here, since a limit is taken away
    /// by its own button.
    fn read(&self) -> Result<u64, Invalid> {
        let typed = self.limit.replace([',', ' '], "");
        let read = seats::parse_limit("limit", &typed).ok().flatten();
        read.ok_or_else(|| {
            Invalid::field(
                "limit",
                "Enter how many there are to be, as a whole number such as 25.",
            )
        })
    }
}

#[derive(Template)]
#[template(path = "seats/limit.html")]
struct Limit {
    shell: Shell,
    now: PlanSeats,
    is_customer: bool,
    /// The name of the tenant above.
    above: String,
    typed: Typed,
    /// The list that one came from.
    list: String,
    faults: Invalid,
}

impl Limit {
    async fn of(
        person: &Person,
        cx: &Cx<ViewSeats>,
        plan: &str,
        typed: Typed,
    ) -> Result<Self, Problem> {
        seats::expect_from_above(cx)?;
        let now = seats::find(&cx.begin().await?, plan).await?;
        let slug = cx.tenant().slug.as_str();
        let title = format!("Seats of {} at {}", now.plan.name, cx.tenant().name);
        let above = cx.parent().await?.map(|above| above.name);
        Ok(Self {
            shell: person
                .shell(cx, title, Section::Plans)
                .step("Plans & seats", urls::seats(slug))
                .step(now.plan.name.as_str(), None),
            list: list(cx, &typed.came, &now).await?,
            is_customer: cx.tenant().kind == TenantKind::Customer,
            above: above.unwrap_or_default(),
            typed,
            now,
            faults: Invalid::default(),
        })
    }

    fn used(&self) -> String {
        let seats = &self.now.seats;
        let used = thousands(seats.used);
        if self.is_customer {
            return used;
        }
        format!(
            "{used}: {} by mailboxes here, {} by tenants below",
            thousands(seats.taken),
            thousands(seats.used - seats.taken)
        )
    }

    fn limit(&self) -> String {
        let limit = self.now.seats.limit;
        limit.map_or_else(|| "none of its own".to_owned(), thousands)
    }

    fn left(&self) -> String {
        let seats = &self.now.seats;
        match seats.left {
            None => "no limit".to_owned(),
            Some(left) if seats.are_from_above() => {
                format!("{}, shared with others", thousands(left))
            }
            Some(left) => thousands(left),
        }
    }

    fn hint(&self) -> String {
        let seats = &self.now.seats;
        let least = match seats.used {
            0 => "0 means that none can be added".to_owned(),
            used => format!("At least {}, which are used", thousands(used)),
        };
        match seats.most {
            Some(most) => format!(
                "{least}; at most {}, which is all that {} can give.",
                thousands(most),
                self.above
            ),
            None => format!("{least}."),
        }
    }

    /// What becomes of it without a limit of its own.
    fn without(&self) -> String {
        let (name, plan) = (&self.shell.tenant.name, &self.now.plan.name);
        if self.now.seats.most.is_some() {
            format!(
                "Without a limit of its own, {name} takes seats of {plan} from what is left above it."
            )
        } else {
            format!("Without a limit, {name} may have any number of seats of {plan}.")
        }
    }

    fn fault(&self) -> &str {
        self.faults.of("limit").unwrap_or_default()
    }
}

/// Where one came from, at its place.
async fn list(cx: &Cx<ViewSeats>, came: &Came, now: &PlanSeats) -> Result<String, Problem> {
    let own = cx.tenant().slug.as_str();
    let plan = now.plan.slug.as_str();
    let above = cx.parent().await?.filter(|_| came.from == "above");
    Ok(match above {
        Some(above) => {
            let place = [
                ("plan", plan),
                ("q", came.q.as_str()),
                ("after", came.after.as_str()),
                ("back", came.back.as_str()),
            ];
            let list = with_query(&urls::seats(&above.slug), &place);
            format!("{list}#at-{own}")
        }
        None => format!("{}#plan-{plan}", urls::seats(own)),
    })
}

/// `GET /t/{tenant}/seats/{plan}`
pub async fn show(
    person: Person,
    cx: Cx<ViewSeats>,
    path: LimitPath,
    came: web::Query<Came>,
) -> Result<HttpResponse, Problem> {
    let typed = Typed {
        came: came.into_inner(),
        ..Typed::default()
    };
    let mut page = Limit::of(&person, &cx, &path.1, typed).await?;
    page.typed.version = page.now.version();
    page.typed.limit = page
        .now
        .seats
        .limit
        .map(|limit| limit.to_string())
        .unwrap_or_default();
    person.page(&page)
}

/// `POST /t/{tenant}/seats/{plan}`
pub async fn set(
    person: Person,
    cx: Cx<ManageSeats>,
    path: LimitPath,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let typed = form.into_inner();
    let done = async {
        let limit = typed.read()?;
        let version = Some(typed.version.as_str()).filter(|version| !version.is_empty());
        seats::set(cx.begin().await?, &path.1, Some(limit), version).await
    };
    let faults = match done.await {
        Ok(now) => {
            return Ok(person.done(
                list(&cx.narrow(), &typed.came, &now).await?,
                set_to(&cx, &now),
            ));
        }
        Err(AppError::Stale) => Invalid::field(
            "limit",
            "Somebody changed this limit meanwhile. What you typed is still here; compare it with \
             what stands above and save again.",
        ),
        Err(error) => frame::faults(error, "limit")?,
    };
    let mut page = Limit::of(&person, &cx.narrow(), &path.1, typed).await?;
    page.typed.version = page.now.version();
    page.faults = faults;
    frame::form_again(&page)
}

fn set_to(cx: &Cx<ManageSeats>, now: &PlanSeats) -> String {
    let (name, plan) = (&cx.tenant().name, &now.plan.name);
    match now.seats.limit {
        None => format!("{name} has no limit of its own on {plan}."),
        Some(1) => format!("{name} has 1 seat of {plan} now."),
        Some(limit) => format!("{name} has {} seats of {plan} now.", thousands(limit)),
    }
}

/// `POST /t/{tenant}/seats/{plan}/removal`
pub async fn remove(
    person: Person,
    cx: Cx<ManageSeats>,
    path: LimitPath,
    came: web::Form<Came>,
) -> Result<HttpResponse, Problem> {
    let now = seats::set(cx.begin().await?, &path.1, None, None).await?;
    Ok(person.done(list(&cx.narrow(), &came, &now).await?, set_to(&cx, &now)))
}
