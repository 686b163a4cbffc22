//! Protocol clients for tests: what real mail programs, phones and calendars say to a mail server.
//! None of this is the panel's own client code, so that a fault there cannot hide here. Included
//! by `#[path]` in each test binary that needs it.
//!
//! A login that is refused is an `Err` with what the server said.
pub mod activesync;
pub mod dav;
pub mod imap;
pub mod pop3;
pub mod smtp;
pub mod wbxml;
pub mod webmail;

use std::sync::Once;
use std::time::Duration;

use serde::Deserialize;

/// Where a mail stack listens: the plain part of its `info.json`, and of a server in `demo.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Doors {
    pub host: String,
    pub imap: u16,
    pub imaps: u16,
    pub pop3: u16,
    pub pop3s: u16,
    pub smtp: u16,
    pub submission: u16,
    pub http: String,
}

/// No client waits longer than this for one answer.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// An HTTP client that opens a connection per request: `SOGo` closes them without saying so.
pub fn http() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .http1_only()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without settings to get wrong")
}

/// Sets the process's TLS provider, once.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
