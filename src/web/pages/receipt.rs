//! The receipt of one conversion: the proof that nothing was lost, on screen, on paper and as JSON.
use std::fmt::Write as _;

use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::conversions;
use crate::authz::ViewConversions;
use crate::domain::conversion::Receipt;
use crate::domain::groupware::GroupwareSummary;
use crate::domain::snapshot::FolderSummary;
use crate::domain::{Batch, BatchId, Item, ItemId};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::{self, size, thousands};
use crate::web::nav::Section;
use crate::web::shell::{Crumb, Shell};
use crate::web::urls;

/// The path of a receipt.
pub type ItemPath = web::Path<(TenantSegment, BatchId, ItemId)>;

/// A folder, before and after.
struct Folder {
    name: String,
    before: Option<FolderSummary>,
    after: Option<FolderSummary>,
}

impl Folder {
    fn verdict(&self) -> (bool, String) {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before == after => (true, "identical".to_owned()),
            (Some(before), Some(after)) => {
                let new = after.messages.saturating_sub(before.messages);
                let grew = after.messages >= before.messages
                    && before.uidvalidity == after.uidvalidity
                    && new > 0;
                if grew {
                    (true, format!("{} new", thousands(new)))
                } else {
                    (false, "differs".to_owned())
                }
            }
            (Some(_), None) => (false, "gone".to_owned()),
            (None, Some(_)) => (true, "new since".to_owned()),
            (None, None) => (true, String::new()),
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass by reference"
    )]
    fn figures(&self, after: &bool) -> Option<(String, String, String)> {
        let side = if *after { &self.after } else { &self.before };
        let side = side.as_ref()?;
        Some((
            thousands(side.messages),
            size(side.bytes),
            short(&side.digest),
        ))
    }
}

/// The calendars and contacts that moved along with the mail.
fn moved_along(moved: &GroupwareSummary) -> String {
    let count = |n: u64, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", thousands(n)),
    };
    format!(
        "{} with {} and {}, and {} with {} moved along; each item was compared by its content.",
        count(moved.calendars, "calendar", "calendars"),
        count(moved.events, "event", "events"),
        count(moved.tasks, "task", "tasks"),
        count(moved.address_books, "address book", "address books"),
        count(moved.contacts, "contact", "contacts"),
    )
}

/// The first digits of a digest, in groups of four.
fn short(digest: &str) -> String {
    let digits: Vec<char> = digest.chars().take(12).collect();
    let groups: Vec<String> = digits.chunks(4).map(|four| four.iter().collect()).collect();
    groups.join(" ")
}

#[derive(Template)]
#[template(path = "conversions/receipt.html")]
struct Page {
    shell: Shell,
    batch: Batch,
    item: Item,
    receipt: Receipt,
    folders: Vec<Folder>,
}

impl Page {
    fn before(&self) -> (String, String, String) {
        let whole = &self.receipt.before;
        (
            thousands(whole.messages),
            size(whole.bytes),
            short(&whole.digest),
        )
    }

    fn after(&self) -> (String, String, String) {
        let whole = &self.receipt.after;
        (
            thousands(whole.messages),
            size(whole.bytes),
            short(&whole.digest),
        )
    }

    fn sentence(&self) -> &'static str {
        if self.receipt.identical {
            "Every message is there, and each is the same."
        } else {
            "Something was not as before, so the mailbox was switched back."
        }
    }

    fn story(&self) -> String {
        let receipt = &self.receipt;
        let by = match &receipt.moved {
            Some(moved) if !moved.keeps_numbers => "content, date and flags",
            _ => "content, date, flags and UID",
        };
        let mut said = format!(
            "{} messages in {} folders were read before and after and compared by {by}.",
            thousands(receipt.before.messages),
            receipt.before.folders.len(),
        );
        if let Some(moved) = &receipt.moved {
            let (from, to) = (&moved.from_server, &moved.to_server);
            let _ = write!(said, " The mailbox moved from {from} to {to}.");
        }
        if let Some(moved) = &receipt.before.groupware {
            let _ = write!(said, " {}", moved_along(moved));
        }
        match receipt.before.filters {
            None | Some(0) => {}
            Some(1) => said.push_str(" 1 filter moved along, too."),
            Some(n) => {
                let _ = write!(said, " {} filters moved along, too.", thousands(n));
            }
        }
        match receipt.arrived_meanwhile {
            0 => {}
            1 => said.push_str(" 1 new message arrived meanwhile and is there, too."),
            n => {
                said.push(' ');
                said.push_str(&thousands(n));
                said.push_str(" new messages arrived meanwhile and are there, too.");
            }
        }
        if let Some(again) = &receipt.read_again {
            said.push_str(" After the doors had opened, ");
            said.push_str(&thousands(again.unchanged));
            said.push_str(" were read in full once more and unchanged.");
        }
        said
    }

    fn took(&self) -> String {
        let took = self.receipt.finished_at - self.receipt.started_at;
        let tenths = took.num_milliseconds().max(0) / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    }

    fn json(&self) -> String {
        urls::receipt_json(&self.shell.tenant.slug, self.batch.id, self.item.id)
    }

    fn printed(&self) -> String {
        format!(
            "{}, printed {}",
            self.item.id,
            filters::in_full(self.shell.now)
        )
    }
}

/// `GET /t/{tenant}/conversions/{batch}/items/{item}/receipt`
pub async fn show(
    person: Person,
    cx: Cx<ViewConversions>,
    path: ItemPath,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let batch = conversions::find(&work, path.1).await?;
    let item = conversions::item(&work, path.1, path.2).await?;
    let receipt = item.receipt.clone().ok_or_else(Problem::no_such_path)?;
    let slug = cx.tenant().slug.as_str();
    let mut shell = person.shell(&cx, "Receipt", Section::Conversions);
    for (label, href) in [
        ("Conversions".to_owned(), Some(urls::conversions(slug))),
        (
            batch.created_at.format("%-d %b, %H:%M").to_string(),
            Some(urls::conversion(slug, batch.id)),
        ),
        ("Receipt".to_owned(), None),
    ] {
        shell.breadcrumbs.push(Crumb { label, href });
    }
    person.page(&Page {
        shell,
        folders: folders(&receipt),
        batch,
        item,
        receipt,
    })
}

/// `GET /t/{tenant}/conversions/{batch}/items/{item}/receipt.json`
pub async fn json(cx: Cx<ViewConversions>, path: ItemPath) -> Result<HttpResponse, Problem> {
    let item = conversions::item(&cx.begin().await?, path.1, path.2).await?;
    let receipt = item.receipt.ok_or_else(Problem::no_such_path)?;
    let name = format!("receipt-{}.json", item.id);
    Ok(HttpResponse::Ok()
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(name)],
        })
        .json(receipt))
}

fn folders(receipt: &Receipt) -> Vec<Folder> {
    let find = |side: &[FolderSummary], name: &str| side.iter().find(|f| f.name == name).cloned();
    let (before, after) = (&receipt.before.folders, &receipt.after.folders);
    let new = after
        .iter()
        .filter(|folder| find(before, &folder.name).is_none());
    let each = |folder: &FolderSummary| Folder {
        name: folder.name.clone(),
        before: find(before, &folder.name),
        after: find(after, &folder.name),
    };
    before.iter().chain(new).map(each).collect()
}
