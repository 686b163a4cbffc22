//! Whether a mailbox that moved to another server is what it was: by what its messages are, since
//! their numbers are the new server's. Pure, and without regard to what the copying itself noted.
use std::collections::{BTreeMap, HashMap};

use crate::domain::snapshot::{Comparison, FolderSnapshot, MessageMark, Snapshot};
use crate::domain::{filters, groupware};

/// Compares folder by folder: each message of `before` must be in `after` with its SHA-256, date
/// and flags, as often as it was there. What is there beyond has arrived. Calendars and contacts that
/// were read before must be there, too, each item with its SHA-256.
#[must_use]
pub fn compare_moved(before: &Snapshot, after: &Snapshot) -> Comparison {
    let mut result = Comparison::default();
    let mut later: BTreeMap<&str, &FolderSnapshot> =
        after.folders.iter().map(|f| (f.name.as_str(), f)).collect();
    for old in &before.folders {
        match later.remove(old.name.as_str()) {
            Some(new) => compare_folder(old, new, &mut result),
            None => result.differences.push(format!(
                "Folder {} with {} messages did not come along.",
                old.name,
                old.messages.len()
            )),
        }
    }
    result.arrived += later.values().map(|f| f.messages.len() as u64).sum::<u64>();
    if let Some(before) = &before.groupware {
        let nothing = groupware::Inventory::default();
        let after = after.groupware.as_ref().unwrap_or(&nothing);
        result.differences.extend(groupware::compare(before, after));
    }
    if let Some(before) = &before.filters {
        let nothing = filters::Filters::default();
        let after = after.filters.as_ref().unwrap_or(&nothing);
        result.differences.extend(filters::compare(before, after));
    }
    result
}

fn compare_folder(old: &FolderSnapshot, new: &FolderSnapshot, result: &mut Comparison) {
    let mut found: HashMap<[u8; 32], Vec<&MessageMark>> = HashMap::new();
    for message in &new.messages {
        found.entry(message.sha256).or_default().push(message);
    }
    let mut left = vec![];
    for message in &old.messages {
        let twins = found.entry(message.sha256).or_default();
        let same = |twin: &&MessageMark| twin.date == message.date && twin.flags == message.flags;
        match twins.iter().position(same) {
            Some(at) => drop(twins.swap_remove(at)),
            None => left.push(message),
        }
    }
    for message in left {
        let named = format!("Message {} in {}", message.uid, old.name);
        let twin = found.get_mut(&message.sha256).and_then(Vec::pop);
        let Some(twin) = twin else {
            result
                .differences
                .push(format!("{named} did not come along."));
            continue;
        };
        let differs = message.differs(twin).into_iter();
        let differs = differs.map(|other| format!("{named} has {other} than before."));
        result.differences.extend(differs);
    }
    result.arrived += found.values().map(|twins| twins.len() as u64).sum::<u64>();
}

/// Whether every message has the number that it had before, and every folder its UIDVALIDITY: then
/// mail programs go on with what they have, and by POP3 nothing is fetched twice.
#[must_use]
pub fn keeps_numbers(before: &Snapshot, after: &Snapshot) -> bool {
    let keeps = |old: &FolderSnapshot| {
        let twin = after.folders.iter().find(|new| new.name == old.name);
        twin.is_some_and(|new| new.uidvalidity == old.uidvalidity && same_numbers(old, new))
    };
    before
        .folders
        .iter()
        .filter(|old| !old.messages.is_empty())
        .all(keeps)
}

fn same_numbers(old: &FolderSnapshot, new: &FolderSnapshot) -> bool {
    let by_uid: HashMap<u32, &[u8; 32]> = new.messages.iter().map(|m| (m.uid, &m.sha256)).collect();
    let same = |message: &MessageMark| by_uid.get(&message.uid) == Some(&&message.sha256);
    old.messages.iter().all(same)
}

/// The same mailbox without its numbers: equal messages make equal digests, whatever their UIDs.
#[must_use]
pub fn without_numbers(mut snapshot: Snapshot) -> Snapshot {
    for folder in &mut snapshot.folders {
        folder.uidvalidity = 0;
        folder
            .messages
            .sort_by(|a, b| (a.sha256, a.date, &a.flags).cmp(&(b.sha256, b.date, &b.flags)));
        for message in &mut folder.messages {
            message.uid = 0;
        }
    }
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(uid: u32, text: u8, date: i64, flags: &str) -> MessageMark {
        MessageMark {
            uid,
            size: 10,
            date,
            flags: flags.into(),
            sha256: [text; 32],
        }
    }

    fn mailbox(uidvalidity: u32, messages: &[MessageMark]) -> Snapshot {
        let inbox = FolderSnapshot {
            name: "INBOX".to_owned(),
            uidvalidity,
            uidnext: 100,
            messages: messages.to_vec(),
        };
        Snapshot {
            folders: vec![inbox],
            ..Snapshot::default()
        }
    }

    #[test]
    fn other_numbers_are_no_difference_and_mail_beyond_has_arrived() {
        let before = mailbox(1, &[message(1, b'a', 5, ""), message(2, b'b', 6, "\\Seen")]);
        let moved = [
            message(7, b'b', 6, "\\Seen"),
            message(8, b'a', 5, ""),
            message(9, b'c', 7, ""),
        ];
        let compared = compare_moved(&before, &mailbox(2, &moved));
        assert_eq!(compared.differences, Vec::<String>::new());
        assert_eq!(compared.arrived, 1);
    }

    #[test]
    fn two_equal_messages_need_two_twins() {
        let twice = mailbox(1, &[message(1, b'a', 5, ""), message(2, b'a', 5, "")]);
        let once = mailbox(1, &[message(1, b'a', 5, "")]);
        let compared = compare_moved(&twice, &once);
        assert_eq!(compared.differences.len(), 1);
        assert!(compared.differences[0].contains("did not come along"));
        assert_eq!(compare_moved(&once, &twice).arrived, 1);
    }

    #[test]
    fn another_date_other_flags_and_a_missing_folder_are_differences() {
        let before = mailbox(1, &[message(1, b'a', 5, ""), message(2, b'b', 6, "\\Seen")]);
        let after = mailbox(1, &[message(1, b'a', 9, ""), message(2, b'b', 6, "")]);
        let compared = compare_moved(&before, &after);
        assert_eq!(
            compared.differences,
            [
                "Message 1 in INBOX has another date than before.",
                "Message 2 in INBOX has other flags (\\Seen lost) than before.",
            ]
        );
        let compared = compare_moved(&before, &Snapshot::default());
        assert_eq!(compared.differences.len(), 1);
    }

    #[test]
    fn numbers_are_kept_only_with_uidvalidity_and_every_uid() {
        let before = mailbox(1, &[message(1, b'a', 5, ""), message(4, b'b', 6, "")]);
        assert!(keeps_numbers(&before, &before));
        let renumbered = mailbox(1, &[message(1, b'a', 5, ""), message(2, b'b', 6, "")]);
        assert!(!keeps_numbers(&before, &renumbered));
        let invalid = mailbox(2, &[message(1, b'a', 5, ""), message(4, b'b', 6, "")]);
        assert!(!keeps_numbers(&before, &invalid));
    }
}
