//! Many mailboxes at once, through a server that counts who is at it.
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pilothouse::backends::memory::MemoryServer;
use pilothouse::backends::{Abilities, Depth, Health, MailServer, ServerError};
use pilothouse::domain::mailserver::{
    Answer, Change, Entrance, Listener, Observed, ObservedMailbox, Route, Usage,
};
use pilothouse::domain::snapshot::Snapshot;
use pilothouse::domain::{
    EmailAddress, Kind, MailboxId, MailboxState, Progress, Protocol, Protocols,
};

use crate::stage::{PATIENCE, Stage, until};
use crate::support::database::{exec, rows};

/// Far more than are brought forward at once.
const MANY: usize = 500;

/// The stage's server, with a count of what is applied at the same time.
#[derive(Clone)]
pub struct Crowd {
    pub server: MemoryServer,
    now: Arc<Mutex<HashMap<EmailAddress, usize>>>,
    most: Arc<Mutex<(usize, usize)>>,
    created: Arc<AtomicUsize>,
}

impl Crowd {
    /// Puts itself in front of the stage's server.
    pub fn around(stage: &Stage) -> Self {
        let crowd = Self {
            server: stage.server.clone(),
            now: Arc::default(),
            most: Arc::default(),
            created: Arc::default(),
        };
        stage.context.servers.put(stage.id, Arc::new(crowd.clone()));
        crowd
    }

    /// Asks for that many mailboxes in one go, as copies of one that was asked for properly.
    pub async fn add(&self, stage: &Stage, count: usize) {
        let first = stage.add("user", Kind::PopImap).await;
        let conn = stage.world.database.back_door().await;
        let columns = columns(&conn, stage.world.database.is_postgres()).await;
        let own = |column: &str| matches!(column, "id" | "address" | "user_id" | "search");
        let rest: Vec<_> = columns.into_iter().filter(|column| !own(column)).collect();
        let rest = rest.join(", ");
        for n in 1..count {
            let id = stage.world.database.is_postgres();
            let id = literal(MailboxId::new(), id);
            let sql = format!(
                "INSERT INTO mailboxes (id, address, user_id, search, {rest}) \
                 SELECT {id}, 'user{n}@acme.test', NULL, 'user{n}', {rest} \
                 FROM mailboxes WHERE address = '{}'",
                first.address
            );
            exec(&conn, &sql).await.unwrap();
        }
    }

    pub fn created(&self) -> usize {
        self.created.load(Ordering::Relaxed)
    }

    pub fn most_at_once(&self) -> usize {
        self.most.lock().unwrap().0
    }

    pub fn most_at_once_on_one_mailbox(&self) -> usize {
        self.most.lock().unwrap().1
    }

    /// Waits until the queue is empty.
    pub async fn until_settled(&self, stage: &Stage) {
        let conn = stage.world.database.back_door().await;
        let waiting = "SELECT id FROM mailboxes WHERE seen_generation < asked_generation LIMIT 1";
        let start = Instant::now();
        while !rows(&conn, waiting).await.is_empty() {
            assert!(start.elapsed() < PATIENCE, "the queue does not get empty");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn enter(&self, address: &EmailAddress) {
        let mut now = self.now.lock().unwrap();
        *now.entry(address.clone()).or_default() += 1;
        let mut most = self.most.lock().unwrap();
        most.0 = most.0.max(now.values().sum());
        most.1 = most.1.max(now[address]);
    }

    fn leave(&self, address: &EmailAddress) {
        *self.now.lock().unwrap().get_mut(address).unwrap() -= 1;
    }
}

async fn columns(conn: &sea_orm::DatabaseConnection, postgres: bool) -> Vec<String> {
    let sql = if postgres {
        "SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = 'mailboxes'"
    } else {
        "SELECT name FROM pragma_table_info('mailboxes')"
    };
    let rows = rows(conn, sql).await;
    rows.iter()
        .map(|row| row.try_get("", "name").unwrap())
        .collect()
}

fn literal(id: MailboxId, postgres: bool) -> String {
    if postgres {
        format!("'{id}'::uuid")
    } else {
        format!("X'{}'", id.0.simple())
    }
}

fn whose(change: &Change) -> Option<EmailAddress> {
    match change {
        Change::PutDomain { .. } => None,
        Change::Create(desired) | Change::Update { desired, .. } => Some(desired.address.clone()),
        Change::EndSessions { address, .. } | Change::Remove { address, .. } => {
            Some(address.clone())
        }
    }
}

#[async_trait]
impl MailServer for Crowd {
    async fn apply(&self, change: &Change) -> Result<Option<String>, ServerError> {
        let whose = whose(change);
        if let Some(address) = &whose {
            self.enter(address);
        }
        let answer = self.server.apply(change).await;
        if let Some(address) = &whose {
            self.leave(address);
        }
        let made = answer.is_ok() && matches!(change, Change::Create(_));
        self.created.fetch_add(usize::from(made), Ordering::Relaxed);
        answer
    }

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
        self.server.observe(addresses).await
    }

    async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError> {
        self.server.list(after, limit).await
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
        self.server.snapshot(mailbox, depth, known, told).await
    }

    fn entrance(&self) -> Option<Entrance> {
        self.server.entrance()
    }

    async fn route(&self, routes: &[Route]) -> Result<(), ServerError> {
        self.server.route(routes).await
    }

    async fn check(&self, protocol: Protocol) -> Answer {
        self.server.check(protocol).await
    }
}

#[tokio::test]
async fn hundreds_of_mailboxes_drain_and_the_server_is_not_overrun() {
    let mut stage = Stage::new().await;
    stage.context.pace.mailboxes_per_server = 4;
    let crowd = Crowd::around(&stage);
    crowd.add(&stage, MANY).await;
    crowd.server.be_slow(Duration::from_millis(1));
    let start = Instant::now();
    let _engine = stage.start();
    until("all are there", || crowd.created() == MANY).await;
    crowd.until_settled(&stage).await;
    eprintln!("{MANY} mailboxes drained in {:?}", start.elapsed());
    assert_eq!(crowd.most_at_once(), 4);
    let last = format!("user{}", MANY - 1);
    stage.until_state(&last, MailboxState::Ready).await;
}
