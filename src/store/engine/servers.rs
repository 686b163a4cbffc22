//! Mail servers: registering them, and how they are doing.
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, NotSet, QueryFilter, QueryOrder, Set};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::schema::{mail_server, mailbox};
use super::super::seal::{self, Key, Place, SealError};
use super::super::{Denied, Engine, Event, StoreError, TenantRef, Work};
use super::hours::lasts;
use super::{due, find, update};
use crate::authz::ManageServers;
use crate::domain::mailserver::Listener;
use crate::domain::{Protocols, ServerId};

/// A mail server as its admin describes it.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its name, unique: registering it again changes the one that is there.
    pub name: String,
    /// The adapter.
    pub adapter: String,
    /// What the adapter must know; shown to admins.
    pub settings: Value,
    /// A JSON object of what the adapter must know and nobody may see.
    pub secrets: SecretString,
    /// What it offers to clients.
    pub offers: Protocols,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
}

/// Why a server could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The platform could not be opened.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secrets could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<sea_orm::DbErr> for RegisterError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// A server as the engine needs it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// The adapter.
    pub adapter: String,
    /// What the adapter must know.
    pub settings: Value,
    /// What nobody may see; opens with the key of the panel.
    pub sealed_secrets: String,
    /// Whether it answered when it was last asked.
    pub up: bool,
    /// Times in a row that it did not answer.
    pub failures: u32,
    /// Not to be asked before then, after it did not answer.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Last asked how it does at.
    pub checked_at: Option<DateTime<Utc>>,
    /// Its description last changed at; how it does is no part of that.
    pub updated_at: DateTime<Utc>,
}

impl Server {
    /// Whether it is left alone at `now`, after it did not answer.
    #[must_use]
    pub fn rests(&self, now: DateTime<Utc>) -> bool {
        lasts(self.next_try_at, now)
    }

    /// Its secrets.
    pub fn unseal(&self, key: &Key) -> Result<SecretString, SealError> {
        seal::unseal(key, place(self.id.0), &self.sealed_secrets)
    }
}

fn from_row(row: mail_server::Model) -> Server {
    Server {
        id: ServerId(row.id),
        name: row.name,
        adapter: row.adapter,
        settings: row.settings,
        sealed_secrets: row.sealed_secrets,
        up: row.state == "up",
        failures: u32::try_from(row.failures).unwrap_or_default(),
        next_try_at: row.next_try_at,
        checked_at: row.checked_at,
        updated_at: row.updated_at,
    }
}

fn place(row: Uuid) -> Place {
    Place {
        table: "mail_servers",
        column: "sealed_secrets",
        row,
    }
}

/// Every server, by name.
pub async fn all(engine: &Engine) -> Result<Vec<Server>, StoreError> {
    let rows = find::<mail_server::Entity>().order_by_asc(mail_server::Column::Name);
    let rows = rows.all(&engine.core.conn).await?;
    Ok(rows.into_iter().map(from_row).collect())
}

/// One server.
pub async fn one(engine: &Engine, id: ServerId) -> Result<Option<Server>, StoreError> {
    let row = find::<mail_server::Entity>().filter(mail_server::Column::Id.eq(id.0));
    Ok(row.one(&engine.core.conn).await?.map(from_row))
}

/// Makes a server known, or changes the one of that name. Doing it again changes nothing.
pub async fn register(
    engine: &Engine,
    key: &Key,
    new: Registration,
) -> Result<ServerId, RegisterError> {
    let platform = TenantRef::Slug("platform".to_owned());
    let cx = engine
        .authorize::<ManageServers>("mail servers", &platform)
        .await?;
    let work = cx.begin().await?;
    let known = work
        .scoped
        .find::<mail_server::Entity>()
        .filter(mail_server::Column::Name.eq(new.name.as_str()))
        .one(&work.scoped.tx)
        .await?;
    match known {
        None => add(work, key, new).await,
        Some(row) if is_as_described(&row, key, &new)? => Ok(ServerId(row.id)),
        Some(row) => change(work, key, row, new).await,
    }
}

fn is_as_described(
    row: &mail_server::Model,
    key: &Key,
    new: &Registration,
) -> Result<bool, StoreError> {
    let secrets = seal::unseal(key, place(row.id), &row.sealed_secrets);
    Ok(row.adapter == new.adapter
        && row.settings == new.settings
        && row.offers == serde_json::to_value(new.offers)?
        && row.listeners == serde_json::to_value(&new.listeners)?
        && secrets.is_ok_and(|known| known.expose_secret() == new.secrets.expose_secret()))
}

async fn add(
    work: Work<ManageServers>,
    key: &Key,
    new: Registration,
) -> Result<ServerId, RegisterError> {
    let id = ServerId::new();
    let row = mail_server::ActiveModel {
        id: Set(id.0),
        name: Set(new.name.clone()),
        adapter: Set(new.adapter),
        settings: Set(new.settings),
        sealed_secrets: Set(seal::seal(key, place(id.0), &new.secrets)?),
        offers: Set(serde_json::to_value(new.offers).map_err(StoreError::from)?),
        listeners: Set(serde_json::to_value(new.listeners).map_err(StoreError::from)?),
        state: Set("unknown".to_owned()),
        failures: Set(0),
        created_at: Set(work.now()),
        updated_at: Set(work.now()),
        ..Default::default()
    };
    work.scoped.insert::<mail_server::Entity, _>(row).await?;
    let event = Event::new("mail_server.added", "mail_server", new.name).id(id.0);
    work.commit(event).await?;
    Ok(id)
}

async fn change(
    work: Work<ManageServers>,
    key: &Key,
    row: mail_server::Model,
    new: Registration,
) -> Result<ServerId, RegisterError> {
    let offers = serde_json::to_value(new.offers).map_err(StoreError::from)?;
    let was = json!({ "settings": row.settings, "offers": row.offers });
    let is = json!({ "settings": new.settings, "offers": offers });
    if row.offers != offers {
        ask_again(&work, row.id).await?;
    }
    let changed = mail_server::ActiveModel {
        adapter: Set(new.adapter),
        settings: Set(new.settings),
        sealed_secrets: Set(seal::seal(key, place(row.id), &new.secrets)?),
        offers: Set(offers),
        listeners: Set(serde_json::to_value(new.listeners).map_err(StoreError::from)?),
        updated_at: Set(work.now()),
        ..Default::default()
    };
    let update = work.scoped.update::<mail_server::Entity>().set(changed);
    let update = update.filter(mail_server::Column::Id.eq(row.id));
    update.exec(&work.scoped.tx).await?;
    let event = Event::new("mail_server.changed", "mail_server", new.name).id(row.id);
    work.commit(event.change(was, is)).await?;
    Ok(ServerId(row.id))
}

/// What a server offers decides what is open in each of its mailboxes.
async fn ask_again(work: &Work<ManageServers>, server: Uuid) -> Result<(), StoreError> {
    let next = Expr::col(mailbox::Column::AskedGeneration).add(1);
    work.scoped
        .update::<mailbox::Entity>()
        .col_expr(mailbox::Column::AskedGeneration, next)
        .col_expr(mailbox::Column::NextTryAt, Expr::value(work.now()))
        .col_expr(mailbox::Column::Refused, Expr::value(false))
        .filter(mailbox::Column::ServerId.eq(server))
        .exec(&work.scoped.tx)
        .await?;
    Ok(())
}

/// It answered, and may have told its version. Says whether it was down before: then whatever
/// waited for it is due at once.
pub async fn up(engine: &Engine, id: ServerId, version: Option<&str>) -> Result<bool, StoreError> {
    let tx = engine.core.begin_write().await?;
    let this = mail_server::Column::Id.eq(id.0);
    let row = find::<mail_server::Entity>()
        .filter(this.clone())
        .one(&tx)
        .await?;
    let was_down = row.is_some_and(|row| row.state != "up" || row.failures > 0);
    let now = engine.clock().now();
    let row = mail_server::ActiveModel {
        state: Set("up".to_owned()),
        version: version.map_or(NotSet, |version| Set(Some(version.to_owned()))),
        problem: Set(None),
        failures: Set(0),
        next_try_at: Set(None),
        checked_at: Set(Some(now)),
        ..Default::default()
    };
    let write = update::<mail_server::Entity>().set(row).filter(this);
    write.exec(&tx).await?;
    if was_down {
        update::<mailbox::Entity>()
            .col_expr(mailbox::Column::NextTryAt, Expr::value(now))
            .filter(due::is_waiting(id))
            .exec(&tx)
            .await?;
    }
    tx.commit().await?;
    if was_down {
        engine.bell().ring();
    }
    Ok(was_down)
}

/// It did not answer: it is left alone for `rest`, and everything that waits for it says so.
pub async fn down(
    engine: &Engine,
    id: ServerId,
    problem: &str,
    rest: Duration,
) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    update::<mail_server::Entity>()
        .col_expr(mail_server::Column::State, Expr::value("down"))
        .col_expr(mail_server::Column::Problem, Expr::value(problem))
        .col_expr(
            mail_server::Column::Failures,
            Expr::col(mail_server::Column::Failures).add(1),
        )
        .col_expr(mail_server::Column::NextTryAt, Expr::value(now + rest))
        .col_expr(mail_server::Column::CheckedAt, Expr::value(now))
        .filter(mail_server::Column::Id.eq(id.0))
        .exec(&tx)
        .await?;
    say(&tx, due::is_waiting(id), problem).await?;
    tx.commit().await?;
    engine.bell().ring();
    Ok(())
}

/// What was asked for while the server is down says that it waits for it, too.
pub async fn say_waiting(engine: &Engine, id: ServerId) -> Result<(), StoreError> {
    let conn = &engine.core.conn;
    let silent = due::is_waiting(id).add(mailbox::Column::Problem.is_null());
    let some = find::<mailbox::Entity>().filter(silent.clone());
    let server = find::<mail_server::Entity>().filter(mail_server::Column::Id.eq(id.0));
    let problem = server.one(conn).await?.and_then(|row| row.problem);
    let (Some(problem), Some(_)) = (problem, some.one(conn).await?) else {
        return Ok(());
    };
    say(conn, silent, &problem).await?;
    engine.bell().ring();
    Ok(())
}

async fn say(
    conn: &impl sea_orm::ConnectionTrait,
    mailboxes: Condition,
    problem: &str,
) -> Result<(), StoreError> {
    update::<mailbox::Entity>()
        .col_expr(mailbox::Column::Problem, Expr::value(problem))
        .filter(mailboxes)
        .exec(conn)
        .await?;
    Ok(())
}
