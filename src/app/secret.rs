//! Secrets that the panel makes: 256 random bits, as text that fits a header and a cookie.
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// 43 characters of base64url after a prefix that says what it is.
pub(super) fn make(prefix: &str) -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// How many characters [`make`] adds to its prefix.
pub(super) const LENGTH: usize = 43;
