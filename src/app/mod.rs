//! What can be done, said once, for pages, the API, jobs and the command line alike. A use-case
//! names in its signature the one permission it needs, and commits at its end.
pub mod api_keys;
pub mod audit;
pub mod brand;
pub mod conversions;
pub mod domains;
pub mod drafts;
pub mod imports;
pub mod mailboxes;
pub mod members;
pub mod messages;
pub mod overview;
pub mod password;
pub mod plans;
pub mod reversals;
pub mod seats;
mod secret;
pub mod servers;
pub mod sign_in;
pub mod tenants;
pub mod users;

mod error;
pub use error::AppError;
