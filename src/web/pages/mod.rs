//! Pages for people: one file for each resource, named as its folder in `templates/`. A handler
//! reads the request, calls one use-case and draws its template.
#[cfg(debug_assertions)]
pub mod gallery;

pub mod api_keys;
pub mod audit;
pub mod confirm;
pub mod conversions;
pub mod domains;
pub mod first_run;
pub mod imports;
pub mod mail_servers;
pub mod mailbox;
pub mod mailboxes;
pub mod messages;
pub mod overview;
pub mod receipt;
pub mod reversal;
pub mod seats;
pub mod sign_in;
pub mod tenant_settings;
pub mod tenants;
pub mod users;
