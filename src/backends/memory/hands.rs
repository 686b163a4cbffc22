//! The hands of a test inside the server: mail that arrives, owners who sign in, and somebody who
//! changes things behind the panel's back.
use chrono::{DateTime, Utc};

use super::super::{Abilities, ServerError};
use super::MemoryServer;
use super::accounts::Account;
use super::mail::{Message, marked};
use crate::domain::mailserver::{Change, ObservedMailbox, Onward};
use crate::domain::{DomainName, EmailAddress, Protocol, Protocols};

/// A message for a folder.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// As stored, byte for byte.
    pub body: &'a [u8],
    /// Flags and keywords.
    pub flags: &'a [&'a str],
    /// The internal date.
    pub date: DateTime<Utc>,
}

/// Calendars.
impl MemoryServer {
    /// Writes an item into a collection behind the panel's back. Says whether there is one.
    #[must_use]
    pub fn scribble(&self, of: &EmailAddress, path: &str, name: &str, content: &str) -> bool {
        let mut world = self.world();
        let account = world.at_mut(of);
        account.is_some_and(|account| account.calendars.scribble(path, name, content))
    }
}

/// Mail.
impl MemoryServer {
    /// Mail arrives in the inbox, if the server takes it. Returns its UID, or the refusal; mail for
    /// an address that is passed on is refused with the name of the server that it lives on.
    pub fn deliver(&self, to: &EmailAddress, body: &[u8]) -> Result<u32, ServerError> {
        let date = self.inner.clock.now().timestamp();
        let mut world = self.world();
        let refused = |why: &str| Err(ServerError::Refused(format!("{to}: {why}")));
        if world.domains.get(&to.domain()) != Some(&true) {
            return refused("relay access denied");
        }
        if let Some(onward) = world.onward(to) {
            return refused(&format!("lives on {}", onward.server));
        }
        let Some(account) = world.at_mut(to) else {
            return refused("no such mailbox");
        };
        if !account.seen.receives {
            return refused("does not receive mail");
        }
        let size = i64::try_from(body.len()).unwrap_or(i64::MAX);
        if account.seen.quota_bytes > 0 && account.store.bytes() + size > account.seen.quota_bytes {
            return refused("quota exceeded");
        }
        Ok(account.store.folder("INBOX").add(Message {
            body: body.into(),
            flags: marked(&[]),
            date,
        }))
    }

    /// Puts a message into a folder, which is made when it is missing. Returns its UID; `None`
    /// when there is no such account.
    #[must_use]
    pub fn append(&self, to: &EmailAddress, folder: &str, letter: &Letter<'_>) -> Option<u32> {
        let mut world = self.world();
        let account = world.at_mut(to)?;
        Some(account.store.folder(folder).add(Message {
            body: letter.body.into(),
            flags: marked(letter.flags),
            date: letter.date.timestamp(),
        }))
    }

    /// Changes a message in place. Says whether there is one.
    fn touch(
        &self,
        of: &EmailAddress,
        folder: &str,
        uid: u32,
        change: impl FnOnce(&mut Message),
    ) -> bool {
        let mut world = self.world();
        let message = world
            .at_mut(of)
            .and_then(|account| account.store.folders.get_mut(folder))
            .and_then(|folder| folder.messages.get_mut(&uid));
        message.map(change).is_some()
    }

    /// Replaces the flags of a message. Says whether there is one.
    #[must_use]
    pub fn flag(&self, of: &EmailAddress, folder: &str, uid: u32, flags: &[&str]) -> bool {
        self.touch(of, folder, uid, |m| m.flags = marked(flags))
    }

    /// Replaces the text of a message, which no sound server does. Says whether there is one.
    #[must_use]
    pub fn tamper(&self, of: &EmailAddress, folder: &str, uid: u32, body: &[u8]) -> bool {
        self.touch(of, folder, uid, |m| m.body = body.into())
    }

    /// Removes a message. Says whether there was one.
    #[must_use]
    pub fn expunge(&self, of: &EmailAddress, folder: &str, uid: u32) -> bool {
        let mut world = self.world();
        world
            .at_mut(of)
            .and_then(|account| account.store.folders.get_mut(folder))
            .is_some_and(|folder| folder.messages.remove(&uid).is_some())
    }

    /// Removes a folder with its mail. Says whether there was one.
    #[must_use]
    pub fn delete_folder(&self, of: &EmailAddress, folder: &str) -> bool {
        let mut world = self.world();
        world
            .at_mut(of)
            .is_some_and(|account| account.store.folders.remove(folder).is_some())
    }

    /// Gives a folder a new UIDVALIDITY, as a server does that lost its index.
    pub fn renumber(&self, of: &EmailAddress, folder: &str) {
        if let Some(account) = self.world().at_mut(of) {
            account.store.renumber(folder);
        }
    }
}

/// Owners.
impl MemoryServer {
    /// The owner signs in; the session stays open until it is ended. `Err` has the sentence that
    /// the client is told.
    pub fn sign_in(&self, address: &EmailAddress, protocol: Protocol) -> Result<(), String> {
        let now = self.inner.clock.now();
        let mut world = self.world();
        if let Some(onward) = world.onward(address) {
            return Err(format!("lives on {}", onward.server));
        }
        let account = world.at_mut(address).ok_or("Authentication failed.")?;
        if !account.seen.open.has(protocol) {
            let usual = || format!("{} is closed for this mailbox.", protocol.label());
            return Err(account.seen.closed_reason.clone().unwrap_or_else(usual));
        }
        account.last_used.insert(protocol, now);
        account.sessions.push(protocol);
        Ok(())
    }

    /// The sessions that are open, in the order in which they were opened.
    #[must_use]
    pub fn sessions(&self, address: &EmailAddress) -> Vec<Protocol> {
        self.world()
            .at(address)
            .map(|account| account.sessions.clone())
            .unwrap_or_default()
    }
}

/// The server's own admin.
impl MemoryServer {
    /// Changes what it offers.
    pub fn offer(&self, offers: Protocols) {
        self.world().offers = offers;
    }

    /// Changes what it can do beyond what every server must.
    pub fn limit_to(&self, abilities: Abilities) {
        self.world().abilities = abilities;
    }

    /// Sets a domain behind the panel's back; `None` makes the server forget it.
    pub fn set_domain(&self, name: &DomainName, accepts: Option<bool>) {
        let mut world = self.world();
        match accepts {
            Some(accepts) => world.domains.insert(name.clone(), accepts),
            None => world.domains.remove(name),
        };
    }

    /// Changes an account behind the panel's back. Says whether there is one.
    pub fn meddle(
        &self,
        address: &EmailAddress,
        change: impl FnOnce(&mut ObservedMailbox),
    ) -> bool {
        let mut world = self.world();
        world
            .at_mut(address)
            .map(|account| change(&mut account.seen))
            .is_some()
    }

    /// Makes an account behind the panel's back. Its `remote_id` is replaced by a fresh one, which
    /// is returned; its domain is made known.
    #[expect(clippy::must_use_candidate, reason = "most tests do not need the id")]
    pub fn plant(&self, mut account: ObservedMailbox) -> String {
        let mut world = self.world();
        let domain = account.address.domain();
        world.domains.entry(domain).or_insert(true);
        let id = world.fresh_id();
        account.remote_id.clone_from(&id);
        world.accounts.insert(id.clone(), Account::of(account));
        id
    }

    /// Destroys an account behind the panel's back. Says whether there was one.
    #[must_use]
    pub fn uproot(&self, address: &EmailAddress) -> bool {
        let mut world = self.world();
        let before = world.accounts.len();
        world.accounts.retain(|_, a| a.seen.address != *address);
        world.accounts.len() < before
    }

    /// The account as it is.
    #[must_use]
    pub fn account(&self, address: &EmailAddress) -> Option<ObservedMailbox> {
        self.world().at(address).map(|account| account.seen.clone())
    }

    /// The name of the server that what comes for this address is passed on to.
    #[must_use]
    pub fn forwarded(&self, address: &EmailAddress) -> Option<String> {
        let world = self.world();
        world.onward(address).map(|onward| onward.server.clone())
    }

    /// Where what comes for this address is passed on to.
    #[must_use]
    pub fn onward(&self, address: &EmailAddress) -> Option<Onward> {
        self.world().onward(address).cloned()
    }

    /// From now on it is reached at this host.
    pub fn move_to(&self, host: &str) {
        host.clone_into(&mut self.world().host);
    }

    /// Every change that had its effect, in order.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.world().changes.clone()
    }

    /// Whose sessions were ended, in order.
    #[must_use]
    pub fn kicks(&self) -> Vec<EmailAddress> {
        self.world().kicks.clone()
    }
}
