//! Domains and accounts, and what each change does to them.
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::super::{Abilities, ServerError};
use super::groupware::Calendars;
use super::mail::Store;
use crate::domain::filters::Filters;
use crate::domain::mailserver::{
    Aspect, Change, DesiredMailbox, Entrance, Observed, ObservedMailbox, Onward, PasswordMark,
    Route, Usage, wire_sentence,
};
use crate::domain::{DomainName, EmailAddress, MailboxId, Protocol, Protocols};

/// Everything the server holds.
pub(super) struct World {
    pub(super) offers: Protocols,
    /// Where other servers reach it.
    pub(super) host: String,
    pub(super) abilities: Abilities,
    pub(super) domains: BTreeMap<DomainName, bool>,
    /// By the server's own id.
    pub(super) accounts: BTreeMap<String, Account>,
    /// Where mailboxes live, as far as it was told.
    pub(super) routes: BTreeMap<MailboxId, Route>,
    /// Every change that had its effect, in order.
    pub(super) changes: Vec<Change>,
    /// Whose sessions were ended, in order.
    pub(super) kicks: Vec<EmailAddress>,
    made: u64,
}

/// One account with its mail.
pub(super) struct Account {
    pub(super) seen: ObservedMailbox,
    pub(super) store: Store,
    pub(super) calendars: Calendars,
    pub(super) filters: Filters,
    pub(super) last_used: BTreeMap<Protocol, DateTime<Utc>>,
    pub(super) sessions: Vec<Protocol>,
}

impl World {
    pub(super) fn new(offers: Protocols) -> Self {
        Self {
            offers,
            host: "memory.test".to_owned(),
            abilities: Abilities {
                ends_sessions: true,
                tells_last_use: true,
                tells_password: true,
            },
            domains: BTreeMap::new(),
            accounts: BTreeMap::new(),
            routes: BTreeMap::new(),
            changes: Vec::new(),
            kicks: Vec::new(),
            made: 0,
        }
    }

    pub(super) fn at(&self, address: &EmailAddress) -> Option<&Account> {
        self.accounts.values().find(|a| a.seen.address == *address)
    }

    pub(super) fn at_mut(&mut self, address: &EmailAddress) -> Option<&mut Account> {
        self.accounts
            .values_mut()
            .find(|a| a.seen.address == *address)
    }

    /// Where what comes for an address is passed on to, in a domain that mail is taken for.
    pub(super) fn onward(&self, address: &EmailAddress) -> Option<&Onward> {
        let accepts = self.domains.get(&address.domain()) == Some(&true);
        let route = self.routes.values().find(|r| r.address == *address);
        route.filter(|_| accepts)?.onward.as_ref()
    }

    pub(super) fn route(&mut self, routes: &[Route]) {
        for route in routes {
            let newer = |known: &Route| known.generation > route.generation;
            if self.routes.get(&route.mailbox).is_some_and(newer) {
                continue;
            }
            // An address that was another mailbox's before.
            self.routes
                .retain(|_, known| known.address != route.address);
            self.routes.insert(route.mailbox, route.clone());
        }
    }

    pub(super) fn introduce(&mut self, peers: &[(String, Entrance)]) {
        for onward in self.routes.values_mut().filter_map(|r| r.onward.as_mut()) {
            if let Some((_, to)) = peers.iter().find(|(name, _)| *name == onward.server) {
                onward.entrance = to.clone();
            }
        }
    }

    pub(super) fn fresh_id(&mut self) -> String {
        self.made += 1;
        format!("m{}", self.made)
    }

    /// An account as the server tells of it.
    fn told(&self, account: &Account) -> ObservedMailbox {
        let mut seen = account.seen.clone();
        if !self.abilities.tells_password {
            seen.password = None;
        }
        seen
    }

    pub(super) fn observe(&self, addresses: &[EmailAddress]) -> HashMap<EmailAddress, Observed> {
        let one = |address: &EmailAddress| {
            let observed = Observed {
                domain_accepts: self.domains.get(&address.domain()).copied(),
                account: self.at(address).map(|account| self.told(account)),
            };
            (address.clone(), observed)
        };
        addresses.iter().map(one).collect()
    }

    pub(super) fn list(&self, after: Option<&EmailAddress>, limit: u32) -> Vec<ObservedMailbox> {
        let mut all: Vec<_> = self
            .accounts
            .values()
            .filter(|a| after.is_none_or(|after| a.seen.address > *after))
            .map(|account| self.told(account))
            .collect();
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all.truncate(limit as usize);
        all
    }

    pub(super) fn usage(&self, addresses: &[EmailAddress]) -> Vec<Usage> {
        let one = |address: &EmailAddress| {
            self.at(address).map(|account| Usage {
                address: address.clone(),
                used_bytes: account.store.bytes(),
                messages: account.store.messages(),
                holdings: self
                    .offers
                    .has_calendars()
                    .then(|| account.calendars.holdings()),
                last_used: if self.abilities.tells_last_use {
                    account.last_used.clone()
                } else {
                    BTreeMap::new()
                },
            })
        };
        addresses.iter().filter_map(one).collect()
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<Option<String>, ServerError> {
        let id = match change {
            Change::PutDomain { name, accepts } => {
                self.domains.insert(name.clone(), *accepts);
                None
            }
            Change::Create(desired) => Some(self.create(desired)?),
            Change::Update {
                remote_id,
                desired,
                aspects,
            } => {
                self.update(remote_id, desired, aspects)?;
                Some(remote_id.clone())
            }
            Change::EndSessions { address, remote_id } => {
                self.end_sessions(address, remote_id);
                None
            }
            Change::Remove { remote_id, .. } => {
                self.accounts.remove(remote_id);
                None
            }
        };
        self.changes.push(change.clone());
        Ok(id)
    }

    fn create(&mut self, desired: &DesiredMailbox) -> Result<String, ServerError> {
        self.accept(desired)?;
        let ours = self
            .accounts
            .values()
            .find(|a| a.seen.marker == Some(desired.id))
            .map(|a| a.seen.remote_id.clone());
        self.free_for(ours.as_deref(), &desired.address)?;
        let remote_id = ours.unwrap_or_else(|| self.fresh_id());
        let seen = ObservedMailbox {
            remote_id: remote_id.clone(),
            marker: Some(desired.id),
            address: desired.address.clone(),
            display_name: desired.display_name.clone(),
            password: Some(PasswordMark::of(desired.password_hash.as_ref())),
            open: desired.open,
            receives: desired.receives,
            closed_reason: desired.closed_reason.clone(),
            quota_bytes: desired.quota_bytes,
        };
        if let Some(account) = self.accounts.get_mut(&remote_id) {
            account.seen = seen;
        } else {
            self.accounts.insert(remote_id.clone(), Account::of(seen));
        }
        Ok(remote_id)
    }

    fn update(
        &mut self,
        remote_id: &str,
        desired: &DesiredMailbox,
        aspects: &[Aspect],
    ) -> Result<(), ServerError> {
        if !self.accounts.contains_key(remote_id) {
            let why = format!("there is no account {remote_id} ({})", desired.address);
            return Err(ServerError::Refused(why));
        }
        let looked_at = [Aspect::Open, Aspect::Address, Aspect::ClosedReason];
        if looked_at.iter().any(|aspect| aspects.contains(aspect)) {
            self.accept(desired)?;
        }
        if aspects.contains(&Aspect::Address) {
            self.free_for(Some(remote_id), &desired.address)?;
        }
        let Some(account) = self.accounts.get_mut(remote_id) else {
            return Ok(());
        };
        let seen = &mut account.seen;
        for aspect in aspects {
            match aspect {
                Aspect::Marker => seen.marker = Some(desired.id),
                Aspect::Address => seen.address = desired.address.clone(),
                Aspect::DisplayName => seen.display_name.clone_from(&desired.display_name),
                Aspect::Password => {
                    seen.password = Some(PasswordMark::of(desired.password_hash.as_ref()));
                }
                Aspect::Open => seen.open = desired.open,
                Aspect::Receives => seen.receives = desired.receives,
                Aspect::ClosedReason => seen.closed_reason.clone_from(&desired.closed_reason),
                Aspect::Quota => seen.quota_bytes = desired.quota_bytes,
            }
        }
        Ok(())
    }

    fn end_sessions(&mut self, address: &EmailAddress, remote_id: &str) {
        if !self.abilities.ends_sessions {
            return;
        }
        if let Some(account) = self.accounts.get_mut(remote_id) {
            account.sessions.clear();
        }
        self.kicks.push(address.clone());
    }

    /// Whether the server can hold it at all.
    fn accept(&self, desired: &DesiredMailbox) -> Result<(), ServerError> {
        if let Some(reason) = &desired.closed_reason
            && *reason != wire_sentence(reason)
        {
            let why = format!("{}: the reason cannot be said to a client", desired.address);
            return Err(ServerError::Refused(why));
        }
        let domain = desired.address.domain();
        if !self.domains.contains_key(&domain) {
            let why = format!("the domain {domain} is not known");
            return Err(ServerError::Refused(why));
        }
        if let Some(protocol) = desired.open.without(self.offers).iter().next() {
            let why = format!("{} is not offered", protocol.label());
            return Err(ServerError::Refused(why));
        }
        Ok(())
    }

    /// Whether nobody but `account` has the address.
    fn free_for(&self, account: Option<&str>, address: &EmailAddress) -> Result<(), ServerError> {
        match self.at(address) {
            Some(other) if account != Some(&other.seen.remote_id) => Err(ServerError::Refused(
                format!("{address} belongs to another account there"),
            )),
            _ => Ok(()),
        }
    }
}

impl Account {
    pub(super) fn of(seen: ObservedMailbox) -> Self {
        Self {
            seen,
            store: Store::new(),
            calendars: Calendars::default(),
            filters: Filters::default(),
            last_used: BTreeMap::new(),
            sessions: Vec::new(),
        }
    }
}
