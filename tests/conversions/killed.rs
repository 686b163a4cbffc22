//! A panel that dies at any moment, and another that carries on: nothing lost, nothing doubled.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use pilothouse::app::audit;
use pilothouse::authz::ViewAudit;
use pilothouse::backends::memory::MemoryServer;
use pilothouse::backends::{Abilities, Depth, Health, MailServer, ServerError};
use pilothouse::domain::mailserver::{
    Answer, Change, Entrance, Listener, Observed, ObservedMailbox, Route, Usage,
};
use pilothouse::domain::snapshot::Snapshot;
use pilothouse::domain::{
    Batch, BatchState, EmailAddress, ItemState, Kind, Mailbox, MailboxState, PageRequest, Progress,
    Protocol, Protocols,
};
use pilothouse::engine::servers::Servers;
use pilothouse::engine::{Context, conversion};
use tokio::sync::Notify;

use crate::stage::{Stage, address};
use crate::theatre::{another, batch, carry_on, furnished, item, mail, start};

/// A server whose nth call is the last that its caller makes.
#[derive(Clone)]
struct Deadly {
    server: MemoryServer,
    calls_left: Arc<AtomicUsize>,
    /// Whether the last call still has its effect.
    takes_effect: bool,
    died: Arc<Notify>,
}

impl Deadly {
    async fn meet<T>(&self, call: impl Future<Output = T> + Send) -> T {
        if self.calls_left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return call.await;
        }
        if self.takes_effect {
            let _ = call.await;
        }
        self.died.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl MailServer for Deadly {
    fn offers(&self) -> Protocols {
        self.server.offers()
    }

    fn abilities(&self) -> Abilities {
        self.server.abilities()
    }

    fn listeners(&self) -> Vec<Listener> {
        self.server.listeners()
    }

    async fn health(&self) -> Result<Health, ServerError> {
        self.server.health().await
    }

    async fn observe(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError> {
        self.meet(self.server.observe(addresses)).await
    }

    async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError> {
        self.server.list(after, limit).await
    }

    async fn apply(&self, change: &Change) -> Result<Option<String>, ServerError> {
        self.meet(self.server.apply(change)).await
    }

    async fn usage(&self, addresses: &[EmailAddress]) -> Result<Vec<Usage>, ServerError> {
        self.server.usage(addresses).await
    }

    async fn snapshot(
        &self,
        mailbox: &EmailAddress,
        depth: Depth,
        known: Option<&Snapshot>,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Snapshot, ServerError> {
        let snapshot = self.server.snapshot(mailbox, depth, known, told);
        self.meet(snapshot).await
    }

    fn entrance(&self) -> Option<Entrance> {
        self.server.entrance()
    }

    async fn route(&self, routes: &[Route]) -> Result<(), ServerError> {
        self.meet(self.server.route(routes)).await
    }

    async fn check(&self, protocol: Protocol) -> Answer {
        self.server.check(protocol).await
    }
}

/// Converts `local` with a panel that dies at its nth call of the server. Says whether it came to
/// that, or was done before.
async fn dies_at(stage: &Stage, nth: usize, takes_effect: bool) -> bool {
    let deadly = Deadly {
        server: stage.server.clone(),
        calls_left: Arc::new(AtomicUsize::new(nth)),
        takes_effect,
        died: Arc::default(),
    };
    let servers = Servers::default();
    servers.put(stage.id, Arc::new(deadly.clone()));
    let mortal = Context {
        servers,
        owner: "mortal".to_owned(),
        ..stage.context.clone()
    };
    let work = tokio::spawn(async move { carry_on(&mortal).await });
    let died = tokio::select! {
        () = deadly.died.notified() => true,
        () = async { while !work.is_finished() { tokio::task::yield_now().await } } => false,
    };
    work.abort();
    let _ = work.await;
    died
}

/// Another panel, after the leases of the dead one have run out.
async fn carried_on_by_another(stage: &Stage) {
    stage.world.clock.advance(TimeDelta::seconds(61));
    carry_on(&another(stage, "second").await).await;
}

async fn is_done_and_whole(stage: &Stage, local: &str, started: &Batch, before: &Snapshot) {
    let item = item(stage, started).await;
    assert_eq!(item.state, ItemState::Done, "{item:?}");
    assert!(item.receipt.unwrap().identical);
    let over = batch(stage, started).await;
    assert_eq!((over.state, over.counts.done), (BatchState::Done, 1));
    let mailbox = stage.see(local).await;
    assert_eq!(
        (mailbox.kind, mailbox.state),
        (Kind::Exchange, MailboxState::Ready)
    );
    assert_eq!(
        log(stage, &mailbox).await,
        ["mailbox.converted", "mailbox.switched_over"]
    );
    let now = mail(stage, local).await;
    assert_eq!(now.summary().messages, before.summary().messages + 1);
    let compared = pilothouse::domain::snapshot::compare(before, &now);
    assert_eq!((compared.arrived, compared.differences), (1, vec![]));
    stage
        .server
        .sign_in(&address(local), Protocol::Activesync)
        .unwrap();
    stage
        .server
        .sign_in(&address(local), Protocol::Pop3)
        .unwrap_err();
}

/// What the log says about conversions of the mailbox, newest first.
async fn log(stage: &Stage, mailbox: &Mailbox) -> Vec<String> {
    let work = stage.work::<ViewAudit>("acme").await;
    let page = audit::list(&work, Some(mailbox.id.0), &PageRequest::first()).await;
    let entries = page.unwrap().items.into_iter().map(|entry| entry.action);
    entries
        .filter(|action| action != "mailbox.created")
        .collect()
}

#[tokio::test]
async fn it_may_die_before_or_after_any_effect_on_the_server() {
    let stage = Stage::new().await;
    let mut deaths = 0;
    for takes_effect in [false, true] {
        for nth in 1.. {
            let local = format!("ann{nth}{}", u8::from(takes_effect));
            furnished(&stage, &local, Kind::PopImap).await;
            let before = mail(&stage, &local).await;
            let started = start(&stage, &[&local], Kind::Exchange).await;
            let died = dies_at(&stage, nth, takes_effect).await;
            stage
                .server
                .deliver(&address(&local), b"meanwhile")
                .unwrap();
            if died {
                deaths += 1;
                assert_eq!(batch(&stage, &started).await.state, BatchState::Running);
                carried_on_by_another(&stage).await;
            }
            is_done_and_whole(&stage, &local, &started, &before).await;
            if !died {
                break;
            }
        }
    }
    assert!(deaths >= 20, "it only died {deaths} times");
}

#[tokio::test]
async fn it_may_die_between_any_two_steps() {
    let stage = Stage::new().await;
    for steps in 0..=8 {
        let local = format!("bob{steps}");
        furnished(&stage, &local, Kind::PopImap).await;
        let before = mail(&stage, &local).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut jobs = conversion::claim(&stage.context).await.unwrap();
        let mut job = jobs.pop().unwrap();
        for _ in 0..steps {
            conversion::advance(&stage.context, &mut job).await.unwrap();
        }
        drop(job);
        stage
            .server
            .deliver(&address(&local), b"meanwhile")
            .unwrap();
        carried_on_by_another(&stage).await;
        is_done_and_whole(&stage, &local, &started, &before).await;
    }
}

#[tokio::test]
async fn a_panel_that_was_only_slow_writes_nothing_after_another_has_taken_over() {
    let stage = Stage::new().await;
    for steps in 0..8 {
        let local = format!("cyd{steps}");
        furnished(&stage, &local, Kind::PopImap).await;
        let before = mail(&stage, &local).await;
        let started = start(&stage, &[&local], Kind::Exchange).await;
        let mut slow = conversion::claim(&stage.context)
            .await
            .unwrap()
            .pop()
            .unwrap();
        for _ in 0..steps {
            conversion::advance(&stage.context, &mut slow)
                .await
                .unwrap();
        }
        stage
            .server
            .deliver(&address(&local), b"meanwhile")
            .unwrap();
        carried_on_by_another(&stage).await;
        is_done_and_whole(&stage, &local, &started, &before).await;
        assert!(
            !conversion::advance(&stage.context, &mut slow)
                .await
                .unwrap()
        );
        is_done_and_whole(&stage, &local, &started, &before).await;
        let opened = stage.server.sign_in(&address(&local), Protocol::Imap);
        opened.unwrap_or_else(|why| panic!("shut again after {steps} steps: {why:?}"));
    }
}
