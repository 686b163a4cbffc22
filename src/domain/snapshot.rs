//! A snapshot of a mailbox: every folder and every message by its marks, and the comparison of two.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::conversion::ReadAgain;
use super::filters::Filters;
use super::groupware::{GroupwareSummary, Inventory};

/// So many flags that were lost, and that are new, are named.
const FLAGS_NAMED: usize = 5;

/// What identifies one message and what must not change about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMark {
    /// IMAP UID (RFC 9051 §2.3.1.1).
    pub uid: u32,
    /// RFC822.SIZE in bytes.
    pub size: u64,
    /// Internal date in seconds since 1970.
    pub date: i64,
    /// Flags and keywords, sorted, one space between, without `\Recent`.
    pub flags: Arc<str>,
    /// SHA-256 of the message as stored.
    #[serde(with = "hex_bytes")]
    pub sha256: [u8; 32],
}

impl MessageMark {
    /// What is other about its twin, each to follow "has".
    #[must_use]
    pub fn differs(&self, twin: &Self) -> Vec<String> {
        let mut other = vec![];
        if self.sha256 != twin.sha256 || self.size != twin.size {
            other.push("other text".to_owned());
        }
        if self.date != twin.date {
            other.push("another date".to_owned());
        }
        if self.flags != twin.flags {
            other.push(format!("other flags ({})", self.flags_changed(twin)));
        }
        other
    }

    /// Keywords are the owner's words, and may be many.
    fn flags_changed(&self, twin: &Self) -> String {
        let only = |of: &str, not: &str| {
            let there = |flag: &&str| not.split(' ').any(|other| other == *flag);
            let only = of
                .split(' ')
                .filter(|flag| !flag.is_empty() && !there(flag));
            only.take(FLAGS_NAMED).collect::<Vec<_>>().join(" ")
        };
        let lost = only(&self.flags, &twin.flags);
        let new = only(&twin.flags, &self.flags);
        let parts = [(lost, "lost"), (new, "new")];
        let parts = parts.iter().filter(|(flags, _)| !flags.is_empty());
        let parts: Vec<_> = parts.map(|(flags, how)| format!("{flags} {how}")).collect();
        parts.join(", ")
    }
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSnapshot {
    /// Its name, decoded, with `/` between levels.
    pub name: String,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// The UID that the next message will get.
    pub uidnext: u32,
    /// Every message, by UID.
    pub messages: Vec<MessageMark>,
}

/// A whole mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Every folder, by name.
    pub folders: Vec<FolderSnapshot>,
    /// Calendars and contacts, where a move carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groupware: Option<Inventory>,
    /// Filter scripts, where a move carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Filters>,
}

/// The figures of a folder, without its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FolderSummary {
    /// Its name.
    pub name: String,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// How many messages.
    pub messages: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// SHA-256 over each message's UID, date, flags and SHA-256, in hexadecimal.
    pub digest: String,
}

/// The figures of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Summary {
    /// Every folder, by name.
    pub folders: Vec<FolderSummary>,
    /// How many messages.
    pub messages: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// SHA-256 over the folders' names and digests, in hexadecimal.
    pub digest: String,
    /// Calendars and contacts that moved along; null when none did.
    #[serde(default)]
    pub groupware: Option<GroupwareSummary>,
    /// Filter scripts that moved along; null when none did.
    #[serde(default)]
    pub filters: Option<u64>,
}

impl FolderSnapshot {
    /// The figures.
    #[must_use]
    pub fn summary(&self) -> FolderSummary {
        let mut digest = Sha256::new();
        for message in &self.messages {
            digest.update(message.uid.to_be_bytes());
            digest.update(message.date.to_be_bytes());
            digest.update(message.flags.as_bytes());
            digest.update([0]);
            digest.update(message.sha256);
        }
        FolderSummary {
            name: self.name.clone(),
            uidvalidity: self.uidvalidity,
            messages: self.messages.len() as u64,
            bytes: self.messages.iter().map(|m| m.size).sum(),
            digest: hex(&digest.finalize()),
        }
    }
}

impl Snapshot {
    /// The figures.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let folders: Vec<_> = self.folders.iter().map(FolderSnapshot::summary).collect();
        let mut digest = Sha256::new();
        for folder in &folders {
            digest.update(folder.name.as_bytes());
            digest.update([0]);
            digest.update(folder.uidvalidity.to_be_bytes());
            digest.update(folder.digest.as_bytes());
        }
        Summary {
            messages: folders.iter().map(|f| f.messages).sum(),
            bytes: folders.iter().map(|f| f.bytes).sum(),
            digest: hex(&digest.finalize()),
            groupware: self.groupware.as_ref().map(Inventory::summary),
            filters: self.filters.as_ref().map(|all| all.scripts.len() as u64),
            folders,
        }
    }
}

/// The outcome of comparing two snapshots of a mailbox that was converted in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Messages in the second that came after the first: their UID is at or above its UIDNEXT, or
    /// their folder is new.
    pub arrived: u64,
    /// One sentence for each thing that is not as it was; empty means identical.
    pub differences: Vec<String>,
}

/// Compares folder by folder, UID by UID.
#[must_use]
pub fn compare(before: &Snapshot, after: &Snapshot) -> Comparison {
    let mut result = Comparison::default();
    let mut later: BTreeMap<&str, &FolderSnapshot> =
        after.folders.iter().map(|f| (f.name.as_str(), f)).collect();
    for old in &before.folders {
        match later.remove(old.name.as_str()) {
            None => result.differences.push(format!(
                "Folder {} with {} messages is gone.",
                old.name,
                old.messages.len()
            )),
            Some(new) if new.uidvalidity != old.uidvalidity => {
                result.differences.push(format!(
                    "Folder {} changed its UIDVALIDITY from {} to {}.",
                    old.name, old.uidvalidity, new.uidvalidity
                ));
            }
            Some(new) => compare_folder(old, new, &mut result),
        }
    }
    result.arrived += later.values().map(|f| f.messages.len() as u64).sum::<u64>();
    result
}

fn compare_folder(old: &FolderSnapshot, new: &FolderSnapshot, result: &mut Comparison) {
    let found: BTreeMap<u32, &MessageMark> = new.messages.iter().map(|m| (m.uid, m)).collect();
    let known: BTreeMap<u32, &MessageMark> = old.messages.iter().map(|m| (m.uid, m)).collect();
    for message in &old.messages {
        let Some(twin) = found.get(&message.uid) else {
            result
                .differences
                .push(format!("Message {} in {} is gone.", message.uid, old.name));
            continue;
        };
        for other in message.differs(twin) {
            result.differences.push(format!(
                "Message {} in {} has {other} than before.",
                message.uid, old.name
            ));
        }
    }
    for uid in found.keys().filter(|uid| !known.contains_key(uid)) {
        if *uid >= old.uidnext {
            result.arrived += 1;
        } else {
            result.differences.push(format!(
                "Message {uid} in {} was not there before.",
                old.name
            ));
        }
    }
}

/// Looks again at every message of `before`, after the owner has been let back in: one that is
/// still there must be byte for byte what it was. Flags are the owner's to change by then, and mail
/// the owner's to remove, so both are counted and neither is a difference.
#[must_use]
pub fn read_again(before: &Snapshot, now: &Snapshot) -> (ReadAgain, Vec<String>) {
    let mut seen = ReadAgain::default();
    let mut differences = vec![];
    for old in &before.folders {
        let same = |f: &&FolderSnapshot| f.name == old.name && f.uidvalidity == old.uidvalidity;
        let found: BTreeMap<u32, &MessageMark> = now
            .folders
            .iter()
            .find(same)
            .map(|f| f.messages.iter().map(|m| (m.uid, m)).collect())
            .unwrap_or_default();
        for message in &old.messages {
            match found.get(&message.uid) {
                None => seen.removed_since += 1,
                Some(twin) if twin.sha256 != message.sha256 || twin.date != message.date => {
                    differences.push(format!(
                        "Message {} in {} has other text or another date than before.",
                        message.uid, old.name
                    ));
                }
                Some(twin) => {
                    seen.unchanged += 1;
                    seen.flagged_since += u64::from(twin.flags != message.flags);
                }
            }
        }
    }
    (seen, differences)
}

/// Bytes in small hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A digest as hexadecimal text in JSON.
pub(super) mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(D::Error::custom("a digest has 64 hexadecimal digits"));
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(bytes)
    }
}
