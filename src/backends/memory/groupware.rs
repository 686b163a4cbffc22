//! Calendars and contacts of one account.
use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Call, MemoryServer};
use crate::backends::ServerError;
use crate::backends::groupware::{Groupware, Item};
use crate::domain::EmailAddress;
use crate::domain::groupware::{
    Collection, CollectionKind, Component, Holdings, Inventory, ItemMark, Marked,
};

/// What an account has besides its mail.
#[derive(Default)]
pub(super) struct Calendars {
    collections: BTreeMap<String, (Collection, BTreeMap<String, Item>)>,
    preferences: Value,
}

impl Calendars {
    /// How much it is.
    pub(super) fn holdings(&self) -> Holdings {
        let summary = self.inventory().summary();
        Holdings {
            calendars: summary.calendars,
            events: summary.events,
            tasks: summary.tasks,
            contacts: summary.contacts,
            devices: 0,
        }
    }

    fn inventory(&self) -> Inventory {
        let marked = |(of, items): &(Collection, BTreeMap<String, Item>)| Marked {
            collection: of.clone(),
            items: items.values().map(|item| mark(of.kind, item)).collect(),
        };
        let collections = self.collections.values().map(marked).collect();
        Inventory { collections }
    }

    /// Writes an item. Says whether there is such a collection.
    pub(super) fn scribble(&mut self, path: &str, name: &str, content: &str) -> bool {
        let item = Item {
            name: name.to_owned(),
            removed: false,
            content: content.to_owned(),
            beside: Value::Null,
        };
        let there = self.collections.get_mut(path);
        there
            .map(|(_, items)| items.insert(name.to_owned(), item))
            .is_some()
    }
}

/// Those of one mailbox.
pub(super) struct Of {
    server: MemoryServer,
    mailbox: EmailAddress,
}

impl Of {
    pub(super) const fn new(server: MemoryServer, mailbox: EmailAddress) -> Self {
        Self { server, mailbox }
    }

    async fn ask<T: Send>(
        &self,
        call: Call,
        effect: impl FnOnce(&mut Calendars) -> Result<T, ServerError> + Send,
    ) -> Result<T, ServerError> {
        let asked = self.server.answer(call, |world| {
            let account = world.at_mut(&self.mailbox);
            let account = account.ok_or_else(|| {
                ServerError::Refused(format!("there is no mailbox {}", self.mailbox))
            })?;
            effect(&mut account.calendars)
        });
        asked.await
    }
}

fn mark(kind: CollectionKind, item: &Item) -> ItemMark {
    let has = |word: &str| item.content.contains(word);
    let component = match kind {
        CollectionKind::Calendar if has("BEGIN:VEVENT") => Component::Event,
        CollectionKind::Calendar if has("BEGIN:VTODO") => Component::Task,
        CollectionKind::AddressBook if has("BEGIN:VLIST") => Component::List,
        CollectionKind::AddressBook => Component::Contact,
        CollectionKind::Calendar => Component::Other,
    };
    ItemMark {
        name: item.name.clone(),
        component,
        removed: item.removed,
        size: item.content.len() as u64,
        sha256: Sha256::digest(item.content.as_bytes()).into(),
        beside: Sha256::digest(item.beside.to_string().as_bytes()).into(),
    }
}

#[async_trait]
impl Groupware for Of {
    async fn inventory(&self) -> Result<Inventory, ServerError> {
        self.ask(Call::Groupware, |all| Ok(all.inventory())).await
    }

    async fn read(&self, path: &str, names: &[String]) -> Result<Vec<Item>, ServerError> {
        self.ask(Call::Groupware, |all| {
            let items = all.collections.get(path).map(|(_, items)| items);
            let found = names.iter().filter_map(|name| items?.get(name).cloned());
            Ok(found.collect())
        })
        .await
    }

    async fn put_collection(&self, collection: &Collection) -> Result<(), ServerError> {
        self.ask(Call::GroupwareChange, |all| {
            let fresh = || (collection.clone(), BTreeMap::new());
            let entry = all.collections.entry(collection.path.clone());
            entry.or_insert_with(fresh).0 = collection.clone();
            Ok(())
        })
        .await
    }

    async fn put(&self, path: &str, items: &[Item]) -> Result<(), ServerError> {
        self.ask(Call::GroupwareChange, |all| {
            let Some((_, there)) = all.collections.get_mut(path) else {
                return Err(ServerError::Refused(format!("there is no folder {path}")));
            };
            for item in items {
                there.insert(item.name.clone(), item.clone());
            }
            Ok(())
        })
        .await
    }

    async fn remove(&self, path: &str, names: &[String]) -> Result<(), ServerError> {
        self.ask(Call::GroupwareChange, |all| {
            if let Some((_, items)) = all.collections.get_mut(path) {
                for name in names {
                    if let Some(item) = items.get_mut(name) {
                        item.removed = true;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    async fn remove_collection(&self, path: &str) -> Result<(), ServerError> {
        self.ask(Call::GroupwareChange, |all| {
            all.collections.remove(path);
            Ok(())
        })
        .await
    }

    async fn preferences(&self) -> Result<Value, ServerError> {
        self.ask(Call::Groupware, |all| Ok(all.preferences.clone()))
            .await
    }

    async fn put_preferences(&self, preferences: &Value) -> Result<(), ServerError> {
        self.ask(Call::GroupwareChange, |all| {
            all.preferences = preferences.clone();
            Ok(())
        })
        .await
    }
}
