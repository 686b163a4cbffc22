//! The ledger of a copy, kept in the panel's database.
use async_trait::async_trait;

use crate::backends::imap::copy::{Ledger, LedgerError};
use crate::domain::copying::{CopiedFolder, CopiedMessage};
use crate::store::engine::copies::{self, LedgerId};
use crate::store::{self, StoreError};

/// One ledger.
pub struct Stored {
    store: store::Engine,
    id: LedgerId,
}

impl Stored {
    /// The ledger of that id; one that was never written is empty.
    #[must_use]
    pub const fn new(store: store::Engine, id: LedgerId) -> Self {
        Self { store, id }
    }
}

fn fault(error: StoreError) -> LedgerError {
    LedgerError(Box::new(error))
}

#[async_trait]
impl Ledger for Stored {
    async fn folders(&self) -> Result<Vec<CopiedFolder>, LedgerError> {
        copies::folders(&self.store, self.id).await.map_err(fault)
    }

    async fn put_folder(&self, folder: &CopiedFolder) -> Result<(), LedgerError> {
        let put = copies::put_folder(&self.store, self.id, folder);
        put.await.map_err(fault)
    }

    async fn forget_folder(&self, key: u32) -> Result<(), LedgerError> {
        let forgotten = copies::forget_folder(&self.store, self.id, key);
        forgotten.await.map_err(fault)
    }

    async fn messages(&self, key: u32) -> Result<Vec<CopiedMessage>, LedgerError> {
        let messages = copies::messages(&self.store, self.id, key);
        messages.await.map_err(fault)
    }

    async fn put(&self, key: u32, messages: &[CopiedMessage]) -> Result<(), LedgerError> {
        let put = copies::put(&self.store, self.id, key, messages);
        put.await.map_err(fault)
    }

    async fn forget(&self, key: u32, source_uids: &[u32]) -> Result<(), LedgerError> {
        let forgotten = copies::forget(&self.store, self.id, key, source_uids);
        forgotten.await.map_err(fault)
    }

    async fn replace(
        &self,
        folder: &CopiedFolder,
        messages: &[CopiedMessage],
    ) -> Result<(), LedgerError> {
        let replaced = copies::replace(&self.store, self.id, folder, messages);
        replaced.await.map_err(fault)
    }
}
