//! What is different in one folder of the source since the ledger saw it.
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::copying::{CopiedFolder, CopiedMessage};
use crate::domain::snapshot::MessageMark;

use super::super::Fault;
use super::super::names::Part;
use super::super::response::{Response, UidRange};
use super::super::session::{Opened, Session};
use super::super::survey::mark;
use super::super::wire::NoSink;
use super::Mode;

/// What is different.
#[derive(Debug, Default)]
pub struct Changes {
    /// Messages that the ledger does not have, by UID.
    pub new: Vec<MessageMark>,
    /// Messages of the ledger whose flags are others now, as they were, with the new flags.
    pub flagged: Vec<(CopiedMessage, std::sync::Arc<str>)>,
    /// Messages of the ledger that are no longer there.
    pub gone: Vec<CopiedMessage>,
}

/// Looks at the opened folder. `known` is what the ledger has of it, under the same UIDVALIDITY.
pub async fn look(
    session: &mut Session,
    record: &CopiedFolder,
    known: &[CopiedMessage],
    opened: &Opened,
    mode: Mode,
) -> Result<Changes, Fault> {
    let counted = record.source_modseq.filter(|_| opened.modseq.is_some());
    let (marks, gone) = match counted {
        Some(since) => changed(session, since, known, opened, mode).await?,
        None if opened.exists == 0 => (
            BTreeMap::new(),
            known.iter().map(|m| m.source_uid).collect(),
        ),
        None => {
            let marks = fetch(session, "", &mut |_| {}).await?;
            let gone = if marks.len() < opened.exists as usize {
                // Some were expunged meanwhile, or the server did not tell all of one.
                missing(session, known).await?
            } else {
                let gone = known.iter().map(|message| message.source_uid);
                gone.filter(|uid| !marks.contains_key(uid)).collect()
            };
            (marks, gone)
        }
    };
    Ok(sorted_out(marks, &gone, known))
}

/// What changed since that HIGHESTMODSEQ (RFC 7162 §3.1.4, §3.2.6).
async fn changed(
    session: &mut Session,
    since: u64,
    known: &[CopiedMessage],
    opened: &Opened,
    mode: Mode,
) -> Result<(BTreeMap<u32, MessageMark>, HashSet<u32>), Fault> {
    let quick = session.has_enabled("QRESYNC");
    let how = if quick { " VANISHED" } else { "" };
    let mut vanished: Vec<UidRange> = Vec::new();
    let mut each = |response| {
        if let Response::Vanished(ranges) = response {
            vanished.extend(ranges);
        }
    };
    let modifier = format!(" (CHANGEDSINCE {since}{how})");
    let marks = if opened.exists == 0 && !quick {
        BTreeMap::new()
    } else {
        fetch(session, &modifier, &mut each).await?
    };
    let uids = known.iter().map(|message| message.source_uid);
    let is_in = |uid: u32, ranges: &[UidRange]| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&uid))
    };
    let gone: HashSet<u32> = uids.clone().filter(|uid| is_in(*uid, &vanished)).collect();
    let have: HashSet<u32> = uids.chain(marks.keys().copied()).collect();
    if mode != Mode::Mirror || have.len() - gone.len() == opened.exists as usize {
        return Ok((marks, gone));
    }
    // The numbers do not add up: something was expunged that we were not told of.
    Ok((marks, missing(session, known).await?))
}

/// Which of these a search does not find.
async fn missing(session: &mut Session, known: &[CopiedMessage]) -> Result<HashSet<u32>, Fault> {
    let mut there: Vec<UidRange> = Vec::new();
    let mut each = |response| {
        if let Response::Found(ranges) = response {
            there.extend(ranges);
        }
    };
    let command = if session.can("ESEARCH") {
        "UID SEARCH RETURN (ALL) ALL"
    } else {
        "UID SEARCH ALL"
    };
    session.plain(command, &mut each).await?;
    there.sort_unstable();
    let is_there = |uid: u32| {
        let after = there.partition_point(|(first, _)| *first <= uid);
        after > 0 && there[after - 1].1 >= uid
    };
    let gone = known.iter().map(|message| message.source_uid);
    Ok(gone.filter(|uid| !is_there(*uid)).collect())
}

/// The marks of every message, or of those that the modifier leaves.
async fn fetch(
    session: &mut Session,
    modifier: &str,
    others: &mut (dyn FnMut(Response) + Send),
) -> Result<BTreeMap<u32, MessageMark>, Fault> {
    let mut marks = BTreeMap::new();
    let mut flags = BTreeSet::new();
    let mut each = |response| match response {
        Response::Fetch(fetched) => {
            if let Some(mark) = mark(&fetched, &mut flags) {
                marks.insert(mark.uid, mark);
            }
        }
        other => others(other),
    };
    let items = "(UID FLAGS INTERNALDATE RFC822.SIZE)";
    let command = format!("UID FETCH 1:* {items}{modifier}");
    let parts = [Part::Plain(command.into_bytes())];
    session
        .ask("listing messages", &parts, &mut NoSink, &mut each)
        .await?;
    Ok(marks)
}

/// A UID whose size or date is another now is another message, whatever the server promised: it
/// happens where a folder took the numbers of one that is gone.
fn sorted_out(
    mut marks: BTreeMap<u32, MessageMark>,
    gone: &HashSet<u32>,
    known: &[CopiedMessage],
) -> Changes {
    let mut changes = Changes::default();
    for message in known {
        if gone.contains(&message.source_uid) {
            changes.gone.push(message.clone());
            marks.remove(&message.source_uid);
            continue;
        }
        let Some(now) = marks.get(&message.source_uid) else {
            continue;
        };
        if (now.size, now.date) == (message.size, message.date) {
            if now.flags != message.flags {
                changes.flagged.push((message.clone(), now.flags.clone()));
            }
            marks.remove(&message.source_uid);
        } else {
            changes.gone.push(message.clone());
        }
    }
    changes.new = marks.into_values().collect();
    changes
}
