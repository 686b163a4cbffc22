//! Reads a whole mailbox into a snapshot: each folder is opened for reading only, each message's
//! marks are fetched, and each body that is not known yet streams through SHA-256.
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::names::{decode, uid_sets};
use super::response::{Body, Fetched, Listed};
use super::session::Session;
use super::wire::{NoSink, Sink};
use super::{Fault, Login};
use crate::backends::ServerError;
use crate::domain::Progress;
use crate::domain::snapshot::{FolderSnapshot, MessageMark, Snapshot};

/// Ranges of UIDs in one command: it stays well below the line length that servers take.
const RANGES: usize = 200;
/// Bytes after which progress is told again.
const TELL_EVERY: u64 = 4 * 1024 * 1024;

type Told<'a> = &'a (dyn Fn(Progress) + Send + Sync);
type Sha = [u8; 32];

/// Reads the mailbox that `login` opens. The digest of a message that `known` has (same folder,
/// UIDVALIDITY, UID and size) is taken from there and not computed again.
pub async fn survey(
    login: &Login,
    known: Option<&Snapshot>,
    told: Told<'_>,
) -> Result<Snapshot, ServerError> {
    let explained = |fault: Fault| fault.explained(&login.place);
    let mut session = Session::open(login).await.map_err(explained)?;
    let mut survey = Survey {
        known,
        told,
        progress: Progress::default(),
        flags: BTreeSet::new(),
    };
    let snapshot = survey.run(&mut session).await.map_err(explained)?;
    session.close().await;
    Ok(snapshot)
}

struct Survey<'a> {
    known: Option<&'a Snapshot>,
    told: Told<'a>,
    progress: Progress,
    /// Few sets of flags serve many messages.
    flags: BTreeSet<Arc<str>>,
}

impl Survey<'_> {
    async fn run(&mut self, session: &mut Session) -> Result<Snapshot, Fault> {
        let folders = openable(session.list().await?);
        let names: Vec<_> = folders.iter().map(|folder| folder.name.clone()).collect();
        let mut items = "MESSAGES UIDNEXT UIDVALIDITY".to_owned();
        for (capability, item) in [("CONDSTORE", " HIGHESTMODSEQ"), ("STATUS=SIZE", " SIZE")] {
            if session.can(capability) {
                items.push_str(item);
            }
        }
        let statuses = session.statuses(&names, &items).await?;
        let sum = |item: &str| statuses.values().filter_map(|s| s.get(item)).sum();
        self.progress.messages_total = sum("MESSAGES");
        self.progress.bytes_total = sum("SIZE");
        (self.told)(self.progress);

        let mut snapshot = Snapshot::default();
        for folder in &folders {
            match self.folder(session, folder).await {
                Ok(read) => snapshot.folders.push(read),
                // Deleted since it was listed.
                Err(fault) if fault.is_nonexistent() => {}
                Err(fault) => return Err(fault),
            }
        }
        snapshot.folders.sort_by(|a, b| a.name.cmp(&b.name));
        self.progress.messages_total = self.progress.messages_done;
        self.progress.bytes_total = self.progress.bytes_done;
        (self.told)(self.progress);
        Ok(snapshot)
    }

    async fn folder(
        &mut self,
        session: &mut Session,
        folder: &Listed,
    ) -> Result<FolderSnapshot, Fault> {
        let opened = session.examine(&folder.name).await?;
        let name = decode(&folder.name, session.utf8(), folder.delimiter);
        let uidvalidity = opened.uidvalidity.ok_or(Fault::Malformed)?;
        let mut marks = BTreeMap::new();
        if opened.exists > 0 {
            self.marks(session, &mut marks).await?;
        }
        let missing = self.recall(&name, uidvalidity, &mut marks);
        self.bodies(session, missing, &mut marks).await?;
        let after_last = marks
            .keys()
            .next_back()
            .map_or(1, |last| last.saturating_add(1));
        Ok(FolderSnapshot {
            name,
            uidvalidity,
            uidnext: opened.uidnext.unwrap_or(after_last),
            messages: marks.into_values().collect(),
        })
    }

    /// UID, flags, date and size of every message; digests are left empty.
    async fn marks(
        &mut self,
        session: &mut Session,
        marks: &mut BTreeMap<u32, MessageMark>,
    ) -> Result<(), Fault> {
        let flags = &mut self.flags;
        let mut each = |fetched: Fetched| {
            if let Some(mark) = mark(&fetched, flags) {
                marks.insert(mark.uid, mark);
            }
        };
        let items = "UID FLAGS INTERNALDATE RFC822.SIZE";
        session
            .uid_fetch("1:*", items, &mut NoSink, &mut each)
            .await
    }

    /// Fills in the digests that are known; returns the UIDs of the others.
    fn recall(
        &mut self,
        name: &str,
        uidvalidity: u32,
        marks: &mut BTreeMap<u32, MessageMark>,
    ) -> Vec<u32> {
        let folders = self
            .known
            .map(|known| known.folders.as_slice())
            .unwrap_or_default();
        let old = folders
            .iter()
            .find(|old| old.name == name && old.uidvalidity == uidvalidity);
        let old: BTreeMap<u32, &MessageMark> = old
            .into_iter()
            .flat_map(|old| &old.messages)
            .map(|m| (m.uid, m))
            .collect();
        let mut missing = Vec::new();
        for mark in marks.values_mut() {
            match old.get(&mark.uid).filter(|twin| twin.size == mark.size) {
                Some(twin) => {
                    mark.sha256 = twin.sha256;
                    self.progress.messages_done += 1;
                    self.progress.bytes_done += mark.size;
                }
                None => missing.push(mark.uid),
            }
        }
        (self.told)(self.progress);
        missing
    }

    /// Streams these messages through SHA-256.
    async fn bodies(
        &mut self,
        session: &mut Session,
        missing: Vec<u32>,
        marks: &mut BTreeMap<u32, MessageMark>,
    ) -> Result<(), Fault> {
        let mut left: HashSet<u32> = missing.iter().copied().collect();
        for uids in uid_sets(&missing, RANGES) {
            let mut digests = Digests::new(self.told, self.progress);
            let mut read: Vec<(u32, Sha)> = Vec::new();
            let mut each = |fetched: Fetched| {
                if let (Some(uid), Some(digest)) = (fetched.uid, fetched.body.and_then(digest)) {
                    read.push((uid, digest));
                }
            };
            session
                .uid_fetch(&uids, "UID BODY.PEEK[]", &mut digests, &mut each)
                .await?;
            self.progress = digests.progress;
            for (uid, digest) in read {
                if let Some(mark) = marks.get_mut(&uid) {
                    mark.sha256 = digest;
                    left.remove(&uid);
                }
            }
        }
        self.account_for(session, left, marks).await
    }

    /// A message that was listed and not read has either gone since, or the server has trouble
    /// reading it; then the snapshot must not pass.
    async fn account_for(
        &self,
        session: &mut Session,
        left: HashSet<u32>,
        marks: &mut BTreeMap<u32, MessageMark>,
    ) -> Result<(), Fault> {
        if left.is_empty() {
            return Ok(());
        }
        let mut sorted: Vec<_> = left.iter().copied().collect();
        sorted.sort_unstable();
        let mut there = Vec::new();
        for uids in uid_sets(&sorted, RANGES) {
            let mut each = |fetched: Fetched| there.extend(fetched.uid);
            session
                .uid_fetch(&uids, "UID", &mut NoSink, &mut each)
                .await?;
        }
        if let Some(uid) = there.iter().find(|uid| left.contains(uid)) {
            let why = format!("message {uid} is listed, but cannot be read");
            return Err(io::Error::other(why).into());
        }
        for uid in left {
            marks.remove(&uid);
        }
        Ok(())
    }
}

/// Hashes each body as it comes; what it leaves in its place is the digest.
struct Digests<'a> {
    told: Told<'a>,
    progress: Progress,
    hash: Sha256,
    untold: u64,
}

impl<'a> Digests<'a> {
    fn new(told: Told<'a>, progress: Progress) -> Self {
        Self {
            told,
            progress,
            hash: Sha256::new(),
            untold: 0,
        }
    }
}

#[async_trait]
impl Sink for Digests<'_> {
    fn takes(&self, text: &[u8]) -> bool {
        text.to_ascii_uppercase().ends_with(b"BODY[] ")
    }

    fn begin(&mut self, _text: &[u8], _size: u64) {
        self.hash = Sha256::new();
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.progress.bytes_done += bytes.len() as u64;
        self.untold += bytes.len() as u64;
        if self.untold >= TELL_EVERY {
            self.untold = 0;
            (self.told)(self.progress);
        }
        Ok(())
    }

    fn end(&mut self) -> Vec<u8> {
        self.progress.messages_done += 1;
        self.hash.finalize_reset().to_vec()
    }
}

fn digest(body: Body) -> Option<Sha> {
    match body {
        Body::Whole(bytes) => Some(Sha256::digest(bytes).into()),
        Body::Streamed(digest) => digest.try_into().ok(),
    }
}

/// A message by its marks, without its digest; `None` when the server did not tell all of them:
/// it was an update about flags that nobody asked for.
pub(super) fn mark(fetched: &Fetched, known: &mut BTreeSet<Arc<str>>) -> Option<MessageMark> {
    let mut flags: Vec<&str> = fetched.flags.as_ref()?.iter().map(String::as_str).collect();
    flags.retain(|flag| !flag.eq_ignore_ascii_case("\\Recent"));
    flags.sort_unstable();
    flags.dedup();
    let flags: Arc<str> = flags.join(" ").into();
    let flags = known.get(&flags).cloned().unwrap_or_else(|| {
        known.insert(flags.clone());
        flags
    });
    Some(MessageMark {
        uid: fetched.uid?,
        size: fetched.size?,
        date: fetched.date?,
        flags,
        sha256: Sha::default(),
    })
}

/// Folders that hold messages, each once.
pub(super) fn openable(listed: Vec<Listed>) -> Vec<Listed> {
    let closed = |attribute: &String| {
        let word = attribute.to_ascii_lowercase();
        word == "\\noselect" || word == "\\nonexistent"
    };
    let mut seen = HashSet::new();
    listed
        .into_iter()
        .filter(|folder| !folder.attributes.iter().any(closed))
        .filter(|folder| seen.insert(folder.name.clone()))
        .collect()
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
