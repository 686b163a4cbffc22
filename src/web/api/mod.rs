//! REST for scripts. [`v1`] has the resources, one file each; the rest of this room is what every
//! one of them keeps to (docs/API.md): how a request is read, how it is answered, and the document.
pub mod answer;
pub mod ask;
pub mod docs;
pub mod gate;
pub mod openapi;
pub mod query;
pub mod v1;

mod body;
mod cursor;
mod etag;

pub use answer::List;
pub use ask::Ask;
pub use body::{Json, NoBody, Patch};
pub use query::{Change, Paging, Plain};
