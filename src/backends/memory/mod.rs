//! A mail server in memory, for fast tests of our own logic only: accounts, folders, messages,
//! and every way in which a real server lets one down. It is as strict as the real adapters (the
//! contract suite in `tests/backends` runs against all of them), and is never offered to an
//! operator.
mod accounts;
mod copying;
mod faults;
mod groupware;
mod hands;
mod mail;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::groupware::Groupware;
use super::{Abilities, Depth, Health, MailServer, ServerError};
use crate::domain::filters::Filters;
use crate::domain::mailserver::{
    Answer, Change, Entrance, Listener, Observed, ObservedMailbox, Route, Security, Usage,
};
use crate::domain::snapshot::Snapshot;
use crate::domain::{Clock, EmailAddress, Progress, Protocol, Protocols};

use accounts::World;
pub use copying::{Mailbox, copy};
use faults::Faults;
pub use faults::{Call, Fault};
pub use hands::Letter;

/// The server. A clone is another handle on the same one.
#[derive(Clone)]
pub struct MemoryServer {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    world: Mutex<World>,
    faults: Mutex<Faults>,
}

impl MemoryServer {
    /// An empty server that offers these protocols and can do everything an adapter can.
    #[must_use]
    pub fn new(offers: Protocols, clock: Clock) -> Self {
        let world = Mutex::new(World::new(offers));
        let faults = Mutex::new(Faults::default());
        Self {
            inner: Arc::new(Inner {
                clock,
                world,
                faults,
            }),
        }
    }

    /// One that offers what Dovecot, Postfix and `SOGo` offer together: everything but JMAP.
    #[must_use]
    pub fn full(clock: Clock) -> Self {
        let jmap = Protocols::of(&[Protocol::Jmap]);
        Self::new(Protocols::of(&Protocol::ALL).without(jmap), clock)
    }

    /// One that offers POP/IMAP only.
    #[must_use]
    pub fn pop_imap_only(clock: Clock) -> Self {
        let offers = [Protocol::Imap, Protocol::Pop3, Protocol::Smtp];
        Self::new(Protocols::of(&offers), clock)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.inner
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call, lets it meet its fate, and has the effect in one piece.
    async fn answer<T: Send>(
        &self,
        call: Call,
        effect: impl FnOnce(&mut World) -> Result<T, ServerError> + Send,
    ) -> Result<T, ServerError> {
        let fate = self.faults().meet(call);
        if let Some(hook) = fate.hook {
            hook(self);
        }
        if !fate.delay.is_zero() {
            tokio::time::sleep(fate.delay).await;
        }
        if self.faults().is_down() {
            return Err(ServerError::Unreachable("connection refused".to_owned()));
        }
        match fate.fault {
            None => effect(&mut self.world()),
            Some(Fault::Refuse(why)) => Err(ServerError::Refused(why)),
            Some(Fault::Busy(why)) => Err(ServerError::Busy(why)),
            Some(Fault::LoseRequest) => {
                Err(ServerError::Unreachable("the connection broke".to_owned()))
            }
            Some(Fault::LoseAnswer) => {
                // What became of it is not told, not even when it was refused.
                let _ = effect(&mut self.world());
                Err(ServerError::Unreachable("the connection broke".to_owned()))
            }
        }
    }
}

#[async_trait]
impl MailServer for MemoryServer {
    fn offers(&self) -> Protocols {
        self.world().offers
    }

    fn abilities(&self) -> Abilities {
        self.world().abilities
    }

    fn listeners(&self) -> Vec<Listener> {
        self.offers().iter().map(listener).collect()
    }

    async fn health(&self) -> Result<Health, ServerError> {
        self.answer(Call::Health, |_| {
            Ok(Health {
                version: "memory".to_owned(),
                took: Duration::ZERO,
            })
        })
        .await
    }

    async fn observe(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError> {
        self.answer(Call::Observe, |world| Ok(world.observe(addresses)))
            .await
    }

    async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError> {
        self.answer(Call::List, |world| Ok(world.list(after, limit)))
            .await
    }

    async fn apply(&self, change: &Change) -> Result<Option<String>, ServerError> {
        self.answer(Call::Apply, |world| world.apply(change)).await
    }

    async fn usage(&self, addresses: &[EmailAddress]) -> Result<Vec<Usage>, ServerError> {
        self.answer(Call::Usage, |world| Ok(world.usage(addresses)))
            .await
    }

    async fn snapshot(
        &self,
        mailbox: &EmailAddress,
        depth: Depth,
        known: Option<&Snapshot>,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Snapshot, ServerError> {
        self.answer(Call::Snapshot, |world| {
            world.snapshot(mailbox, depth, known, told)
        })
        .await
    }

    fn entrance(&self) -> Option<Entrance> {
        let offers = self.offers();
        Some(Entrance {
            host: self.world().host.clone(),
            smtp: 25,
            imap: offers.has(Protocol::Imap).then_some(143),
            pop3: offers.has(Protocol::Pop3).then_some(110),
            sieve: None,
            http: offers
                .has_calendars()
                .then(|| "https://memory.test".to_owned()),
            verified: true,
        })
    }

    async fn introduce(&self, peers: &[(String, Entrance)]) -> Result<(), ServerError> {
        self.answer(Call::Introduce, |world| {
            world.introduce(peers);
            Ok(())
        })
        .await
    }

    async fn route(&self, routes: &[Route]) -> Result<(), ServerError> {
        self.answer(Call::Route, |world| {
            world.route(routes);
            Ok(())
        })
        .await
    }

    fn groupware(&self, mailbox: &EmailAddress) -> Option<Arc<dyn Groupware>> {
        let has_them = self.offers().has_calendars();
        has_them.then(|| Arc::new(groupware::Of::new(self.clone(), mailbox.clone())) as _)
    }

    async fn filters(&self, mailbox: &EmailAddress) -> Result<Option<Filters>, ServerError> {
        self.answer(Call::Filters, |world| {
            let account = world.at(mailbox);
            Ok(Some(account.map(|a| a.filters.clone()).unwrap_or_default()))
        })
        .await
    }

    async fn put_filters(
        &self,
        mailbox: &EmailAddress,
        filters: &Filters,
    ) -> Result<(), ServerError> {
        self.answer(Call::Filters, |world| {
            let account = world
                .at_mut(mailbox)
                .ok_or_else(|| ServerError::Refused(format!("there is no mailbox {mailbox}")))?;
            account.filters = filters.clone();
            Ok(())
        })
        .await
    }

    fn in_process(&self, mailbox: &EmailAddress) -> Option<Mailbox> {
        Some(Mailbox::new(self.clone(), mailbox.clone()))
    }

    async fn check(&self, protocol: Protocol) -> Answer {
        let asked = self
            .answer(Call::Check, |world| {
                if world.offers.has(protocol) {
                    Ok(format!("{} is ready.", protocol.label()))
                } else {
                    let why = format!("{} is not offered.", protocol.label());
                    Err(ServerError::Refused(why))
                }
            })
            .await;
        Answer {
            protocol,
            reachable: asked.is_ok(),
            detail: asked.unwrap_or_else(|fault| fault.to_string()),
            millis: 0,
        }
    }
}

fn listener(protocol: Protocol) -> Listener {
    let (port, path) = match protocol {
        Protocol::Imap => (993, None),
        Protocol::Pop3 => (995, None),
        Protocol::Smtp => (465, None),
        Protocol::Activesync => (443, Some("Microsoft-Server-ActiveSync")),
        Protocol::Dav => (443, Some("SOGo/dav/")),
        Protocol::Webmail => (443, Some("SOGo/")),
        Protocol::Jmap => (443, Some(".well-known/jmap")),
    };
    Listener {
        protocol,
        host: "memory.test".to_owned(),
        port,
        security: Security::Tls,
        url: path.map(|path| format!("https://memory.test/{path}")),
    }
}
