//! What is done to all imports of one file, and the rows that were left out of it.
use std::fmt::Display;

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::app::imports::lists;
use crate::authz::{ImportMail, ViewImports};
use crate::domain::ImportListId;
use crate::domain::import::ImportState;
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::thousands;
use crate::web::paging::with_query;
use crate::web::spreadsheet::guarded;
use crate::web::urls;

/// The path of a file.
pub type ListPath = web::Path<(TenantSegment, ImportListId)>;

/// The imports of a file.
#[must_use]
pub fn href(tenant: impl Display, list: impl Display) -> String {
    with_query(&urls::imports(tenant), &[("list", &list.to_string())])
}

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident: $from:expr => $to:ident, $said:literal;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            person: Person,
            cx: Cx<ImportMail>,
            path: ListPath,
        ) -> Result<HttpResponse, Problem> {
            let count = lists::set_state(cx.begin().await?, path.1, $from, ImportState::$to).await?;
            let here = href(&cx.tenant().slug, path.1);
            Ok(person.done(here, format!($said, thousands(count))))
        }
    )*};
}

changes! {
    /// `POST /t/{tenant}/import-lists/{list}/start`
    start: &[ImportState::Tried] => Copying, "{} begin to copy.";
    /// `POST /t/{tenant}/import-lists/{list}/finish`
    finish: &[ImportState::Following] => CuttingOver, "{} make their last pass now.";
    /// `POST /t/{tenant}/import-lists/{list}/stop`
    stop: ImportState::ALL => Cancelled, "{} were stopped. What was copied stays.";
}

/// `GET /t/{tenant}/import-lists/{list}/left-out.csv`
pub async fn left_out(cx: Cx<ViewImports>, path: ListPath) -> Result<HttpResponse, Problem> {
    let (_, rows) = lists::find(&cx.begin().await?, path.1).await?;
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = csv.write_record(["row", "mailbox", "user", "reason"]);
    for row in rows {
        let cells = [row.line.to_string(), row.mailbox, row.user, row.why];
        let _ = csv.write_record(cells.map(|cell| guarded(&cell)));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"left-out.csv\"",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(csv.into_inner().unwrap_or_default()))
}
