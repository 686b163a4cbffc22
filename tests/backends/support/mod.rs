//! A server under test, in memory or real, and what the outside world does to it.
mod ledger;
mod session;

use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _};
use pilothouse::backends::memory::{Letter, MemoryServer};
use pilothouse::backends::{self, Depth, MailServer, ServerError};
use pilothouse::domain::mailserver::{Aspect, Change, DesiredMailbox, Observed, Usage};
use pilothouse::domain::snapshot::Snapshot;
use pilothouse::domain::{Clock, DomainName, EmailAddress, MailboxId, Protocol, Protocols};
use secrecy::SecretString;

use crate::clients::imap::Imap;
use crate::clients::{self, Doors, smtp};
pub use ledger::MemoryLedger;
pub use session::Session;

/// What every mailbox here opens with.
pub const PASSWORD: &str = "correct horse battery";

/// What a POP/IMAP mailbox has open.
pub const POP_IMAP: Protocols = Protocols::of(&[Protocol::Imap, Protocol::Pop3, Protocol::Smtp]);

/// What an Exchange mailbox has open, IMAP left out.
pub const EXCHANGE: Protocols =
    Protocols::of(&[Protocol::Activesync, Protocol::Dav, Protocol::Webmail]);

/// One server with a domain that no other test uses.
pub struct Subject {
    pub server: Arc<dyn MailServer>,
    pub domain: DomainName,
    side: Side,
}

enum Side {
    Memory(MemoryServer),
    Real(Doors),
}

/// Runs each sentence against both servers.
macro_rules! contract {
    ($($sentence:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $sentence() {
                super::$sentence(crate::support::Subject::in_memory()).await;
            })*
        }
        mod on_a_real_stack {
            $(#[tokio::test] async fn $sentence() {
                if let Some(subject) = crate::support::Subject::real() {
                    super::$sentence(subject).await;
                }
            })*
        }
    };
}
pub(crate) use contract;

impl Subject {
    pub fn in_memory() -> Self {
        let server = MemoryServer::full(Clock::System);
        Self {
            server: Arc::new(server.clone()),
            domain: fresh_domain(),
            side: Side::Memory(server),
        }
    }

    /// `None` only when the real half is left out on purpose.
    pub fn real() -> Option<Self> {
        Self::real_with(|_| {})
    }

    /// The second stack, for what needs two servers.
    pub fn second() -> Option<Self> {
        real_info_at("PILOTHOUSE_TEST_STACK2_INFO").map(Self::at)
    }

    /// The same, with the stack's info changed first.
    pub fn real_with(change: impl FnOnce(&mut serde_json::Value)) -> Option<Self> {
        let mut info = real_info()?;
        change(&mut info);
        Some(Self::at(info))
    }

    /// The server of a stack.
    pub fn at(info: serde_json::Value) -> Self {
        clients::install_crypto();
        let doors = serde_json::from_value(info.clone()).expect("the ports of the stack");
        let (settings, secrets) =
            backends::dovecot_sogo::split_stack_info(info).expect("the stack's info");
        let server = backends::adapter("dovecot_sogo", settings, secrets);
        Self {
            server: server.expect("settings that the adapter takes"),
            domain: fresh_domain(),
            side: Side::Real(doors),
        }
    }

    /// Where the real stack listens.
    pub fn doors(&self) -> &Doors {
        match &self.side {
            Side::Real(doors) => doors,
            Side::Memory(_) => panic!("the server in memory has no doors"),
        }
    }

    pub fn address(&self, local: &str) -> EmailAddress {
        let text = format!("{local}@{}", self.domain);
        EmailAddress::parse("address", &text).expect("an address")
    }

    /// A POP/IMAP mailbox as it should be.
    pub fn desired(&self, local: &str) -> DesiredMailbox {
        DesiredMailbox {
            id: MailboxId::new(),
            remote_id: None,
            address: self.address(local),
            display_name: format!("Person {local}"),
            password_hash: Some(hash(PASSWORD)),
            open: POP_IMAP,
            receives: true,
            closed_reason: None,
            quota_bytes: 50 * 1024 * 1024,
            domain_accepts: true,
        }
    }

    pub async fn put_domain(&self, accepts: bool) {
        let name = self.domain.clone();
        let change = Change::PutDomain { name, accepts };
        self.server.apply(&change).await.expect("the domain");
    }

    /// The domain and the mailbox; the server's own id of it.
    pub async fn create(&self, desired: &DesiredMailbox) -> String {
        self.put_domain(true).await;
        let made = self.server.apply(&Change::Create(desired.clone())).await;
        made.expect("the mailbox").expect("an id")
    }

    pub async fn update(
        &self,
        remote_id: &str,
        desired: &DesiredMailbox,
        aspects: &[Aspect],
    ) -> Result<Option<String>, ServerError> {
        let change = Change::Update {
            remote_id: remote_id.to_owned(),
            desired: desired.clone(),
            aspects: aspects.to_vec(),
        };
        self.server.apply(&change).await
    }

    pub async fn end_sessions(&self, remote_id: &str, desired: &DesiredMailbox) {
        let change = Change::EndSessions {
            address: desired.address.clone(),
            remote_id: remote_id.to_owned(),
        };
        self.server.apply(&change).await.expect("ended sessions");
    }

    pub async fn observe(&self, address: &EmailAddress) -> Observed {
        let asked = std::slice::from_ref(address);
        let mut all = self.server.observe(asked).await.expect("an observation");
        all.remove(address)
            .expect("every address asked for is in the answer")
    }

    pub async fn usage(&self, address: &EmailAddress) -> Usage {
        let asked = std::slice::from_ref(address);
        self.server.usage(asked).await.expect("usage").remove(0)
    }

    /// How many messages there are; none where there is no mailbox.
    async fn messages(&self, address: &EmailAddress) -> i64 {
        let asked = std::slice::from_ref(address);
        let usage = self.server.usage(asked).await.expect("usage");
        usage.first().map_or(0, |usage| usage.messages)
    }

    pub async fn snapshot(&self, address: &EmailAddress, known: Option<&Snapshot>) -> Snapshot {
        let depth = if known.is_some() {
            Depth::Marks
        } else {
            Depth::Bodies
        };
        let read = self.server.snapshot(address, depth, known, &|_| {}).await;
        read.expect("a snapshot")
    }

    /// Mail from elsewhere; done when it is in the mailbox.
    pub async fn deliver(&self, to: &EmailAddress, body: &[u8]) -> Result<(), String> {
        match &self.side {
            Side::Memory(server) => server
                .deliver(to, body)
                .map(|_| ())
                .map_err(|fault| fault.to_string()),
            Side::Real(doors) => {
                let before = self.messages(to).await;
                smtp::deliver(doors, "sender@example.org", to.as_str(), body).await?;
                for _ in 0..200 {
                    if self.messages(to).await > before {
                        return Ok(());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err("it was taken, but did not arrive in 10 s".to_owned())
            }
        }
    }

    /// The owner puts a message into a folder, which is made when it is missing.
    pub async fn append(&self, of: &EmailAddress, folder: &str, flags: &[&str], body: &[u8]) {
        match &self.side {
            Side::Memory(server) => {
                let date = Clock::System.now();
                let letter = Letter { body, flags, date };
                server.append(of, folder, &letter).expect("a message");
            }
            Side::Real(doors) => {
                let mut imap = Imap::login(doors, of.as_str(), PASSWORD)
                    .await
                    .expect("an IMAP login");
                let _ = imap.create(folder).await;
                let flags = format!("({})", flags.join(" "));
                imap.append(folder, Some(&flags), None, body)
                    .await
                    .expect("an APPEND");
                imap.logout().await;
            }
        }
    }

    /// The owner replaces the flags of a message.
    pub async fn flag(&self, of: &EmailAddress, folder: &str, uid: u32, flags: &[&str]) {
        match &self.side {
            Side::Memory(server) => assert!(server.flag(of, folder, uid, flags)),
            Side::Real(doors) => {
                let mut imap = Imap::login(doors, of.as_str(), PASSWORD)
                    .await
                    .expect("an IMAP login");
                let query = format!("FLAGS ({})", flags.join(" "));
                imap.store(folder, uid, &query).await.expect("a STORE");
                imap.logout().await;
            }
        }
    }

    /// The owner signs in and stays connected.
    pub async fn sign_in(
        &self,
        address: &EmailAddress,
        protocol: Protocol,
        password: &str,
    ) -> Result<Session, String> {
        match &self.side {
            Side::Memory(server) => Session::in_memory(server, address, protocol),
            Side::Real(doors) => Session::real(doors, address, protocol, password).await,
        }
    }
}

/// An argon2id PHC string.
pub fn hash(password: &str) -> SecretString {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("a hash").to_string().into()
}

fn fresh_domain() -> DomainName {
    let id = MailboxId::new().to_string();
    let name = format!("t{}.test", id.rsplit('-').next().unwrap_or_default());
    DomainName::parse("name", &name).expect("a domain")
}

pub fn real_info() -> Option<serde_json::Value> {
    real_info_at("PILOTHOUSE_TEST_STACK_INFO")
}

/// What the variable names; `None` only when the real half is left out on purpose.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test run is told where its stacks are"
)]
pub fn real_info_at(variable: &str) -> Option<serde_json::Value> {
    if std::env::var("PILOTHOUSE_TEST_REAL").as_deref() == Ok("0") {
        return None;
    }
    let path = std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "No mail stack to test against. Start one (BASE=/some/dir PORT_BASE=38000 \
             mailstack/stack.sh up) and set {variable}=/some/dir/info.json, \
             or leave the real half out with PILOTHOUSE_TEST_REAL=0."
        )
    });
    let text = std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    Some(serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{path}: {fault}")))
}
