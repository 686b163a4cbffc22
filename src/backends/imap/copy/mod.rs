//! Copies a mailbox from one IMAP server to another, and keeps the copy up with its source until
//! the owner is let in at the new place. It knows no product: what a server can do is asked.
//!
//! What has been copied stands in a [`Ledger`], written after each batch, so that a pass that was
//! killed anywhere is taken up by the next one: what stands at the target and not in the ledger is
//! recognised by its digest and never appended twice.
mod append;
mod changes;
mod fetch;
mod folder;
mod meter;
mod numbers;
mod pairing;
mod pool;
mod run;
mod sides;
mod target;
mod upkeep;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Login;
use crate::backends::ServerError;
use crate::domain::Progress;
use crate::domain::copying::{self, Copied, CopiedFolder, CopiedMessage, Pass};
use crate::domain::snapshot::{Comparison, Snapshot};
use meter::Meter;

pub(super) use sides::{namespaces, tell};

/// A message of more bytes is never held in memory whole.
const LARGE: u64 = 128 * 1024;
/// Ranges of UIDs in one command: it stays well below the line length that servers take.
const RANGES: usize = 200;

/// One side of a copy.
#[derive(Clone)]
pub struct End {
    /// The door to the mailbox.
    pub login: Login,
    /// The server's ability to number folders and messages as we ask, where it has one.
    pub numbering: Option<Arc<dyn Numbering>>,
}

/// A server's ability to set the numbers of a folder. With it, messages keep their UIDs and folders
/// their UIDVALIDITY, so that POP3 UIDLs and the caches of mail programs stay good. Nothing depends
/// on it: which UID a message got is what the server says after APPEND.
#[async_trait]
pub trait Numbering: Send + Sync {
    /// Sets them for a folder of this one mailbox, named decoded with `/` between levels. Called
    /// twice with the same numbers, the second time changes nothing.
    async fn number(&self, folder: &str, numbers: Numbers) -> Result<(), ServerError>;
}

/// The numbers of a folder; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// UIDVALIDITY; asked for only while the folder is empty.
    pub uidvalidity: Option<u32>,
    /// The next message gets this UID, or a higher one.
    pub next_uid: Option<u32>,
}

/// The ledger could not be read or written, or is no longer ours to write.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LedgerError(#[from] pub Box<dyn Error + Send + Sync>);

/// What has been copied. One copy has one ledger and one writer at a time. Each call is durable
/// when it returns, and all or nothing.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Every folder.
    async fn folders(&self) -> Result<Vec<CopiedFolder>, LedgerError>;
    /// Writes a folder, in the place of what has the same key.
    async fn put_folder(&self, folder: &CopiedFolder) -> Result<(), LedgerError>;
    /// Forgets a folder and its messages.
    async fn forget_folder(&self, key: u32) -> Result<(), LedgerError>;
    /// Every message of a folder, by source UID.
    async fn messages(&self, key: u32) -> Result<Vec<CopiedMessage>, LedgerError>;
    /// Writes messages, each in the place of what has the same source UID.
    async fn put(&self, key: u32, messages: &[CopiedMessage]) -> Result<(), LedgerError>;
    /// Forgets messages by source UID.
    async fn forget(&self, key: u32, source_uids: &[u32]) -> Result<(), LedgerError>;
    /// Forgets every message of a folder, and writes these in their place: after a UIDVALIDITY
    /// has changed.
    async fn replace(
        &self,
        folder: &CopiedFolder,
        messages: &[CopiedMessage],
    ) -> Result<(), LedgerError>;
}

/// Where folders of the source go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    /// The folder that the source uses for drafts, sent mail and the like (RFC 6154) goes to the
    /// one that the target uses for it, whatever each is called.
    pub by_use: bool,
    /// Everything but what `by_use` takes, and INBOX, goes below this folder of the target.
    pub below: Option<String>,
    /// Folders that go where it says here, and nowhere else: (source, target).
    pub named: Vec<(String, String)>,
    /// Folders of the source that are not copied.
    pub without: Vec<String>,
}

/// What of the source a pass carries over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The target becomes what the source is: new messages and folders, changed flags, renamed and
    /// removed folders, expunged messages. Only what the ledger says came from the source is ever
    /// changed or removed.
    Mirror,
    /// New messages and folders, changed flags, renamed folders; nothing is ever removed.
    Keeping,
    /// Only messages that the ledger does not know are appended, and folders made for them. No
    /// flag is touched, nothing is renamed or removed.
    Additions,
}

/// How a pass goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections to each side at once, at least 1.
    pub connections: usize,
    /// Where folders go; by default where they are.
    pub mapping: Mapping,
    /// Whether mail that stood at the target before the first pass counts as copied when the same
    /// bytes and date are at the source. Where not, it is left alone, and the source's is added.
    pub adopt: bool,
    /// What of the source is carried over.
    pub mode: Mode,
    /// Whether nothing but this copying puts mail into the target. Then what a killed pass has
    /// appended there, and the source has expunged since, is told from mail that came by itself,
    /// and goes in a [`Mode::Mirror`] pass.
    pub alone: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4,
            mapping: Mapping::default(),
            adopt: false,
            mode: Mode::Mirror,
            alone: false,
        }
    }
}

/// Why a pass or a verification ended before its end. What was copied until then is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source.
    #[error("the source {0}")]
    Source(ServerError),
    /// The target.
    #[error("the target {0}")]
    Target(ServerError),
    /// The mailbox at the target is full; its words.
    #[error("the mailbox at the target is full: {0}")]
    Full(String),
    /// The ledger.
    #[error("what was copied cannot be kept: {0}")]
    Ledger(#[from] LedgerError),
}

impl CopyError {
    /// Whether the same pass may succeed later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Source(fault) | Self::Target(fault) => fault.passes(),
            Self::Full(_) | Self::Ledger(_) => false,
        }
    }
}

/// Hears now and then how far a pass is.
pub type Told<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A target that was read in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it holds.
    pub target: Snapshot,
    /// How that compares with what was copied.
    pub comparison: Comparison,
}

/// Brings the target to what the source is now. The first pass and every later one are the same.
pub async fn pass(
    source: &End,
    target: &End,
    ledger: &dyn Ledger,
    limits: &Limits,
    told: Told<'_>,
) -> Result<Pass, CopyError> {
    let start = Instant::now();
    let mut pass = run::run(source, target, ledger, limits, told).await?;
    pass.took = start.elapsed();
    Ok(pass)
}

/// A folder of the source, and where it would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name at the source.
    pub name: String,
    /// Its name at the target; `None` when it is left out.
    pub goes_to: Option<String>,
    /// How many messages it holds.
    pub messages: u64,
    /// Their bytes; 0 when the source does not tell.
    pub bytes: u64,
}

/// Looks at both sides and says what a first pass would do. Changes nothing.
pub async fn look(source: &End, target: &End, mapping: &Mapping) -> Result<Vec<Seen>, CopyError> {
    run::look(source, target, mapping).await
}

/// The source as it was copied: its UIDs, dates, flags, and the digests of the bytes that passed.
pub async fn source_snapshot(ledger: &dyn Ledger) -> Result<Snapshot, LedgerError> {
    Ok(copying::source_snapshot(&copied(ledger).await?))
}

/// Reads every message of the target in full and compares it with what was copied.
pub async fn verify(
    target: &End,
    ledger: &dyn Ledger,
    told: Told<'_>,
) -> Result<Verified, CopyError> {
    let read = super::survey(&target.login, None, told).await;
    let target = read.map_err(CopyError::Target)?;
    let comparison = copying::compare_copy(&copied(ledger).await?, &target);
    Ok(Verified { target, comparison })
}

async fn copied(ledger: &dyn Ledger) -> Result<Copied, LedgerError> {
    let mut copied = Vec::new();
    for folder in ledger.folders().await? {
        let messages = ledger.messages(folder.key).await?;
        copied.push((folder, messages));
    }
    Ok(copied)
}
