//! A tenant with a domain, a mail server in memory, and an engine that can be started and stopped.
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pilothouse::app::users::{self, NewMailbox, NewUser};
use pilothouse::app::{domains, mailboxes};
use pilothouse::authz::{CreateUsers, ManageDomains, Permission, Role, ViewMailboxes};
use pilothouse::backends::MailServer;
use pilothouse::backends::memory::MemoryServer;
use pilothouse::domain::{DomainName, EmailAddress, Kind, Mailbox, MailboxState, ServerId};
use pilothouse::engine::servers::Servers;
use pilothouse::engine::{self, Context, Pace};
use pilothouse::store::Work;
use pilothouse::store::engine::servers::{Registration, register};
use pilothouse::store::seal::Key;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use crate::support::World;
use crate::support::database::exec;
use crate::support::world::cheap_hash;

/// Long enough for a slow machine, short enough to notice.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Everything a test of the engine needs.
pub struct Stage {
    pub world: World,
    pub server: MemoryServer,
    pub id: ServerId,
    pub context: Context,
}

/// An engine that runs until this is dropped: then it is gone at once, as after a kill.
pub struct Running {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// A clean stop.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Time that flows, `speed` times as fast as on the wall, until this is dropped.
pub struct Flow(tokio::task::JoinHandle<()>);

impl Drop for Flow {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stage {
    /// `acme.test` on `mail-1`.
    pub async fn new() -> Self {
        let world = World::new().await;
        let server = MemoryServer::full(world.clock.clone());
        let id = registered(&world, "mail-1", &server).await;
        let servers = Servers::default();
        servers.put(id, Arc::new(server.clone()));
        let context = Context {
            store: world.engine.clone(),
            servers,
            pace: pace(),
            owner: "panel-1".to_owned(),
        };
        let stage = Self {
            world,
            server,
            id,
            context,
        };
        stage.add_domain().await;
        stage
    }

    async fn add_domain(&self) {
        let name = DomainName::parse("name", "acme.test").unwrap();
        let work = self.work::<ManageDomains>("acme").await;
        domains::create(work, name, true).await.unwrap();
    }

    /// A transaction of the platform's owner.
    pub async fn work<P: Permission>(&self, tenant: &str) -> Work<P> {
        let owner = self.world.member("platform", Role::Owner);
        self.world.work(owner, tenant).await
    }

    /// Starts an engine.
    pub fn start(&self) -> Running {
        start(&self.context)
    }

    /// Lets time flow.
    pub fn flow(&self, speed: i32) -> Flow {
        let clock = self.world.clock.clone();
        Flow(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                clock.advance(TimeDelta::milliseconds(10) * speed);
            }
        }))
    }

    /// A user of `acme` with a mailbox.
    pub async fn add(&self, local: &str, kind: Kind) -> Mailbox {
        let new = NewUser {
            address: address(local),
            display_name: local.to_owned(),
            password_hash: cheap_hash("first password"),
            mailbox: Some(NewMailbox {
                kind,
                plan: None,
                quota_bytes: None,
            }),
        };
        let user = users::create(self.work::<CreateUsers>("acme").await, new);
        user.await.unwrap().mailbox.unwrap()
    }

    /// The same, once it is ready.
    pub async fn ready(&self, local: &str, kind: Kind) -> Mailbox {
        self.add(local, kind).await;
        self.until_state(local, MailboxState::Ready).await
    }

    /// A mailbox as every surface sees it.
    pub async fn see(&self, local: &str) -> Mailbox {
        let work = self.work::<ViewMailboxes>("acme").await;
        mailboxes::find(&work, address(local).as_str())
            .await
            .unwrap()
    }

    /// Waits until a mailbox is as `wanted`, and shows what it is if it never gets there.
    pub async fn until(&self, local: &str, wanted: impl Fn(&Mailbox) -> bool) -> Mailbox {
        let start = tokio::time::Instant::now();
        loop {
            let mailbox = self.see(local).await;
            if wanted(&mailbox) {
                return mailbox;
            }
            assert!(start.elapsed() < PATIENCE, "still: {mailbox:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a mailbox stands there and everything asked for was seen.
    pub async fn until_state(&self, local: &str, state: MailboxState) -> Mailbox {
        self.until(local, |mailbox| mailbox.state == state).await
    }

    /// Past all doors.
    pub async fn sql(&self, sql: &str) -> u64 {
        let conn: DatabaseConnection = self.world.database.back_door().await;
        exec(&conn, sql).await.unwrap()
    }
}

/// Starts an engine of that context.
pub fn start(context: &Context) -> Running {
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(engine::run(context.clone(), shutdown.clone()));
    Running { shutdown, task }
}

/// Quick, but with a tick that no test should have to wait for.
pub fn pace() -> Pace {
    Pace {
        tick: Duration::from_millis(50),
        ..Pace::default()
    }
}

/// `ann@acme.test`.
pub fn address(local: &str) -> EmailAddress {
    EmailAddress::parse("address", &format!("{local}@acme.test")).unwrap()
}

/// Makes a server in memory known to the panel.
pub async fn registered(world: &World, name: &str, server: &MemoryServer) -> ServerId {
    let new = Registration {
        name: name.to_owned(),
        adapter: "memory".to_owned(),
        settings: serde_json::json!({}),
        secrets: "{}".to_owned().into(),
        offers: server.offers(),
        listeners: server.listeners(),
    };
    register(&world.engine, &key(), new).await.unwrap()
}

/// A key for secrets.
pub fn key() -> Key {
    Key::from_bytes([7; 32])
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = tokio::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
