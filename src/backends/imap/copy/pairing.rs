//! Which folder of the source is which folder of the ledger. Pure.
use crate::domain::copying::CopiedFolder;

use super::sides::Folder;

/// How the folders of the source stand to those of the ledger.
#[derive(Debug, Default)]
pub struct Pairing {
    /// Those that the ledger knows, with their place in the listing. A record whose source name
    /// differs from the listed one is of a folder that was renamed.
    pub known: Vec<(CopiedFolder, usize)>,
    /// Places in the listing of folders that the ledger does not know.
    pub new: Vec<usize>,
    /// Records of folders that are no longer there.
    pub gone: Vec<CopiedFolder>,
}

/// Pairs them: by name and UIDVALIDITY first; what is left by UIDVALIDITY alone, when just one on
/// either side has it (the folder was renamed, RFC 9051 §6.3.6); what is left by name (its UIDs
/// are new). Where UIDVALIDITY misleads, the messages will tell: their sizes and dates are compared.
pub fn pair(ledger: Vec<CopiedFolder>, listed: &[Folder]) -> Pairing {
    let mut pairing = Pairing::default();
    let mut free: Vec<usize> = (0..listed.len()).collect();
    let same = |record: &CopiedFolder, at: usize| {
        let fresh = record.source_uidvalidity == 0;
        record.source == listed[at].name
            && (fresh || record.source_uidvalidity == listed[at].status.uidvalidity)
    };
    let left = take(ledger, &mut free, &mut pairing, |record, _, free| {
        free.iter().position(|at| same(record, *at))
    });
    let left = take(left, &mut free, &mut pairing, |record, records, free| {
        let has = |at: &&usize| listed[**at].status.uidvalidity == record.source_uidvalidity;
        let alone = |count: usize| count == 1 && record.source_uidvalidity != 0;
        let twins = records
            .iter()
            .filter(|one| one.source_uidvalidity == record.source_uidvalidity);
        (alone(twins.count()) && alone(free.iter().filter(has).count()))
            .then(|| free.iter().position(|at| has(&at)))
            .flatten()
    });
    let left = take(left, &mut free, &mut pairing, |record, _, free| {
        free.iter().position(|at| listed[*at].name == record.source)
    });
    pairing.gone = left;
    pairing.new = free;
    pairing
}

/// Pairs each record that `find` finds a place for; returns the others.
fn take(
    records: Vec<CopiedFolder>,
    free: &mut Vec<usize>,
    pairing: &mut Pairing,
    find: impl Fn(&CopiedFolder, &[CopiedFolder], &[usize]) -> Option<usize>,
) -> Vec<CopiedFolder> {
    let mut left = Vec::new();
    let found: Vec<_> = {
        let all = records.clone();
        records
            .into_iter()
            .map(|record| {
                let place = find(&record, &all, free).map(|at| free.remove(at));
                (record, place)
            })
            .collect()
    };
    for (record, place) in found {
        match place {
            Some(place) => pairing.known.push((record, place)),
            None => left.push(record),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::super::sides::Status;
    use super::*;

    fn record(key: u32, name: &str, uidvalidity: u32) -> CopiedFolder {
        CopiedFolder {
            key,
            source: name.to_owned(),
            target: name.to_owned(),
            source_uidvalidity: uidvalidity,
            source_uidnext: 1,
            source_modseq: None,
            source_messages: 0,
            target_uidvalidity: 1,
            target_seen: 1,
            target_first: 1,
            under_way: false,
            subscribed: false,
        }
    }

    fn folder(name: &str, uidvalidity: u32) -> Folder {
        Folder {
            wire: name.as_bytes().to_vec(),
            name: name.to_owned(),
            levels: vec![name.to_owned()],
            special_use: None,
            subscribed: false,
            status: Status {
                uidvalidity,
                ..Status::default()
            },
        }
    }

    /// `key→listed name` of what is known, names of what is new, keys of what is gone.
    fn told(ledger: &[CopiedFolder], listed: &[Folder]) -> (Vec<String>, Vec<String>, Vec<u32>) {
        let pairing = pair(ledger.to_vec(), listed);
        let name = |at: &usize| listed[*at].name.clone();
        let mut known: Vec<_> = pairing
            .known
            .iter()
            .map(|(record, at)| format!("{}→{}", record.key, name(at)))
            .collect();
        known.sort();
        (
            known,
            pairing.new.iter().map(name).collect(),
            pairing.gone.iter().map(|record| record.key).collect(),
        )
    }

    #[test]
    fn folders_are_known_by_name_and_numbers() {
        let ledger = [record(1, "INBOX", 10), record(2, "Sent", 11)];
        let listed = [folder("INBOX", 10), folder("New", 12), folder("Sent", 11)];
        let (known, new, gone) = told(&ledger, &listed);
        assert_eq!(known, ["1→INBOX", "2→Sent"]);
        assert_eq!((new, gone), (vec!["New".to_owned()], vec![]));
    }

    #[test]
    fn a_renamed_folder_keeps_its_numbers_and_is_known_by_them() {
        let ledger = [record(1, "a", 10), record(2, "b", 11)];
        // Each took the other's name.
        let (known, new, gone) = told(&ledger, &[folder("a", 11), folder("b", 10)]);
        assert_eq!(known, ["1→b", "2→a"]);
        assert!(new.is_empty() && gone.is_empty());
    }

    #[test]
    fn numbers_that_two_folders_share_say_nothing() {
        let ledger = [record(1, "a", 10), record(2, "b", 10)];
        let (known, new, gone) = told(&ledger, &[folder("c", 10)]);
        assert!(known.is_empty());
        assert_eq!((new, gone), (vec!["c".to_owned()], vec![1, 2]));
    }

    #[test]
    fn a_folder_whose_numbers_changed_is_known_by_its_name() {
        let (known, ..) = told(&[record(1, "a", 10)], &[folder("a", 99)]);
        assert_eq!(known, ["1→a"]);
    }

    #[test]
    fn a_folder_that_was_never_finished_is_known_by_its_name() {
        let (known, ..) = told(&[record(1, "a", 0)], &[folder("a", 99)]);
        assert_eq!(known, ["1→a"]);
    }
}
