//! `/api/docs`: the document for people, drawn by Redoc from our own files, so that it works without
//! the internet.
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use askama::Template;

use crate::web::error::Problem;
use crate::web::{assets, frame};

/// Named by its version: it never changes.
pub const SCRIPT: &str = "/api/docs/redoc-2.5.4.js";

/// Redoc writes styles into the page and searches in a worker: this page alone allows both.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "api/docs.html")]
struct Docs;

/// Redoc itself (MIT; its licence is beside it in `static/vendor`).
pub async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(assets::file("vendor/redoc/redoc.standalone.js"))
}

/// The page.
pub async fn show() -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    frame::draw(&mut answer, &Docs)
}
