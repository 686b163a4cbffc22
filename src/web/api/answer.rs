//! How the API answers: one resource with its tag, a page of a list, something made, something
//! under way.
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::Ask;
use super::etag;
use super::query::Paging;
use crate::authz::Permission;
use crate::domain::Page;
use crate::store::Cx;
use crate::web::error::Problem;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// At most `limit` items, in order.
    pub items: Vec<T>,
    /// Give it as `cursor` to read on; null on the last page.
    pub next_cursor: Option<String>,
    /// All items that match, on every page together.
    pub total: u64,
}

/// A page of a list as an answer, with the next one in `Link` (RFC 8288).
pub fn list<T, W: Serialize>(
    paging: &Paging,
    page: Page<T>,
    wire: impl FnMut(T) -> W,
) -> Result<HttpResponse, Problem> {
    let next_cursor = page.next.as_deref().map(|next| paging.cursor(next));
    let mut answer = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let link = format!("<{}>; rel=\"next\"", paging.next_page(cursor));
        answer.insert_header((header::LINK, link));
    }
    let list = List {
        items: page.items.into_iter().map(wire).collect(),
        next_cursor,
        total: page.total,
    };
    json(&mut answer, &list)
}

impl<D, Q, B> Ask<D, Q, B> {
    /// 200 with the resource and its tag, or 304 when the caller has it already.
    pub fn show<W: Serialize>(&self, version: &str, wire: &W) -> Result<HttpResponse, Problem> {
        let body = serde_json::to_vec(wire).map_err(broken)?;
        let tag = etag::tag(version, &body);
        if self.conditions.has(&tag) {
            let not_modified = HttpResponse::NotModified()
                .insert_header((header::ETAG, tag))
                .insert_header((header::CACHE_CONTROL, "private, no-cache"))
                .finish();
            return Ok(not_modified);
        }
        Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, tag))
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .content_type("application/json")
            .body(body))
    }
}

impl<P: Permission, Q, B> Ask<Cx<P>, Q, B> {
    /// 201 with the new resource; 200 when it was a dry run.
    pub fn created<W: Serialize>(
        &self,
        location: &str,
        version: &str,
        wire: &W,
    ) -> Result<HttpResponse, Problem> {
        self.made(StatusCode::CREATED, location, version, wire)
    }

    /// 202 with what is under way; 200 when it was a dry run.
    pub fn accepted<W: Serialize>(
        &self,
        location: &str,
        version: &str,
        wire: &W,
    ) -> Result<HttpResponse, Problem> {
        self.made(StatusCode::ACCEPTED, location, version, wire)
    }

    fn made<W: Serialize>(
        &self,
        status: StatusCode,
        location: &str,
        version: &str,
        wire: &W,
    ) -> Result<HttpResponse, Problem> {
        made(self.cx.dry_run(), status, location, version, wire)
    }

    /// 200 with the resource as it is now.
    pub fn changed<W: Serialize>(&self, version: &str, wire: &W) -> Result<HttpResponse, Problem> {
        let body = serde_json::to_vec(wire).map_err(broken)?;
        Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, etag::tag(version, &body)))
            .content_type("application/json")
            .body(body))
    }

    /// 204; in a dry run 200 with what would go.
    pub fn removed<W: Serialize>(&self, wire: &W) -> Result<HttpResponse, Problem> {
        if self.cx.dry_run() {
            return json(&mut HttpResponse::Ok(), wire);
        }
        Ok(HttpResponse::NoContent().finish())
    }
}

/// Something made, or in a dry run what would be.
pub fn made<W: Serialize>(
    dry_run: bool,
    status: StatusCode,
    location: &str,
    version: &str,
    wire: &W,
) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(wire).map_err(broken)?;
    if dry_run {
        let mut answer = HttpResponse::Ok();
        return Ok(answer.content_type("application/json").body(body));
    }
    Ok(HttpResponse::build(status)
        .insert_header((header::LOCATION, location))
        .insert_header((header::ETAG, etag::tag(version, &body)))
        .content_type("application/json")
        .body(body))
}

/// Any other JSON.
pub fn json<W: Serialize>(
    answer: &mut HttpResponseBuilder,
    wire: &W,
) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(wire).map_err(broken)?;
    Ok(answer.content_type("application/json").body(body))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn broken(error: serde_json::Error) -> Problem {
    tracing::error!(error = %error, "an answer cannot be written");
    Problem::internal()
}
