//! Many imports by a file: each row that can be filled is tried, each other one is kept with its
//! number and the reason; and what is done to all of a file at once.
use std::collections::HashSet;

use serde_json::json;

use super::{AppError, MOST, fillable, moved, requested};
use crate::authz::{ImportMail, Includes, ViewImports};
use crate::domain::import::{
    Folders, Import, ImportList, ImportState, LeftOut, Line, Outside, Row,
};
use crate::domain::{ImportListId, Invalid, Mailbox, PageRequest};
use crate::store::imports::{Begin, ImportFilter};
use crate::store::{self, Event, Work};

/// A file of mailboxes to fill.
#[derive(Debug, Clone)]
pub struct NewList {
    /// What it is called.
    pub name: String,
    /// Where the mail comes from.
    pub outside: Outside,
    /// Its rows.
    pub lines: Vec<Line>,
}

/// Tries every row that can be filled and keeps the others. Nothing is changed by a trial.
pub async fn start(work: Work<ImportMail>, new: NewList) -> Result<ImportList, AppError> {
    if new.lines.is_empty() || new.lines.len() > MOST {
        let detail = format!("Name 1 to {MOST} mailboxes, each in a row below the first.");
        return Err(Invalid::field("csv", detail).into());
    }
    let (good, left_out) = sorted(&work, &new.lines).await?;
    let host = new.outside.host.as_str();
    let list = store::imports::lists::keep(&work, &new.name, host, &left_out).await?;
    let begin = Begin {
        outside: &new.outside,
        folders: &Folders::default(),
        state: ImportState::Trying,
        list: Some(list.id),
    };
    for (row, mailbox) in &good {
        store::imports::open(&work, mailbox, row, begin).await?;
        work.note(requested(mailbox, &new.outside)).await?;
    }
    let counts = json!({ "file": list.name, "mailboxes": good.len(), "left_out": left_out.len() });
    let event = Event::new("imports.requested", "host", host).change(json!({}), counts);
    work.commit(event).await?;
    Ok(list)
}

/// The rows that can be filled, and those that cannot.
async fn sorted<'a>(
    work: &Work<ImportMail>,
    lines: &'a [Line],
) -> Result<(Vec<(&'a Row, Mailbox)>, Vec<LeftOut>), AppError> {
    let (mut good, mut left_out, mut seen) = (vec![], vec![], HashSet::new());
    for line in lines {
        let mut out = |mailbox: &str, user: &str, why: String| {
            left_out.push(LeftOut {
                line: line.number,
                mailbox: mailbox.to_owned(),
                user: user.to_owned(),
                why,
            });
        };
        let row = match &line.row {
            Ok(row) => row,
            Err(unread) => {
                out(&unread.mailbox, "", unread.why.clone());
                continue;
            }
        };
        let mut faults = Invalid::default();
        row.check("row", &mut faults);
        if !faults.errors.is_empty() {
            out(&row.mailbox, &row.user, faults.to_string());
            continue;
        }
        match fillable(work, row, &mut seen).await? {
            Ok(mailbox) => good.push((row, mailbox)),
            Err(why) => out(&row.mailbox, &row.user, why.to_owned()),
        }
    }
    Ok((good, left_out))
}

/// A file and what was left out of it.
pub async fn find<P: Includes<ViewImports>>(
    work: &Work<P>,
    id: ImportListId,
) -> Result<(ImportList, Vec<LeftOut>), AppError> {
    let found = store::imports::lists::find(work, id).await?;
    found.ok_or(AppError::NotFound("list"))
}

/// Moves every import of a file that is in one of these states to another; says how many.
pub async fn set_state(
    work: Work<ImportMail>,
    id: ImportListId,
    from: &[ImportState],
    to: ImportState,
) -> Result<u64, AppError> {
    let (list, _) = find(&work, id).await?;
    let mut page = PageRequest {
        limit: PageRequest::MAX,
        after: None,
    };
    let filter = ImportFilter {
        list: Some(id),
        ..ImportFilter::default()
    };
    let mut moving: Vec<Import> = vec![];
    loop {
        let found = store::imports::list(&work, &filter, &page).await?;
        let wanted = |import: &Import| from.contains(&import.state) && import.state.may_become(to);
        moving.extend(found.items.into_iter().filter(wanted));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    for import in &moving {
        let event = moved(&work, import, to).await?;
        work.note(event).await?;
    }
    let count = moving.len() as u64;
    let event = Event::new("imports.changed", "host", list.host.as_str()).change(
        json!({}),
        json!({ "file": list.name, "mailboxes": count, "state": to.as_str() }),
    );
    work.commit(event).await?;
    Ok(count)
}
