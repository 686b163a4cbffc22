//! A world with mail servers and domains in it, and a way to see every row before and after.
use std::fmt::Write as _;

use pilothouse::app::users::{self, NewMailbox, NewUser};
use pilothouse::app::{AppError, mailboxes};
use pilothouse::authz::{
    CreateMailboxes, CreateUsers, Permission, Role, ViewMailboxes, ViewServers,
};
use pilothouse::domain::{
    DomainId, EmailAddress, Kind, Mailbox, PlanId, Protocol, Protocols, ServerId, TenantId, User,
};
use pilothouse::store::engine::servers::{Registration, register};
use pilothouse::store::seal::Key;
use pilothouse::store::{RequestFacts, Work};
use sea_orm::DatabaseConnection;
use serde_json::json;

use crate::support::World;
use crate::support::database::{exec, rows};
use crate::support::world::cheap_hash;

/// What `mail-1` offers: both kinds.
pub const BOTH: Protocols = Protocols::of(&[
    Protocol::Imap,
    Protocol::Pop3,
    Protocol::Smtp,
    Protocol::Activesync,
    Protocol::Dav,
    Protocol::Webmail,
]);

/// What a server for POP/IMAP offers.
pub const POP_IMAP: Protocols = Protocols::of(&[Protocol::Imap, Protocol::Pop3, Protocol::Smtp]);

/// A world in which each customer has a domain of its name, and `mail-1` holds every kind.
pub struct Hosting {
    pub world: World,
    back_door: DatabaseConnection,
}

impl Hosting {
    pub async fn new() -> Self {
        let hosting = Self::without_servers().await;
        hosting.server("mail-1", BOTH).await;
        hosting
    }

    pub async fn without_servers() -> Self {
        let world = World::new().await;
        let back_door = world.database.back_door().await;
        let hosting = Self { world, back_door };
        for customer in ["acme", "globex", "oz"] {
            hosting.domain(customer, &format!("{customer}.test")).await;
        }
        hosting
    }

    /// Makes a server known.
    pub async fn server(&self, name: &str, offers: Protocols) -> ServerId {
        let listener = |protocol| pilothouse::domain::mailserver::Listener {
            protocol,
            host: format!("{name}.example.test"),
            port: 1,
            security: pilothouse::domain::mailserver::Security::Tls,
            url: None,
        };
        let new = Registration {
            name: name.to_owned(),
            adapter: "memory".to_owned(),
            settings: json!({}),
            secrets: "{}".to_owned().into(),
            offers,
            listeners: offers.iter().map(listener).collect(),
        };
        let key = Key::from_bytes([7; 32]);
        register(&self.world.engine, &key, new).await.unwrap()
    }

    /// Gives a tenant a domain that is proved.
    pub async fn domain(&self, tenant: &str, name: &str) {
        let id = self.literal(DomainId::new().0);
        let (on, now) = (self.yes(), self.now());
        self.sql(&format!(
            "INSERT INTO domains (id, tenant_id, name, enabled, proof_token, vouched, created_at, \
             updated_at) SELECT {id}, id, '{name}', {on}, 'token', {on}, {now}, {now} \
             FROM tenants WHERE slug = '{tenant}'"
        ))
        .await;
    }

    /// Gives a tenant a plan of a kind that allows `allowed` and starts with all of it.
    pub async fn plan(&self, tenant: &str, slug: &str, kind: Kind, allowed: Protocols, bytes: i64) {
        let id = self.literal(PlanId::new().0);
        let (allowed, kind) = (serde_json::to_string(&allowed).unwrap(), kind.as_str());
        let (no, now) = (self.no(), self.now());
        self.sql(&format!(
            "INSERT INTO plans (id, tenant_id, slug, name, kind, allowed, starts_on, quota_bytes, \
             retention_days, is_default, created_at, updated_at) SELECT {id}, id, '{slug}', \
             '{slug}', '{kind}', '{allowed}', '{allowed}', {bytes}, 7, {no}, {now}, {now} \
             FROM tenants WHERE slug = '{tenant}'"
        ))
        .await;
    }

    /// The transaction of the owner of a tenant.
    pub async fn work<P: Permission>(&self, tenant: &str) -> Work<P> {
        let owner = self.world.member(tenant, Role::Owner);
        self.world.work(owner, tenant).await
    }

    /// The same for a dry run.
    pub async fn dry<P: Permission>(&self, tenant: &str) -> Work<P> {
        let owner = self.world.member(tenant, Role::Owner);
        let facts = RequestFacts {
            dry_run: true,
            ..RequestFacts::default()
        };
        self.world.work_with(owner, tenant, facts).await
    }

    /// Adds a user with a mailbox of a kind, or without one.
    pub async fn add_user(
        &self,
        tenant: &str,
        address: &str,
        kind: Option<Kind>,
    ) -> Result<User, AppError> {
        let work = self.work::<CreateUsers>(tenant).await;
        users::create(work, new_user(address, kind)).await
    }

    /// A user's mailbox of the default plan.
    pub async fn mailbox(&self, tenant: &str, address: &str, kind: Kind) -> Mailbox {
        let user = self.add_user(tenant, address, Some(kind)).await.unwrap();
        user.mailbox.unwrap()
    }

    /// A shared mailbox.
    pub async fn shared(&self, tenant: &str, address: &str) -> Result<Mailbox, AppError> {
        let work = self.work::<CreateMailboxes>(tenant).await;
        let name = Some("Shared".to_owned());
        mailboxes::create(work, at(address), name, None, new(Kind::PopImap)).await
    }

    /// A mailbox as its tenant sees it now.
    pub async fn see(&self, tenant: &str, mailbox: &str) -> Mailbox {
        let work = self.work::<ViewMailboxes>(tenant).await;
        mailboxes::find(&work, mailbox).await.unwrap()
    }

    /// How a server stands.
    pub async fn see_server(&self, name: &str) -> pilothouse::domain::Server {
        let work = self.work::<ViewServers>("platform").await;
        pilothouse::app::servers::find(&work, name).await.unwrap()
    }

    /// Plays the engine: the server was read back and is as asked.
    pub async fn settle(&self) {
        self.sql(
            "UPDATE mailboxes SET seen_generation = asked_generation, next_try_at = NULL, \
             state = CASE WHEN retained_at IS NOT NULL THEN 'retained' \
             WHEN suspended_at IS NOT NULL THEN 'suspended' ELSE 'ready' END",
        )
        .await;
    }

    /// Sets columns of one mailbox, as the engine would.
    pub async fn set(&self, address: &str, columns: &str) {
        let sql = format!("UPDATE mailboxes SET {columns} WHERE address = '{address}'");
        self.sql(&sql).await;
    }

    /// Runs SQL past all doors.
    pub async fn sql(&self, sql: &str) {
        exec(&self.back_door, sql).await.unwrap();
    }

    /// Every row that a use-case could touch, as text.
    pub async fn everything(&self) -> String {
        let mut text = String::new();
        for table in [
            "tenants",
            "domains",
            "plans",
            "users",
            "mailboxes",
            "mailbox_checks",
            "strays",
            "audit_events",
            "idempotency_keys",
        ] {
            let _ = writeln!(text, "{table}: {}", self.table(table).await);
        }
        text
    }

    /// The rows of a table as text, in one order.
    pub async fn table(&self, table: &str) -> String {
        let each = if self.world.database.is_postgres() {
            "CAST(row_to_json(one) AS TEXT)".to_owned()
        } else {
            let columns = self.columns(table).await;
            let quoted = columns.iter().map(|column| format!("quote({column})"));
            quoted.collect::<Vec<_>>().join("||','||")
        };
        let found = format!("SELECT {each} AS line FROM {table} one ORDER BY 1");
        let found = rows(&self.back_door, &found).await;
        let lines = found
            .iter()
            .map(|row| row.try_get_by::<String, _>("line").unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let names = if self.world.database.is_postgres() {
            format!(
                "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns \
                 WHERE table_name = '{table}'"
            )
        } else {
            format!("SELECT name FROM pragma_table_info('{table}')")
        };
        let names = rows(&self.back_door, &names).await;
        let name = |row: &sea_orm::QueryResult| row.try_get_by("name").unwrap();
        names.iter().map(name).collect()
    }

    /// The last entries of the audit log: action, before, after.
    pub async fn audit(&self, action: &str) -> Vec<(String, String)> {
        let sql = format!(
            "SELECT COALESCE(CAST(before AS TEXT), '') AS before, \
             COALESCE(CAST(after AS TEXT), '') AS after \
             FROM audit_events WHERE action = '{action}' ORDER BY id"
        );
        let text = |row: &sea_orm::QueryResult, name| row.try_get_by::<String, _>(name).unwrap();
        let found = rows(&self.back_door, &sql).await;
        found
            .iter()
            .map(|row| (text(row, "before"), text(row, "after")))
            .collect()
    }

    /// How many rows a condition finds.
    pub async fn count(&self, from: &str) -> i64 {
        let found = rows(
            &self.back_door,
            &format!("SELECT COUNT(*) AS n FROM {from}"),
        )
        .await;
        found[0].try_get_by("n").unwrap()
    }

    /// The id of a tenant.
    pub async fn tenant(&self, slug: &str) -> TenantId {
        self.work::<ViewMailboxes>(slug).await.tenant().id
    }

    fn literal(&self, id: uuid::Uuid) -> String {
        if self.world.database.is_postgres() {
            format!("CAST('{id}' AS uuid)")
        } else {
            format!("X'{}'", id.simple())
        }
    }

    fn yes(&self) -> &'static str {
        if self.world.database.is_postgres() {
            "TRUE"
        } else {
            "1"
        }
    }

    fn no(&self) -> &'static str {
        if self.world.database.is_postgres() {
            "FALSE"
        } else {
            "0"
        }
    }

    fn now(&self) -> String {
        format!("'{}'", self.world.clock.now().to_rfc3339())
    }
}

/// An address.
pub fn at(address: &str) -> EmailAddress {
    EmailAddress::parse("address", address).unwrap()
}

/// A mailbox of the default plan.
pub fn new(kind: Kind) -> NewMailbox {
    NewMailbox {
        kind,
        plan: None,
        quota_bytes: None,
    }
}

/// A user called after the address.
pub fn new_user(address: &str, kind: Option<Kind>) -> NewUser {
    NewUser {
        address: at(address),
        display_name: format!("Name of {}", at(address).local()),
        password_hash: cheap_hash("correct horse battery"),
        mailbox: kind.map(new),
    }
}

/// The fault at a field, of an error that must be one.
pub fn fault<T>(result: Result<T, AppError>, field: &str) -> String {
    match result {
        Err(AppError::Invalid(invalid)) => invalid
            .of(field)
            .unwrap_or_else(|| panic!("no fault at {field}: {invalid:?}"))
            .to_owned(),
        Err(other) => panic!("not a fault: {other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

/// The kind and the sentence of a conflict that must be one.
pub fn conflict<T>(result: Result<T, AppError>) -> (&'static str, String) {
    match result {
        Err(AppError::Conflict { kind, detail }) => (kind, detail),
        Err(other) => panic!("not a conflict: {other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

/// Whether it is not there.
pub fn is_missing<T>(result: &Result<T, AppError>) -> bool {
    matches!(result, Err(AppError::NotFound(_)))
}
