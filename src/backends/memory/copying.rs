//! Copying between two servers in memory, by the same ledger as over IMAP: so that everything around
//! a copy can be tested without a mail server.
use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::mail::Message;
use super::{Call, MemoryServer};
use crate::backends::ServerError;
use crate::backends::imap::copy::{CopyError, Ledger, Mode, Told};
use crate::domain::copying::{CopiedFolder, CopiedMessage, Pass};
use crate::domain::{EmailAddress, Progress};

/// A mailbox of a server in memory.
#[derive(Clone)]
pub struct Mailbox {
    server: MemoryServer,
    address: EmailAddress,
}

/// What a source folder holds.
struct Found {
    uidvalidity: u32,
    uidnext: u32,
    messages: Vec<(u32, Message)>,
}

impl Mailbox {
    pub(super) const fn new(server: MemoryServer, address: EmailAddress) -> Self {
        Self { server, address }
    }

    fn missing(&self) -> ServerError {
        ServerError::Refused(format!("there is no mailbox {}", self.address))
    }

    async fn read(&self) -> Result<Vec<(String, Found)>, ServerError> {
        let read = self.server.answer(Call::CopyFrom, |world| {
            let account = world.at(&self.address).ok_or_else(|| self.missing())?;
            let folder = |(name, folder): (&String, &super::mail::Folder)| {
                let messages = folder.messages.iter();
                let found = Found {
                    uidvalidity: folder.uidvalidity,
                    uidnext: folder.uidnext,
                    messages: messages.map(|(uid, m)| (*uid, m.clone())).collect(),
                };
                (name.clone(), found)
            };
            Ok(account.store.folders.iter().map(folder).collect())
        });
        read.await
    }

    /// Changes a folder, which is made when it is missing.
    async fn with<T: Send>(
        &self,
        folder: &str,
        change: impl FnOnce(&mut super::mail::Folder) -> T + Send,
    ) -> Result<T, ServerError> {
        let changed = self.server.answer(Call::CopyTo, |world| {
            let account = world.at_mut(&self.address).ok_or_else(|| self.missing())?;
            Ok(change(account.store.folder(folder)))
        });
        changed.await
    }
}

/// One pass; folder names are the same at both ends.
pub async fn copy(
    source: &Mailbox,
    target: &Mailbox,
    ledger: &dyn Ledger,
    mode: Mode,
    told: Told<'_>,
) -> Result<Pass, CopyError> {
    let folders = source.read().await.map_err(CopyError::Source)?;
    let mut known: HashMap<String, CopiedFolder> = HashMap::new();
    let mut last_key = 0;
    for folder in ledger.folders().await? {
        last_key = last_key.max(folder.key);
        known.insert(folder.source.clone(), folder);
    }
    let mut pass = Pass::default();
    for (name, found) in folders {
        let folder = known.remove(&name).unwrap_or_else(|| {
            last_key += 1;
            new_folder(last_key, &name, &found)
        });
        one_folder(target, ledger, mode, folder, &found, &mut pass).await?;
        told(Progress {
            messages_done: pass.copied,
            messages_total: pass.copied,
            bytes_done: pass.bytes,
            bytes_total: pass.bytes,
        });
    }
    Ok(pass)
}

fn new_folder(key: u32, name: &str, found: &Found) -> CopiedFolder {
    CopiedFolder {
        key,
        source: name.to_owned(),
        target: name.to_owned(),
        source_uidvalidity: found.uidvalidity,
        source_uidnext: 0,
        source_modseq: None,
        source_messages: 0,
        target_uidvalidity: 0,
        target_seen: 0,
        target_first: 0,
        under_way: false,
        subscribed: true,
    }
}

async fn one_folder(
    target: &Mailbox,
    ledger: &dyn Ledger,
    mode: Mode,
    mut folder: CopiedFolder,
    found: &Found,
    pass: &mut Pass,
) -> Result<(), CopyError> {
    let name = folder.target.clone();
    let validity = target.with(&name, |folder| folder.uidvalidity).await;
    folder.target_uidvalidity = validity.map_err(CopyError::Target)?;
    folder.source_uidnext = found.uidnext;
    ledger.put_folder(&folder).await?;
    let mut copied: HashMap<u32, CopiedMessage> = HashMap::new();
    for message in ledger.messages(folder.key).await? {
        copied.insert(message.source_uid, message);
    }
    pass.folders += 1;
    for (uid, message) in &found.messages {
        let entry = match copied.remove(uid) {
            None => Some(put(target, &name, *uid, message, pass).await?),
            Some(old) if mode == Mode::Mirror && old.flags != message.flags => {
                let flags = message.flags.clone();
                let set = target.with(&name, |folder| {
                    if let Some(there) = folder.messages.get_mut(&old.target_uid) {
                        there.flags = flags;
                    }
                });
                set.await.map_err(CopyError::Target)?;
                pass.flagged += 1;
                let flags = message.flags.clone();
                Some(CopiedMessage { flags, ..old })
            }
            Some(_) => None,
        };
        if let Some(entry) = entry {
            ledger.put(folder.key, &[entry]).await?;
        }
    }
    if mode == Mode::Mirror {
        for (uid, gone) in copied {
            let removed = target.with(&name, |folder| folder.messages.remove(&gone.target_uid));
            removed.await.map_err(CopyError::Target)?;
            ledger.forget(folder.key, &[uid]).await?;
            pass.removed += 1;
        }
    }
    Ok(())
}

/// Puts a message into the target, or finds it there: a pass that was cut off may have put it.
async fn put(
    target: &Mailbox,
    folder: &str,
    uid: u32,
    message: &Message,
    pass: &mut Pass,
) -> Result<CopiedMessage, CopyError> {
    let put = target.with(folder, |folder| {
        let same = |there: &&Message| there.body == message.body && there.date == message.date;
        // Between two servers in memory a message keeps its UID where that is free.
        match folder.messages.get(&uid).filter(same) {
            Some(_) => (uid, false),
            None => (folder.add_at(uid, message.clone()), true),
        }
    });
    let (target_uid, new) = put.await.map_err(CopyError::Target)?;
    let size = message.body.len() as u64;
    if new {
        pass.copied += 1;
        pass.bytes += size;
    } else {
        pass.recognised += 1;
    }
    Ok(CopiedMessage {
        source_uid: uid,
        target_uid,
        size,
        date: message.date,
        flags: message.flags.clone(),
        sha256: Sha256::digest(&message.body).into(),
    })
}
