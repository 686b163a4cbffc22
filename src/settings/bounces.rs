//! `mail.bounces`: the mailbox that letters come back to which a mail server took and could not
//! deliver.
use std::path::PathBuf;

use pilothouse::backends::imap::Login;
use pilothouse::domain::mailserver::{Security, is_loopback};
use pilothouse::engine::bounces::BounceMailbox;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Bounces {
    /// Where it is read, by IMAP.
    host: String,
    /// 993 with TLS, else 143.
    port: Option<u16>,
    security: Security,
    username: String,
    password: SecretString,
    /// A PEM file with authorities that are good beside those that the machine trusts.
    ca_file: Option<PathBuf>,
    /// The sender in the envelope of every letter, so that what cannot be delivered comes here.
    pub(super) address: Option<String>,
}

impl Default for Bounces {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: None,
            security: Security::Tls,
            username: String::new(),
            password: String::new().into(),
            ca_file: None,
            address: None,
        }
    }
}

impl Bounces {
    pub(super) fn mailbox(&self) -> anyhow::Result<BounceMailbox> {
        let host = self.host.trim();
        let missing = |what: &str| anyhow::anyhow!("mail.bounces.{what}");
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(missing(
                "host: Write the name of the IMAP server, such as imap.example.org.",
            ));
        }
        if self.username.is_empty() {
            return Err(missing(
                "username: Write the name that the mailbox is opened with.",
            ));
        }
        if self.password.expose_secret().is_empty() {
            return Err(missing(
                "password: Write the password that the mailbox is opened with.",
            ));
        }
        anyhow::ensure!(
            self.security != Security::None || is_loopback(host),
            "mail.bounces.security: Without TLS the password could be read on the way to {host}. \
             Write tls or starttls; none is for this machine only."
        );
        let usual = if self.security == Security::Tls {
            993
        } else {
            143
        };
        let port = self.port.unwrap_or(usual);
        anyhow::ensure!(port != 0, "mail.bounces.port: 0 is no port. Write {usual}.");
        let bare = host.trim_matches(['[', ']']);
        let place = if bare.contains(':') {
            format!("[{bare}]:{port}")
        } else {
            format!("{bare}:{port}")
        };
        Ok(BounceMailbox {
            login: Login {
                place,
                at: None,
                security: self.security,
                trust: super::trust("mail.bounces.ca_file", self.ca_file.as_deref())?,
                user: self.username.clone(),
                password: self.password.clone(),
                as_administrator: false,
            },
        })
    }
}
