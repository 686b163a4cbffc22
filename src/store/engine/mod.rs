//! What the engine may ask of the database: due work with leases, what servers should hold, what
//! was seen there. It sees all tenants, and is never handed to a request.
//!
//! Nothing here decides: a function reads or writes what its name says, in one transaction.
pub mod bounces;
pub mod checks;
pub mod conversions;
pub mod copies;
pub mod domains;
pub mod due;
pub mod expired;
pub mod grants;
pub mod hours;
pub mod imports;
pub mod messages;
pub mod moves;
pub mod purge;
pub mod routes;
pub mod seen;
pub mod selections;
pub mod servers;
pub mod sweep;
pub mod usage;

use sea_orm::{EntityTrait, Select, UpdateMany};

/// Rows of all tenants.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine works for all tenants: there is no scope to add"
)]
fn find<E: EntityTrait>() -> Select<E> {
    E::find()
}

/// An update of rows of all tenants.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine works for all tenants: there is no scope to add"
)]
fn update<E: EntityTrait>() -> UpdateMany<E> {
    E::update_many()
}

/// A delete of rows of all tenants.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine works for all tenants: there is no scope to add"
)]
fn delete<E: EntityTrait>() -> sea_orm::DeleteMany<E> {
    E::delete_many()
}
