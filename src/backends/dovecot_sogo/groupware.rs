//! Calendars and contacts in `SOGo`'s database, by the functions that the stack puts there
//! (`mailstack/groupware.sql`). `SOGo`'s own `CalDAV` door is no way: it stores an item otherwise than
//! it was given (measured: the parameters of a property change places), and an event of an organizer
//! makes it write into other people's calendars.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Row as _};
use tokio::sync::OnceCell;
use url::Url;

use super::database::{self, InTime as _};
use super::directory::Directory;
use super::faults::explain;
use crate::backends::ServerError;
use crate::backends::groupware::{Groupware, Item};
use crate::domain::EmailAddress;
use crate::domain::groupware::{
    Collection, CollectionKind, Component, Holdings, Inventory, ItemMark, Marked,
};

/// The version of the functions that this adapter speaks.
const VERSION: i32 = 1;

/// No statement takes longer.
const LONGEST: Duration = Duration::from_secs(30);

/// `SOGo`'s database, by a small pool of its own that connects when it is first needed.
pub(super) struct Calendars {
    pool: PgPool,
    checked: OnceCell<()>,
}

impl Calendars {
    pub(super) fn new(url: &Url, password: &SecretString) -> Result<Self, sqlx::Error> {
        let pool = database::pool(url, password, LONGEST)?;
        Ok(Self {
            pool,
            checked: OnceCell::new(),
        })
    }

    /// The pool, once the functions are known to be ours.
    async fn pool(&self) -> Result<&PgPool, ServerError> {
        self.checked.get_or_try_init(|| self.check()).await?;
        Ok(&self.pool)
    }

    /// Whether the database answers and has the functions that we call.
    pub(super) async fn check(&self) -> Result<(), ServerError> {
        let found: i32 = sqlx::query_scalar("SELECT groupware.version()")
            .fetch_one(&self.pool)
            .in_time()
            .await
            .map_err(|fault| match &fault {
                // 3F000: no such schema. 42883: no such function.
                sqlx::Error::Database(d)
                    if matches!(d.code().as_deref(), Some("3F000" | "42883")) =>
                {
                    let why = "SOGo's database does not have the panel's functions; run \
                               mailstack/groupware.sql there";
                    ServerError::Refused(why.to_owned())
                }
                _ => told(&fault),
            })?;
        if found == VERSION {
            return Ok(());
        }
        Err(ServerError::Refused(format!(
            "the panel's functions in SOGo's database have version {found}, and this panel speaks \
             version {VERSION}: update whichever is older"
        )))
    }

    /// How much these people have, by their ids.
    pub(super) async fn counts(
        &self,
        people: &[&str],
    ) -> Result<HashMap<String, Holdings>, ServerError> {
        let rows: Vec<(String, i64, i64, i64, i64, i64)> =
            sqlx::query_as("SELECT * FROM groupware.counts($1)")
                .bind(people)
                .fetch_all(self.pool().await?)
                .in_time()
                .await
                .map_err(|fault| told(&fault))?;
        let holdings = |(person, calendars, events, tasks, contacts, devices)| {
            let number = |n: i64| n.unsigned_abs();
            let of = Holdings {
                calendars: number(calendars),
                events: number(events),
                tasks: number(tasks),
                contacts: number(contacts),
                devices: number(devices),
            };
            (person, of)
        };
        Ok(rows.into_iter().map(holdings).collect())
    }

    /// Destroys everything that `SOGo` has of a person.
    pub(super) async fn remove_person(&self, uid: &str) -> Result<(), ServerError> {
        sqlx::query("SELECT groupware.remove_person($1)")
            .bind(uid)
            .execute(self.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }
}

fn told(fault: &sqlx::Error) -> ServerError {
    match explain(fault) {
        ServerError::Unreachable(why) => ServerError::Unreachable(named(&why)),
        ServerError::Busy(why) => ServerError::Busy(named(&why)),
        ServerError::Refused(why) => ServerError::Refused(named(&why)),
    }
}

fn named(why: &str) -> String {
    why.replacen("the directory database", "SOGo's database", 1)
}

/// Those of one mailbox.
pub(super) struct Of {
    calendars: Arc<Calendars>,
    directory: Arc<Directory>,
    mailbox: EmailAddress,
    uid: OnceCell<String>,
}

impl Of {
    pub(super) const fn new(
        calendars: Arc<Calendars>,
        directory: Arc<Directory>,
        mailbox: EmailAddress,
    ) -> Self {
        Self {
            calendars,
            directory,
            mailbox,
            uid: OnceCell::const_new(),
        }
    }

    async fn uid(&self) -> Result<&str, ServerError> {
        let uid = self.uid.get_or_try_init(|| async {
            let uid = self.directory.uid(&self.mailbox).await?;
            uid.ok_or_else(|| ServerError::Refused(format!("there is no mailbox {}", self.mailbox)))
        });
        uid.await.map(String::as_str)
    }

    async fn collections(&self) -> Result<Vec<Collection>, ServerError> {
        let rows: Vec<Named> = sqlx::query_as("SELECT * FROM groupware.collections($1)")
            .bind(self.uid().await?)
            .fetch_all(self.calendars.pool().await?)
            .in_time()
            .await
            .map_err(|fault| told(&fault))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn marks(&self, path: &str) -> Result<Vec<ItemMark>, ServerError> {
        let rows: Vec<Mark> = sqlx::query_as("SELECT * FROM groupware.items($1, $2)")
            .bind(self.uid().await?)
            .bind(path)
            .fetch_all(self.calendars.pool().await?)
            .in_time()
            .await
            .map_err(|fault| told(&fault))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}

#[async_trait]
impl Groupware for Of {
    async fn inventory(&self) -> Result<Inventory, ServerError> {
        let mut inventory = Inventory::default();
        for collection in self.collections().await? {
            let items = self.marks(&collection.path).await?;
            inventory.collections.push(Marked { collection, items });
        }
        Ok(inventory)
    }

    async fn read(&self, path: &str, names: &[String]) -> Result<Vec<Item>, ServerError> {
        let rows: Vec<Whole> = sqlx::query_as("SELECT * FROM groupware.read($1, $2, $3)")
            .bind(self.uid().await?)
            .bind(path)
            .bind(names)
            .fetch_all(self.calendars.pool().await?)
            .in_time()
            .await
            .map_err(|fault| told(&fault))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn put_collection(&self, collection: &Collection) -> Result<(), ServerError> {
        let kind = match collection.kind {
            CollectionKind::Calendar => "calendar",
            CollectionKind::AddressBook => "address_book",
        };
        sqlx::query("SELECT groupware.put_collection($1, $2, $3, $4)")
            .bind(self.uid().await?)
            .bind(&collection.path)
            .bind(kind)
            .bind(&collection.name)
            .execute(self.calendars.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }

    async fn put(&self, path: &str, items: &[Item]) -> Result<(), ServerError> {
        let each = || items.iter();
        sqlx::query("SELECT groupware.put($1, $2, $3, $4, $5, $6)")
            .bind(self.uid().await?)
            .bind(path)
            .bind(each().map(|item| item.name.as_str()).collect::<Vec<_>>())
            .bind(each().map(|item| item.removed).collect::<Vec<_>>())
            .bind(each().map(|item| item.content.as_str()).collect::<Vec<_>>())
            .bind(each().map(|item| item.beside.clone()).collect::<Vec<_>>())
            .execute(self.calendars.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }

    async fn remove(&self, path: &str, names: &[String]) -> Result<(), ServerError> {
        sqlx::query("SELECT groupware.remove($1, $2, $3)")
            .bind(self.uid().await?)
            .bind(path)
            .bind(names)
            .execute(self.calendars.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }

    async fn remove_collection(&self, path: &str) -> Result<(), ServerError> {
        sqlx::query("SELECT groupware.remove_collection($1, $2)")
            .bind(self.uid().await?)
            .bind(path)
            .execute(self.calendars.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }

    async fn preferences(&self) -> Result<Value, ServerError> {
        let found: Option<Value> = sqlx::query_scalar("SELECT groupware.preferences($1)")
            .bind(self.uid().await?)
            .fetch_one(self.calendars.pool().await?)
            .in_time()
            .await
            .map_err(|fault| told(&fault))?;
        Ok(found.unwrap_or_default())
    }

    async fn put_preferences(&self, preferences: &Value) -> Result<(), ServerError> {
        sqlx::query("SELECT groupware.put_preferences($1, $2)")
            .bind(self.uid().await?)
            .bind(preferences)
            .execute(self.calendars.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }
}

struct Named(Collection);

impl FromRow<'_, PgRow> for Named {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let kind: String = row.try_get("kind")?;
        Ok(Self(Collection {
            path: row.try_get("path")?,
            kind: if kind == "calendar" {
                CollectionKind::Calendar
            } else {
                CollectionKind::AddressBook
            },
            name: row.try_get("name")?,
            color: row.try_get("color")?,
            order: row.try_get("place")?,
        }))
    }
}

struct Mark(ItemMark);

impl FromRow<'_, PgRow> for Mark {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let component: String = row.try_get("component")?;
        let size: i64 = row.try_get("size")?;
        Ok(Self(ItemMark {
            name: row.try_get("name")?,
            component: match component.as_str() {
                "vevent" => Component::Event,
                "vtodo" => Component::Task,
                "vcard" => Component::Contact,
                "vlist" => Component::List,
                _ => Component::Other,
            },
            removed: row.try_get("removed")?,
            size: size.try_into().unwrap_or_default(),
            sha256: digest(row, "sha256")?,
            beside: digest(row, "beside")?,
        }))
    }
}

fn digest(row: &PgRow, column: &str) -> sqlx::Result<[u8; 32]> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "a digest has 32 bytes".into(),
    })
}

struct Whole(Item);

impl FromRow<'_, PgRow> for Whole {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(Item {
            name: row.try_get("name")?,
            removed: row.try_get("removed")?,
            content: row.try_get("content")?,
            beside: row.try_get("beside")?,
        }))
    }
}
