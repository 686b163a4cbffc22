//! Conversions: the list of batches, and one batch, live, with what can be done about it.
pub mod choose;
pub mod draft;
mod progress;

use std::collections::HashSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono_tz::Tz;
use serde::Deserialize;

use self::progress::Line;
use crate::app::{AppError, conversions, drafts, reversals};
use crate::authz::{ConvertMailboxes, ViewConversions};
use crate::domain::headway::Headway;
use crate::domain::selection::{Group, Verdict};
use crate::domain::{Batch, BatchId, BatchState, ItemState, Page, PageRequest, schedule};
use crate::store::{Cx, Work};
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::{self, thousands};
use crate::web::nav::Section;
use crate::web::paging::{Links, Place, with_query};
use crate::web::parts::{Part, Parts};
use crate::web::shell::{Crumb, Shell, Tone};
use crate::web::urls;

/// Which rows, and which page of them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    /// Of a selection: which of its rows.
    #[serde(default)]
    group: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    back: String,
}

impl Asked {
    fn place(&self) -> Place {
        Place {
            after: self.after.clone(),
            back: self.back.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "conversions/index.html")]
struct Index {
    shell: Shell,
    batches: Vec<Batch>,
    links: Links,
    total: u64,
    may: bool,
}

impl Index {
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn done(&self, batch: &Batch) -> String {
        if batch.state == BatchState::Draft {
            return "–".to_owned();
        }
        let done = thousands(batch.counts.done + batch.counts.undone);
        format!("{done} of {}", thousands(batch.counts.total))
    }

    fn href(&self, batch: &Batch) -> String {
        urls::conversion(&self.shell.tenant.slug, batch.id)
    }

    fn whole(&self) -> String {
        thousands(self.total)
    }

    fn shown(&self) -> String {
        format!("{} of", thousands(self.batches.len() as u64))
    }
}

/// `GET /t/{tenant}/conversions`
pub async fn index(
    person: Person,
    cx: Cx<ViewConversions>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let place = asked.place();
    let page = conversions::list(&cx.begin().await?, &place.request()?).await?;
    let path = urls::conversions(&cx.tenant().slug);
    let mut shell = person.shell(&cx, "Conversions", Section::Conversions);
    shell.breadcrumbs.push(crumb("Conversions", None));
    person.page(&Index {
        shell,
        links: place.links(&path, &[], page.next.as_deref()),
        batches: page.items,
        total: page.total,
        may: cx.may::<ConvertMailboxes>(),
    })
}

fn crumb(label: &str, href: Option<String>) -> Crumb {
    Crumb {
        label: label.to_owned(),
        href,
    }
}

#[derive(Template)]
#[template(path = "conversions/show.html")]
struct Show {
    shell: Shell,
    batch: Batch,
    lines: Vec<Line>,
    parts: Parts,
    links: Links,
    total: u64,
    rows: Rows,
    headway: Option<Headway>,
    zone: Tz,
    may: bool,
    /// How many can be undone now.
    undoable: u64,
}

impl Show {
    fn messages(&self) -> String {
        let batch = self.batch.id.to_string();
        with_query(
            &urls::messages(&self.shell.tenant.slug),
            &[("batch", &batch)],
        )
    }

    fn over(&self) -> bool {
        self.batch.finished_at.is_some()
    }

    fn filtered(&self, state: &str) -> String {
        let path = urls::conversion(&self.shell.tenant.slug, self.batch.id);
        with_query(&path, &[("state", state)])
    }

    /// Which rows one can look at, with how many there are: words, address, weight, current.
    fn tabs(&self) -> Vec<(String, String, &'static str, bool)> {
        let shown = Rows::ALL
            .into_iter()
            .filter(|rows| *rows == Rows::All || *rows == self.rows || rows.count(&self.batch) > 0);
        let tab = |rows: Rows| {
            let current = rows == self.rows;
            let words = format!("{} {}", rows.label(), thousands(rows.count(&self.batch)));
            // The choice that is on is not a quiet one.
            let weight = if current { "" } else { "quiet" };
            (words, self.filtered(rows.word()), weight, current)
        };
        shown.map(tab).collect()
    }

    /// How fast it goes and how long the rest takes, once that can be told.
    fn until(&self) -> String {
        self.headway.map_or_else(String::new, |headway| {
            format!("{}, {}", headway.rate(), headway.time_left())
        })
    }

    /// "At most 5 at once."
    fn limit(&self) -> String {
        self.batch.at_once.map_or_else(String::new, |limit| {
            format!("At most {} at once.", thousands(limit.into()))
        })
    }

    fn done(&self) -> String {
        thousands(self.batch.counts.done + self.batch.counts.undone)
    }

    fn of(&self) -> String {
        format!("of {} done", thousands(self.batch.counts.total))
    }

    fn shown(&self) -> String {
        format!("{} of", thousands(self.lines.len() as u64))
    }

    fn whole(&self) -> String {
        thousands(self.total)
    }

    /// Where it stands, in a sentence beside the number.
    fn stands(&self) -> String {
        let counts = &self.batch.counts;
        match self.batch.state {
            BatchState::Draft => "Nothing happens before it is confirmed".to_owned(),
            BatchState::Scheduled => self.batch.not_before.map_or_else(
                || "Scheduled".to_owned(),
                |at| format!("Begins {}", schedule::said(self.zone, at)),
            ),
            BatchState::Paused => "Paused; what is switching finishes".to_owned(),
            BatchState::Running => format!("{} to go", thousands(counts.queued)),
            BatchState::Done => "All of them, identical".to_owned(),
            BatchState::DoneWithFailures => {
                format!("{} failed and are as they were", thousands(counts.failed))
            }
            BatchState::Cancelled => {
                format!(
                    "{} called off and as they were",
                    thousands(counts.cancelled)
                )
            }
        }
    }
}

/// The name of a batch: "50 mailboxes to Exchange".
#[must_use]
pub fn title(batch: &Batch) -> String {
    let count = match (&batch.selection, batch.state) {
        (Some(selection), BatchState::Draft) => selection.expected.max(selection.checked),
        _ => batch.counts.total,
    };
    format!("{} to {}", mailboxes(count), batch.to.label())
}

/// "1 mailbox", "3,412 mailboxes".
#[must_use]
pub fn mailboxes(count: u64) -> String {
    match count {
        1 => "1 mailbox".to_owned(),
        n => format!("{} mailboxes", thousands(n)),
    }
}

/// Its state, for people.
#[must_use]
pub fn status(batch: &Batch) -> (Tone, &'static str) {
    match batch.state {
        BatchState::Draft => (Tone::Wait, "Draft"),
        BatchState::Scheduled => (Tone::Wait, "Scheduled"),
        BatchState::Running => (Tone::Busy, "Running"),
        BatchState::Paused => (Tone::Warn, "Paused"),
        BatchState::Done => (Tone::Good, "Done"),
        BatchState::DoneWithFailures => (Tone::Bad, "Done, with failures"),
        BatchState::Cancelled => (Tone::Off, "Cancelled"),
    }
}

fn parts(batch: &Batch, href: impl Fn(&str) -> String) -> Parts {
    let part = |tone, noun: &str, rows: Rows| Part {
        tone,
        count: rows.count(batch),
        noun: noun.to_owned(),
        href: href(rows.word()),
    };
    Parts(vec![
        part(Tone::Good, "done, all identical", Rows::Done),
        part(Tone::Bad, "failed, as they were", Rows::Failed),
        part(Tone::Busy, "under way", Rows::Working),
        part(Tone::Wait, "to go", Rows::Queued),
        part(Tone::Off, "called off", Rows::Cancelled),
        part(Tone::Off, "converted back", Rows::Undone),
    ])
}

/// Which rows of a batch are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    Failed,
    Working,
    Queued,
    Done,
    Cancelled,
    Undone,
    LeftOut,
}

impl Rows {
    const ALL: [Self; 8] = [
        Self::All,
        Self::Failed,
        Self::Working,
        Self::Queued,
        Self::Done,
        Self::Cancelled,
        Self::Undone,
        Self::LeftOut,
    ];

    /// The word in the query.
    const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Failed => "failed",
            Self::Working => "working",
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
            Self::LeftOut => "left-out",
        }
    }

    fn parse(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|rows| rows.word() == word);
        found.unwrap_or(Self::All)
    }

    const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Failed => "Failed",
            Self::Working => "Under way",
            Self::Queued => "To go",
            Self::Done => "Done",
            Self::Cancelled => "Called off",
            Self::Undone => "Converted back",
            Self::LeftOut => "Left out",
        }
    }

    const fn count(self, batch: &Batch) -> u64 {
        let counts = &batch.counts;
        match self {
            Self::All => counts.total,
            Self::Failed => counts.failed,
            Self::Working => counts.working,
            Self::Queued => counts.queued - counts.working,
            Self::Done => counts.done,
            Self::Cancelled => counts.cancelled,
            Self::Undone => counts.undone,
            Self::LeftOut => counts.left_out,
        }
    }

    const fn states(self) -> &'static [ItemState] {
        match self {
            Self::All | Self::LeftOut => &[],
            Self::Failed => &[ItemState::Failed],
            Self::Working => &ItemState::WORKING,
            Self::Queued => &[ItemState::Queued],
            Self::Done => &[ItemState::Done],
            Self::Cancelled => &[ItemState::Cancelled],
            Self::Undone => &[ItemState::Undone],
        }
    }
}

/// The path of a batch.
pub type BatchPath = web::Path<(TenantSegment, BatchId)>;

/// `GET /t/{tenant}/conversions/{batch}`
pub async fn show(
    person: Person,
    cx: Cx<ViewConversions>,
    path: BatchPath,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let work = cx.begin().await?;
    let batch = conversions::find(&work, path.1).await?;
    if batch.state == BatchState::Draft {
        // It takes a transaction of its own.
        drop(work);
        return draft::show(&person, &cx, batch, &asked).await;
    }
    let rows = Rows::parse(&asked.state);
    let place = asked.place();
    let page = lines(&cx, &work, &batch, rows, &place.request()?).await?;
    let may = cx.may::<ConvertMailboxes>();
    let undoable = if may {
        reversals::count(&work, batch.id).await?
    } else {
        0
    };
    let slug = cx.tenant().slug.as_str();
    let here = urls::conversion(slug, batch.id);
    let mut shell = person.shell(&cx, title(&batch), Section::Conversions);
    shell
        .breadcrumbs
        .push(crumb("Conversions", Some(urls::conversions(slug))));
    let day = batch.created_at.format("%-d %b, %H:%M").to_string();
    shell.breadcrumbs.push(crumb(&day, None));
    let query = [("state", asked.state.as_str())];
    person.page(&Show {
        shell,
        parts: parts(&batch, |state| with_query(&here, &[("state", state)])),
        links: place.links(&here, &query, page.next.as_deref()),
        total: page.total,
        lines: page.items,
        rows,
        headway: conversions::headway(&work, &batch).await?,
        zone: schedule::zone(&cx.tenant().time_zone),
        may,
        undoable,
        batch,
    })
}

/// One page of rows.
async fn lines(
    cx: &Cx<ViewConversions>,
    work: &Work<ViewConversions>,
    batch: &Batch,
    rows: Rows,
    page: &PageRequest,
) -> Result<Page<Line>, Problem> {
    let slug = cx.tenant().slug.as_str();
    if rows == Rows::LeftOut {
        let group = Group::Verdict(Verdict::Blocked);
        let found = drafts::choices_of(work, batch.id, Some(&group), batch.counts.left_out, page);
        let found = found.await?;
        return Ok(found.map(|choice| Line::left_out(slug, &choice)));
    }
    let total = rows.count(batch);
    let found = conversions::items_of(work, batch.id, rows.states(), total, page).await?;
    let undoable = if cx.may::<ConvertMailboxes>() {
        reversals::undoable_among(work, &found.items).await?
    } else {
        HashSet::new()
    };
    Ok(found.map(|item| Line::new(slug, &item, undoable.contains(&item.id))))
}

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident => $said:literal;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            person: Person,
            cx: Cx<ConvertMailboxes>,
            path: BatchPath,
        ) -> Result<HttpResponse, Problem> {
            let here = urls::conversion(&cx.tenant().slug, path.1);
            match conversions::$name(cx.begin().await?, path.1).await {
                Ok(_) => Ok(person.done(here, $said)),
                Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
                Err(other) => Err(other.into()),
            }
        }
    )*};
}

changes! {
    /// `POST /t/{tenant}/conversions/{batch}/pause`
    pause => "Paused. What is switching finishes; nothing new begins until you resume.";
    /// `POST /t/{tenant}/conversions/{batch}/resumption`
    resume => "Going on.";
    /// `POST /t/{tenant}/conversions/{batch}/cancellation`
    cancel => "Called off. What had not switched stays exactly as it was.";
    /// `POST /t/{tenant}/conversions/{batch}/retry`
    retry_failed => "The failed ones are tried again.";
}
