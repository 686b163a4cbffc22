//! Copying a mailbox from one server to another: what was copied to where, what one pass did, and
//! whether the copy is what it should be. Pure; the IMAP of it is in `backends::imap::copy`.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::snapshot::{Comparison, FolderSnapshot, MessageMark, Snapshot};

/// A folder that is being copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFolder {
    /// Names it in the ledger, whatever it is called at either end.
    pub key: u32,
    /// Its name at the source, decoded, with `/` between levels.
    pub source: String,
    /// Its name at the target, decoded, with `/` between levels.
    pub target: String,
    /// UIDVALIDITY at the source when it was last looked at; 0 before.
    pub source_uidvalidity: u32,
    /// UIDNEXT at the source at the end of the last pass; 0 before.
    pub source_uidnext: u32,
    /// HIGHESTMODSEQ (RFC 7162) at the source before the last pass looked; `None` when unknown.
    pub source_modseq: Option<u64>,
    /// How many messages the source held at the end of the last pass.
    pub source_messages: u32,
    /// UIDVALIDITY at the target, which the target UIDs in the ledger belong to.
    pub target_uidvalidity: u32,
    /// Every UID below it at the target is accounted for: it is in the ledger or was never ours.
    pub target_seen: u32,
    /// UIDNEXT at the target when it was first seen: nothing below it was appended by us.
    pub target_first: u32,
    /// A pass is appending to it, or was killed while it did.
    pub under_way: bool,
    /// Whether the owner was subscribed to it at the source.
    pub subscribed: bool,
}

/// A message that is at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedMessage {
    /// Its UID at the source.
    pub source_uid: u32,
    /// Its UID at the target.
    pub target_uid: u32,
    /// RFC822.SIZE as the source tells it.
    pub size: u64,
    /// Internal date in seconds since 1970.
    pub date: i64,
    /// Flags and keywords at the source, as last carried over; written as in [`MessageMark`]. Or
    /// [`Self::UNSURE`].
    pub flags: Arc<str>,
    /// SHA-256 of the bytes that passed through.
    pub sha256: [u8; 32],
}

impl CopiedFolder {
    /// The same, seen from the other end: for copying back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            key: self.key,
            source: self.target,
            target: self.source,
            source_uidvalidity: self.target_uidvalidity,
            // What came after is not known, so everything is listed again.
            source_uidnext: 0,
            source_modseq: None,
            source_messages: 0,
            target_uidvalidity: self.source_uidvalidity,
            target_seen: self.source_uidnext,
            target_first: self.source_uidnext,
            // What was appended and not written down is at the source from now on: it is met again
            // at the target, not copied back to it.
            under_way: self.under_way,
            subscribed: self.subscribed,
        }
    }
}

impl CopiedMessage {
    /// In the place of flags: the target was being given some, and may have these or the former
    /// ones. No flag is written like this (RFC 9051 §9).
    pub const UNSURE: &str = "*";

    /// The same, while its flags are being changed at the target.
    #[must_use]
    pub fn unsure(self) -> Self {
        Self {
            flags: Self::UNSURE.into(),
            ..self
        }
    }

    /// What it was at the source.
    fn mark(&self) -> MessageMark {
        MessageMark {
            uid: self.source_uid,
            size: self.size,
            date: self.date,
            flags: self.flags.clone(),
            sha256: self.sha256,
        }
    }

    /// Whether it is not known which flags it has at the target.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        &*self.flags == Self::UNSURE
    }

    /// The same, seen from the other end: for copying back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source_uid: self.target_uid,
            target_uid: self.source_uid,
            ..self
        }
    }
}

/// A message that the target did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMessage {
    /// Its folder at the source.
    pub folder: String,
    /// Its UID at the source.
    pub uid: u32,
    /// What the target said.
    pub why: String,
}

/// What one pass did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pass {
    /// Folders looked at in the source.
    pub folders: u64,
    /// Folders made, renamed or removed at the target.
    pub folders_changed: u64,
    /// Messages appended to the target.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that were found at the target already and not appended again.
    pub recognised: u64,
    /// Messages removed from the target because the source no longer has them.
    pub removed: u64,
    /// Messages whose flags were brought up to date.
    pub flagged: u64,
    /// Messages that the target did not take. They are tried again in the next pass.
    pub refused: Vec<RefusedMessage>,
    /// How long it took.
    pub took: Duration,
}

impl Pass {
    /// How much was different: 0 means that the target already was what the source is.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.folders_changed + self.copied + self.recognised + self.removed + self.flagged
    }
}

/// What was copied, folder by folder.
pub type Copied = Vec<(CopiedFolder, Vec<CopiedMessage>)>;

/// The source as it was copied.
#[must_use]
pub fn source_snapshot(copied: &Copied) -> Snapshot {
    let mut folders: Vec<_> = copied.iter().map(source_folder).collect();
    folders.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot {
        folders,
        ..Snapshot::default()
    }
}

fn source_folder((folder, messages): &(CopiedFolder, Vec<CopiedMessage>)) -> FolderSnapshot {
    let mut marks: Vec<_> = messages.iter().map(CopiedMessage::mark).collect();
    marks.sort_by_key(|mark| mark.uid);
    FolderSnapshot {
        name: folder.source.clone(),
        uidvalidity: folder.source_uidvalidity,
        uidnext: folder.source_uidnext,
        messages: marks,
    }
}

/// Compares what was copied with what the target holds: by SHA-256, date and flags. UIDs may
/// differ. What the target holds beyond it has arrived there.
#[must_use]
pub fn compare_copy(copied: &Copied, target: &Snapshot) -> Comparison {
    let mut result = Comparison::default();
    let mut there: BTreeMap<&str, &FolderSnapshot> = target
        .folders
        .iter()
        .map(|folder| (folder.name.as_str(), folder))
        .collect();
    for (folder, messages) in copied {
        match there.remove(folder.target.as_str()) {
            Some(held) => compare_folder(folder, messages, held, &mut result),
            None => result.differences.push(format!(
                "Folder {} with {} messages is not at the target.",
                folder.target,
                messages.len()
            )),
        }
    }
    let new = there.values().map(|folder| folder.messages.len() as u64);
    result.arrived += new.sum::<u64>();
    result
}

fn compare_folder(
    folder: &CopiedFolder,
    messages: &[CopiedMessage],
    held: &FolderSnapshot,
    result: &mut Comparison,
) {
    if held.uidvalidity != folder.target_uidvalidity {
        result.differences.push(format!(
            "Folder {} changed its UIDVALIDITY at the target from {} to {}.",
            folder.target, folder.target_uidvalidity, held.uidvalidity
        ));
        return;
    }
    let mut found: HashMap<u32, &MessageMark> =
        held.messages.iter().map(|mark| (mark.uid, mark)).collect();
    for message in messages {
        let named = || format!("Message {} in {}", message.source_uid, folder.source);
        let Some(twin) = found.remove(&message.target_uid) else {
            let gone = format!("{} is not at the target.", named());
            result.differences.push(gone);
            continue;
        };
        // The size is as each server counts it.
        let copied = MessageMark {
            size: twin.size,
            ..message.mark()
        };
        let differs = copied.differs(twin).into_iter();
        let differs = differs.map(|other| format!("{} has {other} at the target.", named()));
        result.differences.extend(differs);
    }
    result.arrived += found.len() as u64;
}
