//! A ledger in memory, which can be told to fail as one does whose process is killed.
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use pilothouse::backends::imap::copy::{Ledger, LedgerError};
use pilothouse::domain::copying::{CopiedFolder, CopiedMessage};

type Folders = BTreeMap<u32, (CopiedFolder, BTreeMap<u32, CopiedMessage>)>;

/// What has been copied.
pub struct MemoryLedger {
    folders: Mutex<Folders>,
    /// So many more writes succeed.
    writes_left: AtomicI64,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self {
            folders: Mutex::default(),
            writes_left: AtomicI64::new(i64::MAX),
        }
    }
}

impl MemoryLedger {
    /// After so many writes, every other one fails, and with it the pass.
    pub fn fail_after(&self, writes: i64) {
        self.writes_left.store(writes, Ordering::SeqCst);
    }

    /// How many messages it knows.
    pub fn count(&self) -> usize {
        let folders = self.folders.lock().unwrap();
        folders.values().map(|(_, messages)| messages.len()).sum()
    }

    /// The same, seen from the other end.
    pub fn reversed(&self) -> Self {
        let turned =
            |(key, (folder, messages)): (&u32, &(CopiedFolder, BTreeMap<u32, CopiedMessage>))| {
                let messages = messages.values().cloned().map(CopiedMessage::reversed);
                let messages = messages.map(|message| (message.source_uid, message));
                (*key, (folder.clone().reversed(), messages.collect()))
            };
        let folders = self.folders.lock().unwrap().iter().map(turned).collect();
        Self {
            folders: Mutex::new(folders),
            ..Self::default()
        }
    }

    fn write(&self, change: impl FnOnce(&mut Folders)) -> Result<(), LedgerError> {
        if self.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(LedgerError("killed".into()));
        }
        change(&mut self.folders.lock().unwrap());
        Ok(())
    }
}

fn keyed(messages: &[CopiedMessage]) -> impl Iterator<Item = (u32, CopiedMessage)> {
    messages
        .iter()
        .map(|message| (message.source_uid, message.clone()))
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn folders(&self) -> Result<Vec<CopiedFolder>, LedgerError> {
        let folders = self.folders.lock().unwrap();
        Ok(folders.values().map(|(folder, _)| folder.clone()).collect())
    }

    async fn put_folder(&self, folder: &CopiedFolder) -> Result<(), LedgerError> {
        self.write(|folders| {
            let empty = || (folder.clone(), BTreeMap::new());
            folders.entry(folder.key).or_insert_with(empty).0 = folder.clone();
        })
    }

    async fn forget_folder(&self, key: u32) -> Result<(), LedgerError> {
        self.write(|folders| drop(folders.remove(&key)))
    }

    async fn messages(&self, key: u32) -> Result<Vec<CopiedMessage>, LedgerError> {
        let folders = self.folders.lock().unwrap();
        let messages = folders
            .get(&key)
            .map(|(_, messages)| messages.values().cloned());
        Ok(messages.map(Iterator::collect).unwrap_or_default())
    }

    async fn put(&self, key: u32, messages: &[CopiedMessage]) -> Result<(), LedgerError> {
        self.write(|folders| folders.get_mut(&key).unwrap().1.extend(keyed(messages)))
    }

    async fn forget(&self, key: u32, source_uids: &[u32]) -> Result<(), LedgerError> {
        self.write(|folders| {
            let messages = &mut folders.get_mut(&key).unwrap().1;
            messages.retain(|uid, _| !source_uids.contains(uid));
        })
    }

    async fn replace(
        &self,
        folder: &CopiedFolder,
        messages: &[CopiedMessage],
    ) -> Result<(), LedgerError> {
        self.write(|folders| {
            folders.insert(folder.key, (folder.clone(), keyed(messages).collect()));
        })
    }
}
