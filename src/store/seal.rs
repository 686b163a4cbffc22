//! Secrets of mail servers, sealed before they are written: XChaCha20-Poly1305 with a random
//! 24-byte nonce (draft-irtf-cfrg-xchacha-03), bound to the place where they are kept, so that a
//! sealed value that is copied to another row does not open there.
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Bytes of a nonce.
const NONCE: usize = 24;

/// The key of this panel.
#[derive(Clone)]
pub struct Key {
    bytes: Arc<SecretBox<[u8; 32]>>,
    id: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    /// The key of these 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let digest = Sha256::digest(bytes);
        Self {
            bytes: Arc::new(SecretBox::new(Box::new(bytes))),
            id: crate::domain::snapshot::hex(&digest[..4]),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes.expose_secret().into())
    }
}

/// Where a sealed value is kept.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Uuid,
}

impl Place {
    fn as_bytes(self) -> Vec<u8> {
        format!("{}.{}.{}", self.table, self.column, self.row).into_bytes()
    }
}

/// Why a sealed value does not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// It was sealed with another key.
    #[error("the secret was sealed with the key {sealed_with}, but this panel has the key {ours}")]
    OtherKey {
        /// The id of that key.
        sealed_with: String,
        /// The id of ours.
        ours: String,
    },
    /// It was altered, or belongs to another row.
    #[error("the sealed secret does not open: it was altered, or belongs to another row")]
    Broken,
}

/// Seals `secret` for `place`: `<key id>:<base64 of nonce and text>`.
pub fn seal(key: &Key, place: Place, secret: &SecretString) -> Result<String, SealError> {
    let nonce: [u8; NONCE] = rand::rng().random();
    let payload = Payload {
        msg: secret.expose_secret().as_bytes(),
        aad: &place.as_bytes(),
    };
    let text = key.cipher().encrypt(&XNonce::from(nonce), payload);
    let text = text.map_err(|_| SealError::Broken)?;
    let sealed = STANDARD.encode([nonce.as_slice(), &text].concat());
    Ok(format!("{}:{sealed}", key.id))
}

/// Opens what [`seal`] sealed for the same place with the same key.
pub fn unseal(key: &Key, place: Place, sealed: &str) -> Result<SecretString, SealError> {
    let (id, text) = sealed.split_once(':').ok_or(SealError::Broken)?;
    if id != key.id {
        return Err(SealError::OtherKey {
            sealed_with: id.to_owned(),
            ours: key.id.clone(),
        });
    }
    let bytes = STANDARD.decode(text).map_err(|_| SealError::Broken)?;
    let (nonce, text) = bytes
        .split_first_chunk::<NONCE>()
        .ok_or(SealError::Broken)?;
    let payload = Payload {
        msg: text,
        aad: &place.as_bytes(),
    };
    let open = key.cipher().decrypt(&XNonce::from(*nonce), payload);
    let open = open.map_err(|_| SealError::Broken)?;
    let open = String::from_utf8(open).map_err(|_| SealError::Broken)?;
    Ok(open.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place {
        table: "mail_servers",
        column: "sealed_secrets",
        row: Uuid::nil(),
    };

    fn secret() -> SecretString {
        "hunter2 ä".into()
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same() {
        let key = Key::from_bytes([7; 32]);
        let sealed = seal(&key, HERE, &secret()).unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_ne!(sealed, seal(&key, HERE, &secret()).unwrap());
        let open = unseal(&key, HERE, &sealed).unwrap();
        assert_eq!(open.expose_secret(), "hunter2 ä");
        assert!(!format!("{key:?}").contains("7, 7"));
    }

    #[test]
    fn it_does_not_open_in_another_row_or_altered() {
        let key = Key::from_bytes([7; 32]);
        let sealed = seal(&key, HERE, &secret()).unwrap();
        let elsewhere = Place {
            row: Uuid::max(),
            ..HERE
        };
        assert_eq!(
            unseal(&key, elsewhere, &sealed).unwrap_err(),
            SealError::Broken
        );
        let altered = sealed.replace(':', ":AAAA");
        assert_eq!(unseal(&key, HERE, &altered).unwrap_err(), SealError::Broken);
        assert_eq!(unseal(&key, HERE, "").unwrap_err(), SealError::Broken);
    }

    #[test]
    fn another_key_is_named() {
        let sealed = seal(&Key::from_bytes([7; 32]), HERE, &secret()).unwrap();
        let error = unseal(&Key::from_bytes([8; 32]), HERE, &sealed).unwrap_err();
        assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    }
}
