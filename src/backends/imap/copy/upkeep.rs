//! Changes to messages that are at the target already: flags, and what the source expunged.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::copying::CopiedMessage;

use super::super::Fault;
use super::super::names::uid_sets;
use super::super::response::{Response, UidRange};
use super::super::session::Session;
use super::RANGES;

/// What to do with flags (`+`, `-`, or nothing for all of them), each as in a command.
type Difference = Vec<(&'static str, String)>;

/// Carries changed flags over: only what differs from what was carried over before, so that what
/// the owner changed at the target stays. Where a killed pass left it unsure what the target has,
/// it gets exactly those of the source.
pub async fn carry_flags(
    session: &mut Session,
    flagged: &[(CopiedMessage, std::sync::Arc<str>)],
) -> Result<(), Fault> {
    let mut alike: BTreeMap<Difference, Vec<u32>> = BTreeMap::new();
    for (message, now) in flagged {
        let uids = alike.entry(difference(&message.flags, now)).or_default();
        uids.push(message.target_uid);
    }
    for (difference, mut uids) in alike {
        uids.sort_unstable();
        for set in uid_sets(&uids, RANGES) {
            for (sign, flags) in &difference {
                let command = format!("UID STORE {set} {sign}FLAGS.SILENT ({flags})");
                session.plain(&command, &mut |_| {}).await?;
            }
        }
    }
    Ok(())
}

fn difference(before: &str, now: &str) -> Difference {
    if before == CopiedMessage::UNSURE {
        return vec![("", now.to_owned())];
    }
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
    let both = vec![("+", list(&now, &before)), ("-", list(&before, &now))];
    both.into_iter()
        .filter(|(_, flags)| !flags.is_empty())
        .collect()
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
        let told = |before: &str, now: &str| {
            let difference = difference(before, now).into_iter();
            let commands = difference.map(|(sign, flags)| sign.to_owned() + &flags);
            commands.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("", "\\Seen"), "+\\Seen");
        assert_eq!(told("$Label1 \\Seen", "Junk \\Seen"), "+Junk -$Label1");
        assert_eq!(told("\\Answered \\Seen", ""), "-\\Answered \\Seen");
        assert_eq!(told(CopiedMessage::UNSURE, "\\Seen"), "\\Seen");
    }
}
