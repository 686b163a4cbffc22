//! Changes to messages that are at the target already: flags, and what the source expunged.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::copying::CopiedMessage;

use super::super::Fault;
use super::super::names::uid_sets;
use super::super::response::{Response, UidRange};
use super::super::session::Session;
use super::RANGES;

/// Flags to add and flags to take away, each as they are written in a command.
type Difference = (String, String);

/// Carries changed flags over: only what differs from what was carried over before, so that what
/// the owner changed at the target stays.
pub async fn carry_flags(
    session: &mut Session,
    flagged: &[(CopiedMessage, std::sync::Arc<str>)],
) -> Result<(), Fault> {
    let mut alike: BTreeMap<Difference, Vec<u32>> = BTreeMap::new();
    for (message, now) in flagged {
        let uids = alike.entry(difference(&message.flags, now)).or_default();
        uids.push(message.target_uid);
    }
    for ((added, taken), mut uids) in alike {
        uids.sort_unstable();
        for set in uid_sets(&uids, RANGES) {
            for (sign, flags) in [('+', &added), ('-', &taken)] {
                if !flags.is_empty() {
                    let command = format!("UID STORE {set} {sign}FLAGS.SILENT ({flags})");
                    session.plain(&command, &mut |_| {}).await?;
                }
            }
        }
    }
    Ok(())
}

fn difference(before: &str, now: &str) -> Difference {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(' ')
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (before, now) = (words(before), words(now));
    let list = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        let only: Vec<_> = a.difference(b).cloned().collect();
        only.join(" ")
    };
    (list(&now, &before), list(&before, &now))
}

/// Removes these messages. A server without UID EXPUNGE (RFC 4315) would remove everything that is
/// marked as deleted: there nothing is removed while something else is marked.
pub async fn expunge(session: &mut Session, uids: &[u32]) -> Result<bool, Fault> {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    let precise = session.can("UIDPLUS");
    for set in uid_sets(&uids, RANGES) {
        let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
        session.plain(&mark, &mut |_| {}).await?;
        if precise {
            session
                .plain(&format!("UID EXPUNGE {set}"), &mut |_| {})
                .await?;
        }
    }
    if precise {
        return Ok(true);
    }
    let mut marked: Vec<UidRange> = Vec::new();
    let mut each = |response| {
        if let Response::Found(ranges) = response {
            marked.extend(ranges);
        }
    };
    session.plain("UID SEARCH DELETED", &mut each).await?;
    let ours = |range: &UidRange| (range.0..=range.1).all(|uid| uids.binary_search(&uid).is_ok());
    if !marked.iter().all(ours) {
        return Ok(false);
    }
    session.plain("EXPUNGE", &mut |_| {}).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_carried_over() {
        let told = |before, now| difference(before, now);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(told("", "\\Seen"), pair("\\Seen", ""));
        assert_eq!(
            told("$Label1 \\Seen", "Junk \\Seen"),
            pair("Junk", "$Label1")
        );
        assert_eq!(told("\\Answered \\Seen", ""), pair("", "\\Answered \\Seen"));
    }
}
