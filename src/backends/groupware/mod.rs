//! The panel's way to the calendars and contacts of a mailbox, and carrying them from one server to
//! another. How a server lets itself be asked is its adapter's business.
mod carry;

use async_trait::async_trait;
use serde_json::Value;

use super::ServerError;
use crate::domain::groupware::{Collection, Inventory};

pub use carry::{Carried, CarryError, carry};

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The last part of its address.
    pub name: String,
    /// Its owner removed it; only the name is remembered.
    pub removed: bool,
    /// The item, byte for byte.
    pub content: String,
    /// What the server keeps beside it (its version, when it changed, its index), for another server
    /// of the same product; null where it keeps nothing.
    pub beside: Value,
}

/// Calendars and contacts of one mailbox. They can be read and written whatever its doors, nobody
/// is invited or answered by it, and every method may be called twice with the effect of once.
#[async_trait]
pub trait Groupware: Send + Sync {
    /// Everything, by its marks; nothing when the owner never used it.
    async fn inventory(&self) -> Result<Inventory, ServerError>;

    /// These items in full; one that is not there is left out.
    async fn read(&self, path: &str, names: &[String]) -> Result<Vec<Item>, ServerError>;

    /// Makes a collection, or gives it this name. Colour and order are among the preferences.
    async fn put_collection(&self, collection: &Collection) -> Result<(), ServerError>;

    /// Makes or replaces items of a collection.
    async fn put(&self, path: &str, items: &[Item]) -> Result<(), ServerError>;

    /// Removes items of a collection; clients learn of it.
    async fn remove(&self, path: &str, names: &[String]) -> Result<(), ServerError>;

    /// Removes a collection with all that is in it.
    async fn remove_collection(&self, path: &str) -> Result<(), ServerError>;

    /// What its owner set for all of it (colours, order, language, signature), in the words of the
    /// product; null when nothing was.
    async fn preferences(&self) -> Result<Value, ServerError>;

    /// Sets that.
    async fn put_preferences(&self, preferences: &Value) -> Result<(), ServerError>;
}
