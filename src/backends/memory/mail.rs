//! Folders and messages of one account, and how a snapshot reads them.
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::{Depth, ServerError};
use super::accounts::World;
use crate::domain::snapshot::{FolderSnapshot, MessageMark, Snapshot};
use crate::domain::{EmailAddress, Progress};

/// The folders of one account, by name.
pub(super) struct Store {
    pub(super) folders: BTreeMap<String, Folder>,
    validity: u32,
}

/// One folder.
pub(super) struct Folder {
    pub(super) uidvalidity: u32,
    pub(super) uidnext: u32,
    pub(super) messages: BTreeMap<u32, Message>,
}

/// One message.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) body: Arc<[u8]>,
    pub(super) flags: Arc<str>,
    pub(super) date: i64,
}

/// The folders that every new account has.
const USUAL: [&str; 6] = ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"];

impl Store {
    pub(super) fn new() -> Self {
        let mut store = Self {
            folders: BTreeMap::new(),
            validity: 0,
        };
        for name in USUAL {
            store.folder(name);
        }
        store
    }

    /// The folder of that name, made when it is missing.
    pub(super) fn folder(&mut self, name: &str) -> &mut Folder {
        if !self.folders.contains_key(name) {
            self.validity += 1;
        }
        let uidvalidity = self.validity;
        self.folders
            .entry(name.to_owned())
            .or_insert_with(|| Folder {
                uidvalidity,
                uidnext: 1,
                messages: BTreeMap::new(),
            })
    }

    /// Gives the folder a new UIDVALIDITY, as a server does that lost its index.
    pub(super) fn renumber(&mut self, name: &str) {
        self.validity += 1;
        let uidvalidity = self.validity;
        self.folder(name).uidvalidity = uidvalidity;
    }

    pub(super) fn bytes(&self) -> i64 {
        let sizes = self.all().map(|m| m.body.len());
        i64::try_from(sizes.sum::<usize>()).unwrap_or(i64::MAX)
    }

    pub(super) fn messages(&self) -> i64 {
        i64::try_from(self.all().count()).unwrap_or(i64::MAX)
    }

    fn all(&self) -> impl Iterator<Item = &Message> {
        self.folders.values().flat_map(|f| f.messages.values())
    }
}

impl Folder {
    pub(super) fn add(&mut self, message: Message) -> u32 {
        let uid = self.uidnext;
        self.uidnext += 1;
        self.messages.insert(uid, message);
        uid
    }
}

impl Folder {
    /// The same with this UID, or with the next one where that has been given.
    pub(super) fn add_at(&mut self, uid: u32, message: Message) -> u32 {
        self.uidnext = self.uidnext.max(uid);
        self.add(message)
    }
}

/// Flags as a snapshot has them: sorted, one space between, without `\Recent`.
pub(super) fn marked(flags: &[&str]) -> Arc<str> {
    let mut flags: Vec<_> = flags.iter().filter(|f| **f != "\\Recent").collect();
    flags.sort_unstable();
    flags.dedup();
    let words: Vec<&str> = flags.into_iter().copied().collect();
    words.join(" ").into()
}

impl World {
    pub(super) fn snapshot(
        &self,
        mailbox: &EmailAddress,
        depth: Depth,
        known: Option<&Snapshot>,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Snapshot, ServerError> {
        let account = self
            .at(mailbox)
            .ok_or_else(|| ServerError::Refused(format!("there is no mailbox {mailbox}")))?;
        let known = if depth == Depth::Marks { known } else { None };
        let folders = account.store.folders.iter().map(|(name, folder)| {
            let old = known.and_then(|known| same_folder(known, name, folder));
            FolderSnapshot {
                name: name.clone(),
                uidvalidity: folder.uidvalidity,
                uidnext: folder.uidnext,
                messages: folder
                    .messages
                    .iter()
                    .map(|(uid, message)| mark(*uid, message, old))
                    .collect(),
            }
        });
        let snapshot = Snapshot {
            folders: folders.collect(),
            ..Snapshot::default()
        };
        let marks = || snapshot.folders.iter().flat_map(|f| &f.messages);
        let (messages, bytes) = (marks().count() as u64, marks().map(|m| m.size).sum());
        told(Progress {
            messages_done: messages,
            messages_total: messages,
            bytes_done: bytes,
            bytes_total: bytes,
        });
        Ok(snapshot)
    }
}

fn same_folder<'a>(known: &'a Snapshot, name: &str, folder: &Folder) -> Option<&'a FolderSnapshot> {
    known
        .folders
        .iter()
        .find(|old| old.name == name && old.uidvalidity == folder.uidvalidity)
}

fn mark(uid: u32, message: &Message, old: Option<&FolderSnapshot>) -> MessageMark {
    let size = message.body.len() as u64;
    let twin = old
        .and_then(|old| old.messages.iter().find(|m| m.uid == uid))
        .filter(|twin| twin.size == size);
    MessageMark {
        uid,
        size,
        date: message.date,
        flags: message.flags.clone(),
        sha256: twin.map_or_else(|| Sha256::digest(&message.body).into(), |twin| twin.sha256),
    }
}
