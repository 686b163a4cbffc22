//! Cursors: the sort key of the last row seen, with a digest that ties it to its list. It keeps
//! nothing secret and protects nothing (rows are filtered by tenant whatever it says); it makes a
//! mix-up an error instead of a wrong page.
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::domain::snapshot::hex;

/// Names what is digested, so that no other digest is taken for one.
const PURPOSE: &[u8] = b"pilothouse cursor 1";

/// The cursor after the row with this sort key.
pub fn seal(key: &[String], list: &str) -> String {
    let sealed = (digest(key, list), key);
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&sealed).unwrap_or_default())
}

/// The sort key in a cursor of this list.
pub fn open(cursor: &str, list: &str) -> Option<Vec<String>> {
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (digest_then, key): (String, Vec<String>) = serde_json::from_slice(&sealed).ok()?;
    (digest(&key, list) == digest_then).then_some(key)
}

fn digest(key: &[String], list: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(PURPOSE);
    for part in key.iter().map(String::as_str).chain([list]) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize()[..8])
}
