//! A selection as CSV (RFC 4180), for a spreadsheet: sent chunk by chunk as it is read, so that a
//! hundred thousand rows take no more memory than two hundred.
use std::io;

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::{Stream, stream};

use super::error::Problem;
use super::spreadsheet::guarded;
use crate::app::drafts;
use crate::authz::ViewConversions;
use crate::domain::BatchId;
use crate::domain::selection::{Choice, Group, Verdict};
use crate::store::Cx;

/// Rows read and sent together.
const CHUNK: u64 = 500;

const HEAD: [&str; 14] = [
    "row", "address", "name", "verdict", "reason", "detail", "way", "server", "goes_to", "plan",
    "opens", "closes", "messages", "bytes",
];

/// Sends the rows of a batch's selection, those of a group or all.
pub async fn send(
    cx: Cx<ViewConversions>,
    batch: BatchId,
    group: Option<Group>,
) -> Result<HttpResponse, Problem> {
    crate::app::conversions::find(&cx.begin().await?, batch).await?;
    let first = chunk(&cx, batch, group.as_ref(), None).await?;
    let name = format!("attachment; filename=\"conversion-{batch}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(rows(cx, batch, group, first)))
}

async fn chunk(
    cx: &Cx<ViewConversions>,
    batch: BatchId,
    group: Option<&Group>,
    last: Option<&Choice>,
) -> Result<Vec<Choice>, Problem> {
    Ok(drafts::next_choices(&cx.begin().await?, batch, group, last, CHUNK).await?)
}

/// A chunk that cannot be read is a fault of the stream: the connection ends in the middle of the body,
/// and whoever downloads is told that it broke off. What was read before it has been sent.
fn rows(
    cx: Cx<ViewConversions>,
    batch: BatchId,
    group: Option<Group>,
    first: Vec<Choice>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let begun = (cx, group, Some(Ok::<_, Problem>(first)), true);
    stream::unfold(begun, move |(cx, group, found, head)| async move {
        let found = match found? {
            Ok(found) => found,
            Err(fault) => {
                tracing::error!(%batch, %fault, "a download is cut off");
                let cut_off = io::Error::other(fault.to_string());
                return Some((Err(cut_off), (cx, group, None, false)));
            }
        };
        let bytes = written(head, &found);
        let next = match found.last() {
            Some(last) => Some(chunk(&cx, batch, group.as_ref(), Some(last)).await),
            None => None,
        };
        let next = next.filter(|read| !read.as_ref().is_ok_and(Vec::is_empty));
        Some((Ok(Bytes::from(bytes)), (cx, group, next, false)))
    })
}

fn written(head: bool, rows: &[Choice]) -> Vec<u8> {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory does not fail, and a row has as many cells as the head.
    let _ = head.then(|| csv.write_record(HEAD));
    for row in rows {
        let _ = csv.write_record(cells(row).map(|cell| guarded(&cell)));
    }
    csv.into_inner().unwrap_or_default()
}

fn cells(row: &Choice) -> [String; 14] {
    let listed = |labels: Vec<String>| labels.join(", ");
    let closes = row.closes.iter().map(|closing| {
        let label = closing.protocol.as_str();
        let used = closing.last_used_at.map(|at| at.format("%Y-%m-%d"));
        used.map_or_else(|| label.to_owned(), |day| format!("{label} (used {day})"))
    });
    let verdict = match row.verdict {
        Verdict::Blocked => "left out",
        Verdict::Attention => "needs attention",
        other => other.as_str(),
    };
    [
        row.line.map(|line| line.to_string()).unwrap_or_default(),
        row.address.clone(),
        row.name.clone(),
        verdict.to_owned(),
        row.blocker.clone(),
        row.why.clone(),
        row.way.map_or("", crate::domain::Way::as_str).to_owned(),
        row.server.clone(),
        row.goes_to.clone(),
        row.plan_change.clone(),
        listed(row.opens.iter().map(|p| p.as_str().to_owned()).collect()),
        listed(closes.collect()),
        row.messages.to_string(),
        row.bytes.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_row_has_all_cells() {
        let row = Choice::named(7, "=HYPERLINK(\"x\"),y").unknown();
        let text = String::from_utf8(written(true, &[row])).unwrap();
        let (head, rest) = text.split_once("\r\n").unwrap();
        assert!(head.starts_with("row,address,name,verdict,reason"));
        assert!(
            rest.starts_with("7,\"'=HYPERLINK(\"\"x\"\"),y\",,left out,not_an_address,"),
            "{rest}"
        );
    }
}
