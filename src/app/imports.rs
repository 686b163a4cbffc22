//! Mail brought in from servers elsewhere, as an admin asks for and sees it. The engine does it.
pub mod lists;

use std::collections::{HashMap, HashSet};

use secrecy::SecretString;
use serde_json::json;

use super::AppError;
use super::mailboxes::event;
use crate::authz::{ImportMail, Includes, ViewImports};
use crate::domain::import::{Folders, Import, ImportState, Outside, Row};
use crate::domain::{ImportId, Invalid, Mailbox, MailboxId, Page, PageRequest};
use crate::store::imports::Begin;
pub use crate::store::imports::ImportFilter;
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
    let begin = Begin {
        outside: &new.outside,
        folders: &new.folders,
        state,
        list: None,
    };
    for (row, mailbox) in new.rows.iter().zip(&mailboxes) {
        imports.push(store::imports::open(&work, mailbox, row, begin).await?);
        work.note(requested(mailbox, &new.outside)).await?;
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
        match fillable(work, row, &mut seen).await? {
            Ok(mailbox) => found.push(mailbox),
            Err(why) => faults.push(&format!("{at}/mailbox"), why),
        }
    }
    faults.into_result()?;
    Ok(found)
}

/// The mailbox of a row, or why it cannot be filled.
async fn fillable(
    work: &Work<ImportMail>,
    row: &Row,
    seen: &mut HashSet<MailboxId>,
) -> Result<Result<Mailbox, &'static str>, AppError> {
    let Some(mailbox) = store::mailboxes::find(work, &row.mailbox).await? else {
        return Ok(Err("There is no such mailbox here."));
    };
    if !seen.insert(mailbox.id) {
        return Ok(Err(
            "This mailbox is named twice. Fill it from one place at a time.",
        ));
    }
    if mailbox.retained_at.is_some() {
        return Ok(Err(
            "This mailbox was taken away and is only kept. Bring it back first.",
        ));
    }
    if store::imports::open_of(work, mailbox.id).await?.is_some() {
        return Ok(Err(
            "Mail is being brought into this mailbox already. Finish or stop that first.",
        ));
    }
    Ok(Ok(mailbox))
}

fn requested(mailbox: &Mailbox, outside: &Outside) -> Event {
    let from = json!({ "host": outside.host, "port": outside.port });
    event("mailbox.import_requested", mailbox).change(json!({}), from)
}

/// Those within reach, newest first.
pub async fn list<P: Includes<ViewImports>>(
    work: &Work<P>,
    filter: &ImportFilter,
    page: &PageRequest,
) -> Result<Page<Import>, AppError> {
    Ok(store::imports::list(work, filter, page).await?)
}

/// The one into a mailbox that is not over, if there is one: there is never a second.
pub async fn open_of<P: Includes<ViewImports>>(
    work: &Work<P>,
    mailbox: MailboxId,
) -> Result<Option<Import>, AppError> {
    Ok(store::imports::open_of(work, mailbox).await?)
}

/// How many are in which state.
pub async fn counts(
    work: &Work<ViewImports>,
    filter: &ImportFilter,
) -> Result<HashMap<ImportState, u64>, AppError> {
    Ok(store::imports::counts(work, filter).await?)
}

/// One.
pub async fn find<P: Includes<ViewImports>>(
    work: &Work<P>,
    id: ImportId,
) -> Result<Import, AppError> {
    let found = store::imports::find(work, id).await?;
    found.ok_or(AppError::NotFound("import"))
}

/// Goes on after a trial or a failure, cuts over, or calls off.
pub async fn set_state(
    work: Work<ImportMail>,
    id: ImportId,
    to: ImportState,
) -> Result<Import, AppError> {
    let import = find(&work, id).await?;
    if import.state == to {
        return Ok(import);
    }
    let event = moved(&work, &import, to).await?;
    let changed = find(&work, id).await?;
    work.commit(event).await?;
    Ok(changed)
}

/// Begins to copy after a trial, with each folder that was found where somebody decided: its name
/// here, or nothing to leave it out.
pub async fn begin(
    work: Work<ImportMail>,
    id: ImportId,
    names: &[Option<String>],
) -> Result<Import, AppError> {
    let import = find(&work, id).await?;
    let found = import.found.as_deref().unwrap_or_default();
    if names.len() != found.len() {
        let said = "The folders were looked at again meanwhile. Look at them once more.";
        return Err(AppError::conflict("import-state", said));
    }
    let decided = import.folders.decided(found, names)?;
    store::imports::correct(&work, &import, None, Some(&decided)).await?;
    let event = moved(&work, &import, ImportState::Copying).await?;
    work.commit(event).await?;
    Ok(import)
}

/// Tries again after a failure, with another login name or password: from the trial on, unless
/// something was copied already. Without a password the one that is known stays.
pub async fn again(
    work: Work<ImportMail>,
    id: ImportId,
    user: &str,
    password: Option<SecretString>,
) -> Result<Import, AppError> {
    let import = find(&work, id).await?;
    let known = || "unchanged".to_owned().into();
    let row = Row {
        mailbox: import.mailbox.to_string(),
        user: user.to_owned(),
        password: password.clone().unwrap_or_else(known),
    };
    let mut faults = Invalid::default();
    row.check("row", &mut faults);
    faults.into_result()?;
    let to = if import.report.passes == 0 && import.found.is_none() {
        ImportState::Trying
    } else {
        ImportState::Copying
    };
    store::imports::correct(&work, &import, Some((user, password)), None).await?;
    let event = moved(&work, &import, to).await?;
    work.commit(event).await?;
    Ok(import)
}

/// Moves one to a state, or says why not.
async fn moved(
    work: &Work<ImportMail>,
    import: &Import,
    to: ImportState,
) -> Result<Event, AppError> {
    let in_the_way = || {
        let (is, to) = (import.state.as_str(), to.as_str());
        AppError::conflict(
            "import-state",
            format!("This import is “{is}” and cannot become “{to}” from there."),
        )
    };
    if !import.state.may_become(to) || !store::imports::set_state(work, import, to).await? {
        return Err(in_the_way());
    }
    let mailbox = store::mailboxes::find(work, &import.mailbox.to_string()).await?;
    let mailbox = mailbox.ok_or(AppError::NotFound("mailbox"))?;
    let states = |state: ImportState| json!({ "state": state.as_str() });
    Ok(event("mailbox.import_changed", &mailbox).change(states(import.state), states(to)))
}
