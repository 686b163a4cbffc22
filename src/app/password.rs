//! Password hashing, bounded and off the async threads. A password is hashed once; the PHC string
//! goes to the mail server as it is.
use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::AppError;
use crate::domain::user::Password;

/// Each hash takes 19 MiB (argon2id, m=19456, t=2, p=1: OWASP's first choice) and a core.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// Verified against when the account is unknown, so that both answers take as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    Argon2::default()
        .hash_password(b"nobody")
        .map(|hash| hash.to_string())
        .unwrap_or_default()
});

/// Letters and digits that nobody takes for one another.
const CLEAR: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password to be shown once: four times five characters, 100 random bits.
#[must_use]
pub fn generate() -> SecretString {
    let bytes: [u8; 20] = rand::random();
    let characters: Vec<char> = bytes
        .iter()
        .map(|byte| char::from(CLEAR[usize::from(byte % 32)]))
        .collect();
    let groups: Vec<String> = characters.chunks(5).map(String::from_iter).collect();
    groups.join("-").into()
}

/// The PHC string of a password.
pub async fn hash(password: Password) -> Result<SecretString, AppError> {
    let _slot = SLOTS.acquire().await.map_err(anyhow::Error::from)?;
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.expose().as_bytes())
            .map(|hash| hash.to_string())
    })
    .await
    .map_err(anyhow::Error::from)?;
    Ok(hashed
        .map_err(|error| anyhow::anyhow!("hashing: {error}"))?
        .into())
}

/// Whether `typed` is the password of `stored`; takes as long when there is no account.
pub async fn verify(typed: SecretString, stored: Option<SecretString>) -> Result<bool, AppError> {
    let _slot = SLOTS.acquire().await.map_err(anyhow::Error::from)?;
    let right = tokio::task::spawn_blocking(move || {
        let hash = stored
            .as_ref()
            .map_or(NOBODY.as_str(), ExposeSecret::expose_secret);
        let right = PasswordHash::new(hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(typed.expose_secret().as_bytes(), &hash)
                .is_ok()
        });
        right && stored.is_some()
    });
    Ok(right.await.map_err(anyhow::Error::from)?)
}
