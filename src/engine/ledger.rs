//! The ledger of a copy, kept in the panel's database.
use async_trait::async_trait;

use crate::backends::imap::copy::{Ledger, LedgerError};
use crate::domain::copying::{CopiedFolder, CopiedMessage};
use crate::store::engine::conversions::{self, Job};
use crate::store::engine::copies::{self, LedgerId};
use crate::store::{self, StoreError};

/// One ledger.
pub struct Stored {
    store: store::Engine,
    id: LedgerId,
    /// The conversion that writes it, while its lease holds: one that was taken over by another
    /// process writes no more.
    job: Option<Job>,
}

impl Stored {
    /// The ledger of that id; one that was never written is empty.
    #[must_use]
    pub const fn new(store: store::Engine, id: LedgerId) -> Self {
        let job = None;
        Self { store, id, job }
    }

    /// The ledger of that id, written for a conversion.
    #[must_use]
    pub fn of(store: store::Engine, id: LedgerId, job: &Job) -> Self {
        let job = Some(job.clone());
        Self { store, id, job }
    }

    async fn may_write(&self) -> Result<(), LedgerError> {
        let Some(job) = &self.job else {
            return Ok(());
        };
        match conversions::holds(&self.store, job).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerError("the lease on the conversion is lost".into())),
            Err(error) => Err(fault(error)),
        }
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
        self.may_write().await?;
        let put = copies::put_folder(&self.store, self.id, folder);
        put.await.map_err(fault)
    }

    async fn forget_folder(&self, key: u32) -> Result<(), LedgerError> {
        self.may_write().await?;
        let forgotten = copies::forget_folder(&self.store, self.id, key);
        forgotten.await.map_err(fault)
    }

    async fn messages(&self, key: u32) -> Result<Vec<CopiedMessage>, LedgerError> {
        let messages = copies::messages(&self.store, self.id, key);
        messages.await.map_err(fault)
    }

    async fn put(&self, key: u32, messages: &[CopiedMessage]) -> Result<(), LedgerError> {
        self.may_write().await?;
        let put = copies::put(&self.store, self.id, key, messages);
        put.await.map_err(fault)
    }

    async fn forget(&self, key: u32, source_uids: &[u32]) -> Result<(), LedgerError> {
        self.may_write().await?;
        let forgotten = copies::forget(&self.store, self.id, key, source_uids);
        forgotten.await.map_err(fault)
    }

    async fn replace(
        &self,
        folder: &CopiedFolder,
        messages: &[CopiedMessage],
    ) -> Result<(), LedgerError> {
        self.may_write().await?;
        let replaced = copies::replace(&self.store, self.id, folder, messages);
        replaced.await.map_err(fault)
    }
}
