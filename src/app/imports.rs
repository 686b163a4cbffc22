//! Mail brought in from servers elsewhere, as an admin asks for and sees it. The engine does it.
use std::collections::HashSet;

use serde_json::json;

use super::AppError;
use super::mailboxes::event;
use crate::authz::{ImportMail, ViewImports};
use crate::domain::import::{Folders, Import, ImportState, Outside, Row};
use crate::domain::{ImportId, Invalid, Mailbox, Page, PageRequest};
use crate::store::{self, Event, Work};

/// The most mailboxes in one request.
const MOST: usize = 1000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewImports {
    /// Where the mail comes from.
    pub outside: Outside,
    /// Which folder goes where.
    pub folders: Folders,
    /// Only a trial for now.
    pub trial: bool,
    /// Which mailboxes, and who they are there; `at` of a fault is `rows/<index>` under this name.
    pub rows: Vec<Row>,
    /// What the list is called in the request.
    pub list: &'static str,
}

/// Asks for all of them. If one cannot be, none is, and each fault is at its row.
pub async fn start(work: Work<ImportMail>, new: NewImports) -> Result<Vec<Import>, AppError> {
    if new.rows.is_empty() || new.rows.len() > MOST {
        let detail = format!("Name 1 to {MOST} mailboxes in one request.");
        return Err(Invalid::field(new.list, detail).into());
    }
    let mailboxes = checked(&work, &new).await?;
    let state = if new.trial {
        ImportState::Trying
    } else {
        ImportState::Copying
    };
    let mut imports = Vec::with_capacity(mailboxes.len());
    for (row, mailbox) in new.rows.iter().zip(&mailboxes) {
        let from = (&new.outside, row);
        let opened = store::imports::open(&work, mailbox, from, &new.folders, state);
        imports.push(opened.await?);
        work.note(told("mailbox.import_requested", mailbox, &new))
            .await?;
    }
    let event = Event::new("imports.requested", "host", new.outside.host.as_str()).change(
        json!({}),
        json!({ "mailboxes": mailboxes.len(), "trial": new.trial }),
    );
    work.commit(event).await?;
    Ok(imports)
}

/// The mailboxes of the rows, or what stands in the way of each.
async fn checked(work: &Work<ImportMail>, new: &NewImports) -> Result<Vec<Mailbox>, AppError> {
    let mut faults = Invalid::default();
    let (mut found, mut seen) = (vec![], HashSet::new());
    for (at, row) in new.rows.iter().enumerate() {
        let at = format!("{}/{at}", new.list);
        row.check(&at, &mut faults);
        let field = format!("{at}/mailbox");
        let mailbox = store::mailboxes::find(work, &row.mailbox).await?;
        let Some(mailbox) = mailbox else {
            faults.push(&field, "There is no such mailbox here.");
            continue;
        };
        if !seen.insert(mailbox.id) {
            faults.push(
                &field,
                "This mailbox is named twice. Fill it from one place at a time.",
            );
        } else if mailbox.retained_at.is_some() {
            faults.push(
                &field,
                "This mailbox was taken away and is only kept. Bring it back first.",
            );
        } else if store::imports::has_open(work, &mailbox).await? {
            faults.push(&field, "Mail is being brought into this mailbox already. Cut that over or cancel it first.");
        }
        found.push(mailbox);
    }
    faults.into_result()?;
    Ok(found)
}

fn told(action: &'static str, mailbox: &Mailbox, new: &NewImports) -> Event {
    let from = json!({ "host": new.outside.host, "port": new.outside.port });
    event(action, mailbox).change(json!({}), from)
}

/// Those within reach, newest first.
pub async fn list(work: &Work<ViewImports>, page: &PageRequest) -> Result<Page<Import>, AppError> {
    Ok(store::imports::list(work, page).await?)
}

/// One.
pub async fn find(work: &Work<ViewImports>, id: ImportId) -> Result<Import, AppError> {
    let found = store::imports::find(work, id).await?;
    found.ok_or(AppError::NotFound("import"))
}

/// Goes on after a trial or a failure, cuts over, or calls off.
pub async fn set_state(
    work: Work<ImportMail>,
    id: ImportId,
    to: ImportState,
) -> Result<Import, AppError> {
    let found = store::imports::find(&work, id).await?;
    let import = found.ok_or(AppError::NotFound("import"))?;
    if import.state == to {
        return Ok(import);
    }
    let in_the_way = || {
        let (is, to) = (import.state.as_str(), to.as_str());
        AppError::conflict(
            "import-state",
            format!("This import is “{is}” and cannot become “{to}” from there."),
        )
    };
    if !import.state.may_become(to) || !store::imports::set_state(&work, &import, to).await? {
        return Err(in_the_way());
    }
    let mailbox = store::mailboxes::find(&work, &import.mailbox.to_string()).await?;
    let mailbox = mailbox.ok_or(AppError::NotFound("mailbox"))?;
    let changed = store::imports::find(&work, id).await?;
    let changed = changed.ok_or(AppError::NotFound("import"))?;
    let states = |state: ImportState| json!({ "state": state.as_str() });
    let event = event("mailbox.import_changed", &mailbox).change(states(import.state), states(to));
    work.commit(event).await?;
    Ok(changed)
}
