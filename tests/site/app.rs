//! One panel for one test.
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::authz::{ManageApiKeys, Origin, Role};
use pilothouse::backends::memory::MemoryServer;
use pilothouse::domain::Protocols;
use pilothouse::engine::{self, Context, Pace, servers::Servers};
use pilothouse::store::engine::servers::{Registration, register};
use pilothouse::store::seal::Key;
use pilothouse::web::site::{self, Options};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::people::Asker;
use super::support::World;
use super::support::database::rows;
use super::support::world::{PASSWORD, email_of};

/// A panel; it stops when it is dropped.
pub struct App {
    /// The tree of tenants behind it.
    pub world: World,
    /// The mail server behind it.
    pub mail: MemoryServer,
    /// Where it listens.
    pub url: String,
    /// For requests.
    pub http: reqwest::Client,
    _stop: DropGuard,
}

/// Starts a panel with the whole tree.
pub async fn spawn_app() -> App {
    spawn(World::new().await).await
}

/// Starts a panel on a world.
pub async fn spawn(world: World) -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stopping = CancellationToken::new();
    let mail = start_engine(&world, &stopping).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        public_url: url.parse().unwrap(),
        trusted_proxies: vec![],
        workers: 2,
        alive: None,
    };
    tokio::spawn(site::run(
        options,
        listener,
        world.db.clone(),
        stopping.clone(),
    ));
    let no_redirects = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder()
        .redirect(no_redirects)
        .timeout(Duration::from_secs(20));
    App {
        world,
        mail,
        url,
        http: http.build().unwrap(),
        _stop: stopping.drop_guard(),
    }
}

async fn start_engine(world: &World, stopping: &CancellationToken) -> MemoryServer {
    let mail = MemoryServer::full(world.clock.clone());
    let key = Key::from_bytes([7; 32]);
    let registration = Registration {
        name: "mail-1".to_owned(),
        adapter: "memory".to_owned(),
        settings: json!({}),
        secrets: "{}".to_owned().into(),
        offers: Protocols::of(&pilothouse::domain::Protocol::ALL[..6]),
        listeners: vec![],
    };
    let id = register(&world.engine, &key, registration).await.unwrap();
    let servers = Servers::sealed_with(key);
    servers.put(id, Arc::new(mail.clone()));
    let context = Context {
        store: world.engine.clone(),
        servers,
        pace: Pace {
            tick: Duration::from_millis(100),
            ..Pace::default()
        },
        owner: "test".to_owned(),
    };
    tokio::spawn(engine::run(context, stopping.clone()));
    mail
}

impl App {
    /// Nobody in particular.
    pub fn visitor(&self) -> Asker<'_> {
        Asker::new(self)
    }

    /// A script with a key of that role on that tenant.
    pub async fn key(&self, tenant: &str, role: Role) -> Asker<'_> {
        let cx = self
            .world
            .engine
            .authorize::<ManageApiKeys>("test", &tenant.into())
            .await
            .unwrap();
        let new = pilothouse::app::api_keys::NewApiKey {
            label: format!("{} of {tenant}", role.as_str()),
            role,
            scopes: vec![],
            networks: vec![],
            expires_at: None,
        };
        let work = cx.begin().await.unwrap();
        let (_, secret) = pilothouse::app::api_keys::create(work, new).await.unwrap();
        Asker::new(self).with_key(secret.expose_secret())
    }

    /// A person in a browser, signed in with that role on that tenant.
    pub async fn signed_in(&self, tenant: &str, role: Role) -> Asker<'_> {
        let (email, origin) = (email_of(tenant, role), Origin::default());
        let typed = PASSWORD.to_owned().into();
        let token =
            pilothouse::app::sign_in::sign_in(&self.world.db, &email, typed, &origin, None).await;
        let token = token.unwrap();
        let cookie = format!("pilothouse={}", token.expose_secret());
        Asker::new(self).with("cookie", &cookie)
    }

    /// A customer's domain, vouched for, so that mail is accepted for it.
    pub async fn domain(&self, tenant: &str, name: &str) {
        let platform = self.key("platform", Role::Owner).await;
        let path = format!("/api/v1/tenants/{tenant}/domains");
        let answer = platform
            .post(&path, json!({"name": name, "vouch": true}))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// A user with a mailbox; returns the answer.
    pub async fn user(&self, asker: &Asker<'_>, tenant: &str, address: &str, kind: &str) -> Value {
        let body = json!({"address": address, "display_name": "Ann Archer",
            "password": "correct horse battery", "mailbox": {"kind": kind}});
        let path = format!("/api/v1/tenants/{tenant}/users");
        let answer = asker.post(&path, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// Acme's domain, and a user with a POP/IMAP mailbox for each of these; returns its admin once
    /// every mailbox is ready.
    pub async fn acme_with(&self, locals: &[&str]) -> Asker<'_> {
        self.domain("acme", "acme.test").await;
        let admin = self.key("acme", Role::Admin).await;
        for local in locals {
            let address = format!("{local}@acme.test");
            self.user(&admin, "acme", &address, "pop_imap").await;
            let path = format!("/api/v1/tenants/acme/mailboxes/{address}");
            admin
                .get_until(&path, |mailbox| mailbox["state"] == "ready")
                .await;
        }
        admin
    }

    /// Everything in the database, but for when keys and sessions were last used.
    pub async fn whole_database(&self) -> Vec<(String, String)> {
        let door = self.world.database.back_door().await;
        let postgres = self.world.database.is_postgres();
        let tables = if postgres {
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        };
        let mut all = vec![];
        for table in rows(&door, tables).await {
            let table: String = table.try_get("", "name").unwrap();
            // What the engine does by itself, and the uses of keys, are no doing of the request.
            if ["sessions", "api_keys", "mail_servers", "idempotency_keys"]
                .contains(&table.as_str())
            {
                continue;
            }
            let sql = if postgres {
                format!(
                    "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') AS all FROM {table} t"
                )
            } else {
                let columns = rows(
                    &door,
                    &format!("SELECT name FROM pragma_table_info('{table}')"),
                )
                .await;
                let columns: Vec<_> = columns
                    .iter()
                    .map(|column| {
                        format!(
                            "quote(\"{}\")",
                            column.try_get::<String>("", "name").unwrap()
                        )
                    })
                    .collect();
                let row = columns.join(" || '|' || ");
                format!(
                    "SELECT coalesce(group_concat(r, char(10)), '') AS \"all\" FROM (SELECT {row} AS r FROM {table} ORDER BY 1)"
                )
            };
            let sql = sql.replace("AS all ", "AS \"all\" ");
            let found = rows(&door, &sql).await;
            all.push((table, found[0].try_get("", "all").unwrap()));
        }
        door.close().await.unwrap();
        assert!(all.len() > 8, "only {} tables were read", all.len());
        all.sort();
        all
    }
}
