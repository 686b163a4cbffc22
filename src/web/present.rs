//! Turns whatever went wrong into one of two shapes: `problem+json` below `/api`, a page elsewhere.
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentType};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError as _};
use askama::Template;

use super::error::Problem;
use super::shell::{PlainShell, Theme};

/// Middleware: the last to touch an answer before it is compressed.
pub async fn present<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let api = request.path().starts_with("/api/");
    let answer = match next.call(request).await {
        Ok(answer) => answer.map_into_boxed_body(),
        // Nothing below answers so; were it to, actix would answer in plain text.
        Err(error) => return Err(error),
    };
    let Some(problem) = problem(&answer, api) else {
        return Ok(answer);
    };
    let said = if api {
        problem.error_response()
    } else {
        page(&problem)
    };
    Ok(answer.into_response(said))
}

/// What has to be said, unless the handler said it already.
fn problem<B>(answer: &ServiceResponse<B>, api: bool) -> Option<Problem> {
    if let Some(problem) = answer
        .response()
        .error()
        .and_then(|error| error.as_error::<Problem>())
    {
        return Some(problem.clone());
    }
    let status = answer.status();
    let spoken = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| {
            let wanted = if api {
                super::error::PROBLEM_JSON
            } else {
                "text/html"
            };
            kind.as_bytes().starts_with(wanted.as_bytes())
        });
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !spoken).then(|| Problem::of(status))
}

/// An error for people.
#[derive(Template)]
#[template(path = "errors/problem.html")]
struct ProblemPage<'a> {
    shell: PlainShell,
    status: u16,
    detail: &'a str,
}

fn page(problem: &Problem) -> HttpResponse {
    if problem.status().is_redirection() {
        return problem.builder().finish();
    }
    let page = ProblemPage {
        shell: PlainShell {
            title: problem.title().to_owned(),
            brand: super::frame::BRAND.to_owned(),
            theme: Theme::Auto,
            home: "/".to_owned(),
        },
        status: problem.status().as_u16(),
        detail: problem.detail(),
    };
    let body = page
        .render()
        .unwrap_or_else(|_| problem.detail().to_owned());
    problem
        .builder()
        .content_type(ContentType::html())
        .body(body)
}
