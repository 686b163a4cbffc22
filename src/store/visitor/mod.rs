//! What a visitor who is not signed in may look up, and nothing else: a session by its token, a
//! member by address, a key by its secret, how often somebody failed.
//!
//! None of these rows belongs to a tenant: who may do what is asked afterwards, at
//! [`super::Db::authorize`].
pub mod keys;
pub mod people;
pub mod sessions;
pub mod throttle;

use sha2::{Digest, Sha256};

/// What is kept of a secret of 256 random bits: its SHA-256. Nobody can guess such a secret, so
/// that nothing slower is needed, and the row is found by it.
pub(super) fn digest(secret: &str) -> String {
    crate::domain::snapshot::hex(&Sha256::digest(secret.as_bytes()))
}
