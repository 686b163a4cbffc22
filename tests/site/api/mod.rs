//! The API, resource by resource; what all of them share is in [`conventions`].
mod conventions;
mod conversions;
mod drafts;
mod idempotency;
mod imports;
mod keys;
mod mailboxes;
mod seats;
mod tenants;
mod users;
