//! Calendars and contacts of a mailbox by their marks, and the comparison of two readings. What an
//! item says (RFC 5545, RFC 6350) is nobody's business here: it is the same when its bytes are.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::snapshot::{hex, hex_bytes};

/// What a collection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionKind {
    /// Events and tasks (RFC 4791 §4.2).
    Calendar,
    /// Contacts (RFC 6352 §5.2).
    AddressBook,
}

/// A calendar or an address book, without its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its place below the mailbox, which clients know it by.
    pub path: String,
    /// What it holds.
    pub kind: CollectionKind,
    /// What its owner calls it.
    pub name: String,
    /// The colour that its owner chose, as the server writes it.
    pub color: Option<String>,
    /// Its place in the order that its owner chose.
    pub order: Option<i32>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// An appointment, once or recurring.
    Event,
    /// A task.
    Task,
    /// A person.
    Contact,
    /// A list of contacts.
    List,
    /// Something else.
    Other,
}

/// What identifies an item and what must not change about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemMark {
    /// The last part of its address, which clients know it by.
    pub name: String,
    /// What it is.
    pub component: Component,
    /// Its owner removed it; the server remembers its name, so that clients learn of it.
    pub removed: bool,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the item as stored.
    #[serde(with = "hex_bytes")]
    pub sha256: [u8; 32],
    /// SHA-256 of what the server keeps beside it, where it keeps something.
    #[serde(skip)]
    pub beside: [u8; 32],
}

/// A collection with the marks of its items, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The collection.
    pub collection: Collection,
    /// Every item, by name.
    pub items: Vec<ItemMark>,
}

/// Everything of a mailbox that is not mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// Every collection, by path.
    pub collections: Vec<Marked>,
}

/// The figures of an inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupwareSummary {
    /// Calendars.
    pub calendars: u64,
    /// Events; a recurring one counts once.
    pub events: u64,
    /// Tasks, and what else is in a calendar.
    pub tasks: u64,
    /// Address books.
    pub address_books: u64,
    /// Contacts, and lists of them.
    pub contacts: u64,
    /// SHA-256 over each collection's path, name, colour and items, in hexadecimal.
    pub digest: String,
}

/// How much a mailbox holds besides its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holdings {
    /// Calendars.
    pub calendars: u64,
    /// Events; a recurring one counts once.
    pub events: u64,
    /// Tasks.
    pub tasks: u64,
    /// Contacts.
    pub contacts: u64,
    /// Phones that keep something there to sync by.
    pub devices: u64,
}

impl Marked {
    /// What its owner sees.
    pub fn present(&self) -> impl Iterator<Item = &ItemMark> {
        self.items.iter().filter(|item| !item.removed)
    }
}

impl Inventory {
    /// The figures.
    #[must_use]
    pub fn summary(&self) -> GroupwareSummary {
        let mut summary = GroupwareSummary::default();
        let mut digest = Sha256::new();
        for marked in &self.collections {
            let of = &marked.collection;
            for text in [
                &of.path,
                &of.name,
                of.color.as_ref().unwrap_or(&String::new()),
            ] {
                digest.update(text.as_bytes());
                digest.update([0]);
            }
            match of.kind {
                CollectionKind::Calendar => summary.calendars += 1,
                CollectionKind::AddressBook => summary.address_books += 1,
            }
            for item in marked.present() {
                digest.update(item.name.as_bytes());
                digest.update([0]);
                digest.update(item.sha256);
                match (of.kind, item.component) {
                    (CollectionKind::AddressBook, _) => summary.contacts += 1,
                    (CollectionKind::Calendar, Component::Event) => summary.events += 1,
                    (CollectionKind::Calendar, _) => summary.tasks += 1,
                }
            }
        }
        summary.digest = hex(&digest.finalize());
        summary
    }

    /// Every collection, to be found by its path.
    #[must_use]
    pub fn by_path(&self) -> BTreeMap<&str, &Marked> {
        let each = self.collections.iter();
        each.map(|marked| (marked.collection.path.as_str(), marked))
            .collect()
    }
}

/// One sentence for each thing of `before` that is not in `after` as it was; empty means that all
/// of it is. What is there beyond has come since.
#[must_use]
pub fn compare(before: &Inventory, after: &Inventory) -> Vec<String> {
    let mut differences = vec![];
    let later = after.by_path();
    for old in &before.collections {
        let of = &old.collection;
        let Some(new) = later.get(of.path.as_str()) else {
            let items = old.present().count();
            let what = format!("{} with {items} items did not come along.", titled(of));
            differences.push(what);
            continue;
        };
        for (what, same) in [
            ("name", new.collection.name == of.name),
            ("colour", new.collection.color == of.color),
            ("place in the order", new.collection.order == of.order),
        ] {
            if !same {
                differences.push(format!("{} has another {what} than before.", titled(of)));
            }
        }
        let found: BTreeMap<&str, &ItemMark> = new
            .present()
            .map(|item| (item.name.as_str(), item))
            .collect();
        for item in old.present() {
            let what = match found.get(item.name.as_str()) {
                None => "did not come along",
                Some(twin) if twin.sha256 != item.sha256 => "has other text than before",
                Some(_) => continue,
            };
            differences.push(format!("{} in {} {what}.", item.name, titled(of)));
        }
    }
    differences
}

fn titled(collection: &Collection) -> String {
    let what = match collection.kind {
        CollectionKind::Calendar => "Calendar",
        CollectionKind::AddressBook => "Address book",
    };
    format!("{what} {}", collection.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, text: u8) -> ItemMark {
        ItemMark {
            name: name.to_owned(),
            component: Component::Event,
            removed: false,
            size: 1,
            sha256: [text; 32],
            beside: [0; 32],
        }
    }

    fn work(items: Vec<ItemMark>) -> Inventory {
        let collection = Collection {
            path: "Calendar/work".to_owned(),
            kind: CollectionKind::Calendar,
            name: "Work".to_owned(),
            color: Some("#FF8800".to_owned()),
            order: None,
        };
        let collections = vec![Marked { collection, items }];
        Inventory { collections }
    }

    #[test]
    fn what_came_since_and_what_its_owner_removed_are_no_differences() {
        let mut gone = item("gone.ics", b'g');
        gone.removed = true;
        let before = work(vec![item("a.ics", b'a'), gone]);
        let after = work(vec![item("a.ics", b'a'), item("b.ics", b'b')]);
        assert_eq!(compare(&before, &after), Vec::<String>::new());
        assert_eq!(before.summary().events, 1);
    }

    #[test]
    fn a_missing_item_another_text_and_another_look_are_named() {
        let before = work(vec![item("a.ics", b'a'), item("b.ics", b'b')]);
        let mut after = work(vec![item("a.ics", b'x')]);
        after.collections[0].collection.color = None;
        let said = [
            "Calendar Work has another colour than before.",
            "a.ics in Calendar Work has other text than before.",
            "b.ics in Calendar Work did not come along.",
        ];
        assert_eq!(compare(&before, &after), said);
        let said = ["Calendar Work with 2 items did not come along."];
        assert_eq!(compare(&before, &Inventory::default()), said);
        assert_ne!(before.summary().digest, after.summary().digest);
    }
}
