//! Signing in and out, the way back to where one came from, and how bright one wants the panel.
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

use crate::app::{AppError, sign_in};
use crate::web::cx::{Person, Visitor};
use crate::web::error::Problem;
use crate::web::frame;
use crate::web::shell::{Flash, PlainShell};
use crate::web::urls;

/// Where somebody wanted to go before we asked who it is.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// What was typed; the password is never sent back.
#[derive(Debug, Default, Deserialize)]
pub struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign-in/index.html")]
struct SignInPage {
    shell: PlainShell,
    said: Option<Flash>,
    form: Credentials,
    refused: String,
}

impl SignInPage {
    fn new(visitor: &Visitor, form: Credentials, refused: impl Into<String>) -> Self {
        Self {
            shell: visitor.shell("Sign in"),
            said: visitor.flash.clone(),
            form,
            refused: refused.into(),
        }
    }
}

/// `GET /sign-in`
pub async fn show(
    visitor: Visitor,
    request: HttpRequest,
    asked: web::Query<Next>,
) -> Result<HttpResponse, Problem> {
    let next = asked.into_inner().next;
    if let Some(token) = visitor.site.cookies.token(&request)
        && sign_in::session(&visitor.site.db, &token).await?.is_some()
    {
        return Ok(see(&inside(&next)));
    }
    if sign_in::is_first_run(&visitor.site.db).await? {
        return Ok(see(&urls::first_run()));
    }
    let form = Credentials {
        next,
        ..Credentials::default()
    };
    let mut answer = HttpResponse::Ok();
    if visitor.flash.is_some() {
        answer.cookie(visitor.site.cookies.flash_said());
    }
    frame::draw(&mut answer, &SignInPage::new(&visitor, form, ""))
}

/// `POST /sign-in`
pub async fn create(
    visitor: Visitor,
    form: web::Form<Credentials>,
) -> Result<HttpResponse, Problem> {
    let form = form.into_inner();
    let signed_in = sign_in::sign_in(
        &visitor.site.db,
        form.email.trim(),
        form.password.clone(),
        &visitor.origin,
        visitor.user_agent.as_deref(),
    );
    let (mut answer, said) = match signed_in.await {
        Ok(token) => {
            return Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, inside(&form.next)))
                .cookie(visitor.site.cookies.session(&token))
                .finish());
        }
        Err(AppError::Invalid(_)) => (
            HttpResponse::UnprocessableEntity(),
            "This address and this password do not belong together. Check both and try again."
                .to_owned(),
        ),
        Err(AppError::TooMany { seconds }) => {
            let seconds = seconds.max(1);
            let mut answer = HttpResponse::TooManyRequests();
            answer.insert_header(("retry-after", seconds.to_string()));
            let said = format!(
                "Too many attempts. We look at the next one in {seconds} s; until then no password is tried."
            );
            (answer, said)
        }
        Err(other) => return Err(other.into()),
    };
    frame::draw(&mut answer, &SignInPage::new(&visitor, form, said))
}

/// `POST /sign-out`. Somebody whose session has ended already is signed out, too.
pub async fn end(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let cookies = visitor.site.cookies;
    if let Some(token) = cookies.token(&request) {
        sign_in::sign_out(&visitor.site.db, &token).await?;
    }
    let said = Flash {
        bad: false,
        text: "You are signed out.".to_owned(),
    };
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, urls::sign_in(None)))
        .cookie(cookies.session_ended())
        .cookie(cookies.flash(&said))
        .finish())
}

/// `GET /`: the overview of the highest tenant that the person has a role on.
pub async fn home(person: Person) -> Result<HttpResponse, Problem> {
    let reach = sign_in::memberships(&person.site.db, person.signed_in.member).await?;
    let highest = reach.first().ok_or_else(|| {
        AppError::Forbidden(format!(
            "{} has no role on any tenant. Ask whoever added you for one.",
            person.signed_in.email
        ))
    })?;
    Ok(see(&urls::overview(&highest.slug)))
}

/// What was chosen.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    theme: String,
}

/// `POST /theme`, which leads back to the page it was sent from.
pub async fn set_theme(
    person: Person,
    request: HttpRequest,
    chosen: web::Form<Chosen>,
) -> Result<HttpResponse, Problem> {
    let theme = crate::web::shell::Theme::parse(&chosen.theme).to_string();
    sign_in::set_theme(&person.site.db, &person.signed_in, &theme).await?;
    Ok(see(&came_from(&request, &person.site.origin)))
}

/// The page that sent the request, when it is one of ours; its `Referer` is no more than a hint.
fn came_from(request: &HttpRequest, origin: &str) -> String {
    let sent = request.headers().get("referer");
    let path = sent
        .and_then(|value| value.to_str().ok())
        .and_then(|url| url.strip_prefix(origin))
        .unwrap_or("/");
    inside(path)
}

/// A path within the panel: `next` if it is one, else the start. A browser takes `//host` and
/// `/\host` for other sites, and drops tabs and line breaks before it looks.
fn inside(next: &str) -> String {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control);
    if own { next } else { "/" }.to_owned()
}

fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, path))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn only_a_path_within_the_panel_is_followed() {
        for own in ["/", "/t/acme?q=1", "/t/acme/users/ann@acme.test"] {
            assert_eq!(inside(own), own);
        }
        for foreign in [
            "",
            "https://other.test/",
            "//other.test/",
            "/\\other.test/",
            "/\t/other.test",
            "t/acme",
        ] {
            assert_eq!(inside(foreign), "/", "{foreign:?}");
        }
    }
}
