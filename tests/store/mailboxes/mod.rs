//! What can be asked of mailboxes.
mod change;
mod create;
mod drift;
mod keeping;
mod list;
