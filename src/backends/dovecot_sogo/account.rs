//! A row of the directory's `accounts` table, and what it says in the panel's words.
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use crate::domain::mailserver::{ObservedMailbox, PasswordMark};
use crate::domain::{EmailAddress, Protocol, Protocols};

/// Dovecot's name of the scheme, in front of the PHC string.
pub(super) const SCHEME: &str = "{ARGON2ID}";
/// A hash that no password has: crypt(3) never returns `*`.
pub(super) const LOCKED: &str = "{CRYPT}*";

/// The columns of [`Account`], of the table `a`. The hash itself stays in the database; its mark is
/// that of [`PasswordMark::of`].
pub(super) const COLUMNS: &str = "a.uid, a.marker, a.address, a.display_name, a.enabled, a.receives, \
     a.imap, a.pop3, a.smtp, a.activesync, a.dav, a.webmail, a.quota_bytes, a.closed_reason, \
     CASE WHEN a.password_hash = '{CRYPT}*' THEN '-' \
       ELSE encode(sha256(convert_to(regexp_replace(a.password_hash, '^{ARGON2ID}', ''), 'UTF8')), 'hex') \
     END AS password_mark";

/// One account as the directory has it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of the table, column by column"
)]
pub(super) struct Account {
    uid: String,
    marker: Option<String>,
    pub(super) address: String,
    display_name: String,
    enabled: bool,
    receives: bool,
    imap: bool,
    pop3: bool,
    smtp: bool,
    activesync: bool,
    dav: bool,
    webmail: bool,
    quota_bytes: i64,
    closed_reason: String,
    password_mark: String,
}

impl FromRow<'_, PgRow> for Account {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            uid: row.try_get("uid")?,
            marker: row.try_get("marker")?,
            address: row.try_get("address")?,
            display_name: row.try_get("display_name")?,
            enabled: row.try_get("enabled")?,
            receives: row.try_get("receives")?,
            imap: row.try_get("imap")?,
            pop3: row.try_get("pop3")?,
            smtp: row.try_get("smtp")?,
            activesync: row.try_get("activesync")?,
            dav: row.try_get("dav")?,
            webmail: row.try_get("webmail")?,
            quota_bytes: row.try_get("quota_bytes")?,
            closed_reason: row.try_get("closed_reason")?,
            password_mark: row.try_get("password_mark")?,
        })
    }
}

impl Account {
    /// In the panel's words. A suspended account has every door shut, whatever its columns say.
    pub(super) fn observed(self) -> ObservedMailbox {
        let columns = [
            (Protocol::Imap, self.imap),
            (Protocol::Pop3, self.pop3),
            (Protocol::Smtp, self.smtp),
            (Protocol::Activesync, self.activesync),
            (Protocol::Dav, self.dav),
            (Protocol::Webmail, self.webmail),
        ];
        let open: Protocols = columns
            .into_iter()
            .filter_map(|(protocol, open)| (open && self.enabled).then_some(protocol))
            .collect();
        ObservedMailbox {
            remote_id: self.uid,
            marker: self.marker.and_then(|marker| marker.parse().ok()),
            address: EmailAddress::stored(self.address),
            display_name: self.display_name,
            password: Some(PasswordMark(self.password_mark)),
            open,
            receives: self.receives,
            closed_reason: Some(self.closed_reason).filter(|reason| !reason.is_empty()),
            quota_bytes: self.quota_bytes,
        }
    }
}
