//! Mail brought in from elsewhere: the list of imports, all or those of one file, live.
pub mod lists;
pub mod new;
pub mod one;

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::imports::{self, ImportFilter};
use crate::authz::{ImportMail, ViewImports};
use crate::domain::import::{Import, ImportList, ImportState, LeftOut};
use crate::domain::{ImportListId, MailboxId};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, size, thousands};
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, with_query};
use crate::web::parts::{Part, Parts};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

/// Which imports.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    list: String,
    #[serde(default)]
    mailbox: String,
    #[serde(flatten)]
    place: Place,
}

impl Asked {
    fn filter(&self) -> Result<ImportFilter, Problem> {
        Ok(ImportFilter {
            state: ImportState::parse(&self.state),
            list: id(&self.list)?.map(ImportListId),
            mailbox: id(&self.mailbox)?.map(MailboxId),
        })
    }
}

fn id(text: &str) -> Result<Option<uuid::Uuid>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Problem::no_such_path())
}

#[derive(Template)]
#[template(path = "imports/index.html")]
struct Index {
    shell: Shell,
    rows: Vec<Import>,
    links: Links,
    total: u64,
    asked: Asked,
    counts: HashMap<ImportState, u64>,
    list: Option<(ImportList, Vec<LeftOut>)>,
    may: bool,
}

impl Index {
    fn filtered(&self, state: &str) -> String {
        let path = urls::imports(&self.shell.tenant.slug);
        let query = [
            ("state", state),
            ("list", self.asked.list.as_str()),
            ("mailbox", self.asked.mailbox.as_str()),
        ];
        with_query(&path, &query)
    }

    fn count(&self, state: ImportState) -> u64 {
        self.counts.get(&state).copied().unwrap_or_default()
    }

    fn all(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many are not over and not waiting for somebody.
    fn busy(&self) -> bool {
        ImportState::DUE.iter().any(|state| self.count(*state) > 0)
    }

    /// How many may be stopped.
    fn open(&self) -> u64 {
        let open = ImportState::ALL.iter().filter(|state| !state.is_over());
        open.map(|state| self.count(*state)).sum()
    }

    /// Address, words, whether it is chosen.
    fn tabs(&self) -> Vec<(String, String, bool)> {
        let all = format!("All {}", thousands(self.all()));
        let mut tabs = vec![(self.filtered(""), all, self.asked.state.is_empty())];
        for state in ImportState::ALL.iter().copied() {
            let chosen = self.asked.state == state.as_str();
            if self.count(state) > 0 || chosen {
                let words = format!("{} {}", status(state).1, thousands(self.count(state)));
                tabs.push((self.filtered(state.as_str()), words, chosen));
            }
        }
        tabs
    }

    /// The states in one bar.
    fn parts(&self) -> Parts {
        use ImportState::{
            Cancelled, Copying, CuttingOver, Done, Failed, Following, Tried, Trying,
        };
        let part = |noun: &str, state: ImportState| Part {
            tone: status(state).0,
            count: self.count(state),
            noun: noun.to_owned(),
            href: self.filtered(state.as_str()),
        };
        Parts(vec![
            part("done", Done),
            part("need somebody", Failed),
            part("copied and following", Following),
            part("finishing", CuttingOver),
            part("copying", Copying),
            part("wait for your start", Tried),
            part("being looked at", Trying),
            part("stopped", Cancelled),
        ])
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn status(&self, import: &Import) -> (Tone, &'static str) {
        status(import.state)
    }

    /// The form for a file.
    fn many(&self) -> String {
        with_query(&urls::new_import(&self.shell.tenant.slug), &[("many", "1")])
    }

    fn href(&self, import: &Import) -> String {
        urls::import(&self.shell.tenant.slug, import.id)
    }

    fn shown(&self) -> String {
        format!("{} of", thousands(self.rows.len() as u64))
    }

    fn whole(&self) -> String {
        thousands(self.total)
    }

    fn done(&self) -> String {
        thousands(self.count(ImportState::Done))
    }

    fn of(&self) -> String {
        format!("of {} done", thousands(self.all()))
    }
}

/// Its state, for people.
#[must_use]
pub const fn status(state: ImportState) -> (Tone, &'static str) {
    match state {
        ImportState::Trying => (Tone::Busy, "Looking"),
        ImportState::Tried => (Tone::Wait, "Waits for you"),
        ImportState::Copying => (Tone::Busy, "Copying"),
        ImportState::Following => (Tone::Good, "Following"),
        ImportState::CuttingOver => (Tone::Busy, "Finishing"),
        ImportState::Done => (Tone::Good, "Done"),
        ImportState::Failed => (Tone::Bad, "Failed"),
        ImportState::Cancelled => (Tone::Off, "Stopped"),
    }
}

/// Where it is, in a sentence.
#[must_use]
pub fn said(import: &Import) -> String {
    if let Some(waits) = &import.waiting_for {
        return waits.clone();
    }
    let progress = import.progress;
    let (done, total) = (progress.messages_done, progress.messages_total);
    match import.state {
        ImportState::Trying => "Signs in there and counts; nothing is changed.".to_owned(),
        ImportState::Tried => {
            let found = import.found.as_deref().unwrap_or_default();
            let messages = found.iter().map(|folder| folder.messages).sum();
            format!("{} in {}", messages_of(messages), folders_of(found.len()))
        }
        ImportState::Copying | ImportState::CuttingOver if total > 0 => {
            format!("{} of {}", thousands(done), messages_of(total))
        }
        ImportState::Copying => "Waits for its turn".to_owned(),
        ImportState::CuttingOver => "The last pass is due".to_owned(),
        ImportState::Following => format!("{} are here; new ones follow", messages_of(done)),
        ImportState::Done if different(import) > 0 => {
            format!("{} differ or are missing", messages_of(different(import)))
        }
        ImportState::Done => format!("{} brought in", messages_of(import.report.copied)),
        ImportState::Failed => import.error.clone().unwrap_or_default(),
        ImportState::Cancelled => "What was copied stays".to_owned(),
    }
}

/// How many did not arrive as they were.
fn different(import: &Import) -> u64 {
    let differences = import.report.differences.as_ref().map_or(0, Vec::len) as u64;
    import.report.not_imported_count + differences
}

/// "1 message", "18,204 messages".
fn messages_of(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        n => format!("{} messages", thousands(n)),
    }
}

fn folders_of(count: usize) -> String {
    match count {
        1 => "1 folder".to_owned(),
        n => format!("{} folders", thousands(n as u64)),
    }
}

/// Bytes for people; a dash for nought, which also means that the server does not tell.
#[must_use]
pub fn bytes_or_dash(bytes: u64) -> String {
    match bytes {
        0 => "–".to_owned(),
        bytes => size(bytes),
    }
}

/// `GET /t/{tenant}/imports`
pub async fn index(
    person: Person,
    cx: Cx<ViewImports>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let filter = asked.filter()?;
    let work = cx.begin().await?;
    let page = imports::list(&work, &filter, &asked.place.request()?).await?;
    let list = match filter.list {
        Some(list) => Some(imports::lists::find(&work, list).await?),
        None => None,
    };
    let slug = cx.tenant().slug.as_str();
    let path = urls::imports(slug);
    let query = [
        ("state", asked.state.as_str()),
        ("list", asked.list.as_str()),
        ("mailbox", asked.mailbox.as_str()),
    ];
    let shell = match &list {
        Some((list, _)) => person
            .shell(&cx, list.name.as_str(), Section::Imports)
            .step("Imports", urls::imports(slug))
            .step(list.name.as_str(), None),
        None => person
            .shell(&cx, "Imports", Section::Imports)
            .step("Imports", None),
    };
    person.page(&Index {
        shell,
        links: asked.place.links(&path, &query, page.next.as_deref()),
        counts: imports::counts(&work, &filter).await?,
        rows: page.items,
        total: page.total,
        asked: asked.into_inner(),
        list,
        may: cx.may::<ImportMail>(),
    })
}
