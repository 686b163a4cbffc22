//! Draws pages: fills the frame around them from the person and the tenant, and sends them.
use actix_web::HttpResponse;
use actix_web::http::header::{ContentType, LOCATION};
use askama::Template;

use super::cx::{Person, Visitor};
use super::error::Problem;
use super::nav::{Section, navigation};
use super::shell::{Crumb, Flash, PersonLabel, PlainShell, Shell, ShellLinks, TenantLabel, Theme};
use super::urls;
use crate::app::AppError;
use crate::authz::{
    Permission, ViewApiKeys, ViewAudit, ViewConversions, ViewDomains, ViewImports, ViewMailboxes,
    ViewMessages, ViewSeats, ViewServers, ViewTenants, ViewUsers,
};
use crate::domain::{Invalid, TenantKind};
use crate::store::Cx;

/// The panel's own name.
pub const BRAND: &str = "Pilothouse";

impl Person {
    /// The frame of a page of this tenant. The page's own place is the last breadcrumb; give the
    /// ones above it with [`Shell::breadcrumbs`].
    #[must_use]
    pub fn shell<P: Permission>(
        &self,
        cx: &Cx<P>,
        title: impl Into<String>,
        section: Section,
    ) -> Shell {
        let slug = cx.tenant().slug.as_str();
        Shell {
            title: title.into(),
            brand: BRAND.to_owned(),
            tenant: TenantLabel {
                slug: slug.to_owned(),
                name: cx.tenant().name.clone(),
                parent: None,
            },
            person: PersonLabel {
                name: self.signed_in.display_name.clone(),
                role: format!("{}, {}", capital(cx.role().as_str()), cx.tenant().name),
            },
            theme: Theme::parse(&self.signed_in.theme),
            nav: navigation(places(cx), Some(section)),
            breadcrumbs: vec![Crumb {
                label: cx.tenant().name.clone(),
                href: Some(urls::overview(slug)),
            }],
            flash: self.flash.clone(),
            links: ShellLinks {
                home: urls::overview(slug),
                tenants: cx.may::<ViewTenants>().then(urls::choose_tenant),
                search: Some(urls::users(slug)),
                theme: urls::theme(),
                sign_out: urls::sign_out(),
            },
            now: cx.now(),
        }
    }

    /// 200 with a page.
    pub fn page(&self, page: &impl Template) -> Result<HttpResponse, Problem> {
        let mut answer = HttpResponse::Ok();
        if self.flash.is_some() {
            answer.cookie(self.site.cookies.flash_said());
        }
        draw(&mut answer, page)
    }

    /// 303 to a page that says what was done.
    #[must_use]
    pub fn done(&self, to: String, text: impl Into<String>) -> HttpResponse {
        self.say(to, false, text.into())
    }

    /// 303 to a page that says why nothing was done.
    #[must_use]
    pub fn refused(&self, to: String, text: impl Into<String>) -> HttpResponse {
        self.say(to, true, text.into())
    }

    fn say(&self, to: String, bad: bool, text: String) -> HttpResponse {
        HttpResponse::SeeOther()
            .insert_header((LOCATION, to))
            .cookie(self.site.cookies.flash(&Flash { bad, text }))
            .finish()
    }
}

impl Visitor {
    /// The frame of a page for people who are not signed in.
    #[must_use]
    pub fn shell(&self, title: impl Into<String>) -> PlainShell {
        PlainShell {
            title: title.into(),
            brand: BRAND.to_owned(),
            theme: Theme::Auto,
            home: "/".to_owned(),
        }
    }
}

/// The places that the role reaches.
fn places<P: Permission>(cx: &Cx<P>) -> Vec<(Section, String, Option<super::nav::Count>)> {
    let slug = cx.tenant().slug.as_str();
    let platform = cx.tenant().kind == TenantKind::Platform;
    let parent = cx.tenant().kind != TenantKind::Customer;
    [
        (
            cx.may::<ViewMailboxes>(),
            Section::Overview,
            urls::overview(slug),
        ),
        (
            parent && cx.may::<ViewTenants>(),
            Section::Tenants,
            urls::tenants(slug),
        ),
        (
            cx.may::<ViewDomains>(),
            Section::Domains,
            urls::domains(slug),
        ),
        (cx.may::<ViewUsers>(), Section::Users, urls::users(slug)),
        (
            cx.may::<ViewMailboxes>(),
            Section::Mailboxes,
            urls::pop_imap_mailboxes(slug),
        ),
        (
            cx.may::<ViewConversions>(),
            Section::Conversions,
            urls::conversions(slug),
        ),
        (
            cx.may::<ViewImports>(),
            Section::Imports,
            urls::imports(slug),
        ),
        (
            cx.may::<ViewMessages>(),
            Section::Messages,
            urls::messages(slug),
        ),
        (
            platform && cx.may::<ViewServers>(),
            Section::MailServers,
            urls::mail_servers(slug),
        ),
        (cx.may::<ViewSeats>(), Section::Plans, urls::seats(slug)),
        (
            cx.may::<ViewApiKeys>(),
            Section::ApiKeys,
            urls::api_keys(slug),
        ),
        (cx.may::<ViewAudit>(), Section::Audit, urls::audit(slug)),
        (
            cx.may::<ViewTenants>(),
            Section::Settings,
            urls::settings(slug),
        ),
    ]
    .into_iter()
    .filter_map(|(seen, section, href)| seen.then_some((section, href, None)))
    .collect()
}

/// A page with the status of `answer`; for a form that came back, `HttpResponse::build(422)`.
pub fn draw(
    answer: &mut actix_web::HttpResponseBuilder,
    page: &impl Template,
) -> Result<HttpResponse, Problem> {
    let body = page.render().map_err(|error| {
        tracing::error!(error = %error, "a page cannot be drawn");
        Problem::internal()
    })?;
    Ok(answer.content_type(ContentType::html()).body(body))
}

/// A form that came back: 422, so that scripts and tests can tell.
pub fn form_again(page: &impl Template) -> Result<HttpResponse, Problem> {
    draw(&mut HttpResponse::UnprocessableEntity(), page)
}

/// What a form that came back has to say; a conflict stands at `field`. Everything else is no
/// fault of the form.
pub fn faults(error: AppError, field: &str) -> Result<Invalid, Problem> {
    match error {
        AppError::Invalid(faults) => Ok(faults),
        AppError::Conflict { detail, .. } => Ok(Invalid::field(field, detail)),
        other => Err(other.into()),
    }
}

/// A word with a capital, for the beginning of a line.
#[must_use]
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
