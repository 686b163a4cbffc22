//! Who may do what. [`policy`] is the whole of it as one table; [`actor`] is who asks.
pub mod actor;
pub mod policy;

pub use actor::{Actor, Origin};
pub use policy::*;
