//! Tenants: which there are, choosing one, adding a reseller or a customer.
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::tenants::{self, NewTenant, TenantSummary};
use crate::app::{AppError, sign_in};
use crate::authz::{CreateTenants, ViewTenants};
use crate::domain::{Invalid, Page, Slug, TenantKind, user::display_name};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters;
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, typed};
use crate::web::shell::Shell;
use crate::web::urls;

/// Which tenants.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(flatten)]
    place: Place,
}

#[derive(Template)]
#[template(path = "tenants/index.html")]
struct Index {
    shell: Shell,
    q: String,
    page: Page<TenantSummary>,
    links: Links,
    may_add: bool,
}

impl Index {
    /// Nothing below: the list has only the tenant that one looks at.
    fn is_alone(&self) -> bool {
        self.q.is_empty() && self.page.total < 2 && self.links.back.is_empty()
    }
}

/// `GET /t/{tenant}/tenants`
pub async fn index(
    person: Person,
    cx: Cx<ViewTenants>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let request = asked.place.request()?;
    let page = tenants::list(&cx.begin().await?, typed(&asked.q).as_deref(), &request).await?;
    let path = urls::tenants(&cx.tenant().slug);
    person.page(&Index {
        shell: person
            .shell(&cx, "Tenants", Section::Tenants)
            .step("Tenants", None),
        links: asked
            .place
            .links(&path, &[("q", &asked.q)], page.next.as_deref()),
        q: asked.q.clone(),
        page,
        may_add: cx.may::<CreateTenants>() && cx.tenant().kind != TenantKind::Customer,
    })
}

/// `GET /tenants`: the list of the highest tenant that the person has a role on.
pub async fn choose(person: Person) -> Result<HttpResponse, Problem> {
    let reach = sign_in::memberships(&person.site.db, person.signed_in.member).await?;
    let highest = reach.first().ok_or(AppError::NotFound("tenant"))?;
    let list = urls::tenants(&highest.slug);
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, list))
        .finish())
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

impl Typed {
    /// Without a short name, one is made of the name.
    fn read(&self) -> Result<NewTenant, Invalid> {
        let mut faults = Invalid::default();
        let kind = match self.kind.as_str() {
            "customer" => Some(TenantKind::Customer),
            "reseller" => Some(TenantKind::Reseller),
            _ => {
                faults.push("kind", "Choose what it is.");
                None
            }
        };
        let name = faults.take(display_name("name", &self.name));
        let short = match self.slug.trim() {
            "" => slug_of(&self.name),
            typed => typed.to_owned(),
        };
        let slug = match (&name, short.is_empty()) {
            // The fault of the name says enough.
            (None, true) => None,
            _ => faults.take(Slug::parse("slug", &short)),
        };
        match (kind, name, slug) {
            (Some(kind), Some(name), Some(slug)) => Ok(NewTenant { kind, slug, name }),
            _ => Err(faults),
        }
    }
}

/// “Alder & Finch” is `alder-finch`.
fn slug_of(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(40).collect();
    slug.trim_end_matches('-').to_owned()
}

#[derive(Template)]
#[template(path = "tenants/new.html")]
struct New {
    shell: Shell,
    form: Typed,
    faults: Invalid,
}

impl New {
    fn of(person: &Person, cx: &Cx<ViewTenants>, form: Typed, faults: Invalid) -> Self {
        let list = urls::tenants(&cx.tenant().slug);
        let shell = person.shell(cx, "Add tenant", Section::Tenants);
        Self {
            shell: shell.step("Tenants", list).step("Add", None),
            form,
            faults,
        }
    }
}

/// `GET /t/{tenant}/tenants/new`
pub async fn new(person: Person, cx: Cx<ViewTenants>) -> Result<HttpResponse, Problem> {
    if cx.tenant().kind == TenantKind::Customer {
        return Err(Problem::no_such_path());
    }
    let form = Typed {
        kind: "customer".to_owned(),
        ..Typed::default()
    };
    person.page(&New::of(&person, &cx, form, Invalid::default()))
}

/// `POST /t/{tenant}/tenants`
pub async fn create(
    person: Person,
    cx: Cx<CreateTenants>,
    form: web::Form<Typed>,
) -> Result<HttpResponse, Problem> {
    let done = async {
        let new = form.read()?;
        tenants::create(cx.begin().await?, new).await
    };
    match done.await {
        Ok(made) => {
            let said = format!("{} was added below {}.", made.tenant.name, cx.tenant().name);
            Ok(person.done(urls::overview(&made.tenant.slug), said))
        }
        Err(error) => {
            let faults = frame::faults(error, "slug")?;
            let page = New::of(&person, &cx.narrow(), form.into_inner(), faults);
            frame::form_again(&page)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::slug_of;

    #[test]
    fn a_short_name_is_made_of_the_name() {
        for (name, slug) in [
            ("Alder & Finch", "alder-finch"),
            ("  ACME, Inc. ", "acme-inc"),
            ("株式会社", ""),
            (&"a-".repeat(40), &"a-".repeat(20)[..39]),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
    }
}
