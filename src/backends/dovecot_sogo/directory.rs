//! The directory database of the mail stack (`mailstack/directory.sql`): who has which mailbox and
//! which protocols are open. We write its tables; the mail servers read views.
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgPool;
use tokio::sync::OnceCell;
use url::Url;

use super::account::{Account, COLUMNS, LOCKED, SCHEME};
use super::database::{self, InTime as _};
use super::faults::{explain, explain_account, unknown_domain};
use crate::backends::ServerError;
use crate::domain::mailserver::{Aspect, DesiredMailbox, Observed, ObservedMailbox};
use crate::domain::{DomainName, EmailAddress, Protocol};

/// The version of the schema that this adapter speaks.
const VERSION: i32 = 4;

/// No statement takes longer.
const LONGEST: Duration = Duration::from_secs(10);

/// The database, by a small pool of its own that connects when it is first needed.
pub(super) struct Directory {
    pool: PgPool,
    checked: OnceCell<()>,
}

/// What a change did to an account.
pub(super) struct Written {
    /// The immutable id.
    pub(super) uid: String,
    /// The address it had before.
    pub(super) before: String,
}

impl Directory {
    pub(super) fn new(url: &Url, password: &SecretString) -> Result<Self, sqlx::Error> {
        let pool = database::pool(url, password, LONGEST)?;
        Ok(Self {
            pool,
            checked: OnceCell::new(),
        })
    }

    /// The pool, once the schema is known to be ours.
    pub(super) async fn pool(&self) -> Result<&PgPool, ServerError> {
        self.checked
            .get_or_try_init(|| self.check_version())
            .await?;
        Ok(&self.pool)
    }

    /// Whether the database answers and has the schema that we speak.
    pub(super) async fn check_version(&self) -> Result<(), ServerError> {
        let found: Option<i32> = sqlx::query_scalar("SELECT max(version) FROM schema_version")
            .fetch_one(&self.pool)
            .in_time()
            .await
            .map_err(|fault| match &fault {
                // 42P01: undefined table.
                sqlx::Error::Database(d) if d.code().as_deref() == Some("42P01") => {
                    ServerError::Refused(
                        "the directory database has no schema_version table: it is not the \
                         directory of a mail stack"
                            .to_owned(),
                    )
                }
                _ => explain(&fault),
            })?;
        match found {
            Some(VERSION) => Ok(()),
            found => Err(ServerError::Refused(format!(
                "the directory database has schema version {}, and this panel speaks version \
                 {VERSION}: update whichever is older",
                found.map_or_else(|| "none".to_owned(), |v| v.to_string())
            ))),
        }
    }

    /// Domains and accounts of these addresses, by one query.
    pub(super) async fn observe(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError> {
        let asked: Vec<_> = addresses.iter().map(EmailAddress::as_str).collect();
        let domains: Vec<_> = addresses
            .iter()
            .map(|a| a.domain().as_str().to_owned())
            .collect();
        let rows = sqlx::query_as::<_, (String, Option<bool>)>(
            "SELECT w.address, d.enabled FROM unnest($1::text[], $2::text[]) AS w (address, domain) \
             LEFT JOIN domains d ON d.name = w.domain",
        )
        .bind(&asked)
        .bind(&domains)
        .fetch_all(self.pool().await?)
        .in_time()
        .await
        .map_err(|fault| explain(&fault))?;
        let mut accounts = self.accounts(&asked).await?;
        let one = |(address, domain_accepts): (String, Option<bool>)| {
            let account = accounts.remove(&address).map(Account::observed);
            (
                EmailAddress::stored(address),
                Observed {
                    domain_accepts,
                    account,
                },
            )
        };
        Ok(rows.into_iter().map(one).collect())
    }

    async fn accounts(&self, asked: &[&str]) -> Result<HashMap<String, Account>, ServerError> {
        let text = format!("SELECT {COLUMNS} FROM accounts a WHERE a.address = ANY($1)");
        let rows: Vec<Account> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(asked)
            .fetch_all(self.pool().await?)
            .in_time()
            .await
            .map_err(|fault| explain(&fault))?;
        Ok(rows
            .into_iter()
            .map(|row| (row.address.clone(), row))
            .collect())
    }

    /// The immutable ids of those of these addresses that have an account.
    pub(super) async fn uids(
        &self,
        addresses: &[&str],
    ) -> Result<BTreeMap<String, String>, ServerError> {
        let text = "SELECT address, uid FROM accounts WHERE address = ANY($1)";
        let rows: Vec<(String, String)> = sqlx::query_as(text)
            .bind(addresses)
            .fetch_all(self.pool().await?)
            .in_time()
            .await
            .map_err(|fault| explain(&fault))?;
        Ok(rows.into_iter().collect())
    }

    /// The immutable id of the account of that address.
    pub(super) async fn uid(&self, address: &EmailAddress) -> Result<Option<String>, ServerError> {
        sqlx::query_scalar("SELECT uid FROM accounts WHERE address = $1")
            .bind(address.as_str())
            .fetch_optional(self.pool().await?)
            .in_time()
            .await
            .map_err(|fault| explain(&fault))
    }

    /// A page of accounts in the order of their addresses, byte by byte.
    pub(super) async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError> {
        let text = format!(
            "SELECT {COLUMNS} FROM accounts a WHERE $1::text IS NULL OR a.address COLLATE \"C\" > $1 \
             ORDER BY a.address COLLATE \"C\" LIMIT $2"
        );
        let rows: Vec<Account> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(after.map(EmailAddress::as_str))
            .bind(i64::from(limit))
            .fetch_all(self.pool().await?)
            .in_time()
            .await
            .map_err(|fault| explain(&fault))?;
        Ok(rows.into_iter().map(Account::observed).collect())
    }

    pub(super) async fn put_domain(
        &self,
        name: &DomainName,
        accepts: bool,
    ) -> Result<(), ServerError> {
        sqlx::query(
            "INSERT INTO domains (name, enabled) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled",
        )
        .bind(name.as_str())
        .bind(accepts)
        .execute(self.pool().await?)
        .in_time()
        .await
        .map(|_| ())
        .map_err(|fault| explain(&fault))
    }

    /// Makes the account, or brings the one with our marker to what is desired.
    pub(super) async fn create(&self, desired: &DesiredMailbox) -> Result<String, ServerError> {
        let row = sqlx::query_scalar::<_, String>(
            "INSERT INTO accounts AS a (domain_id, address, display_name, password_hash, enabled, \
               receives, imap, pop3, smtp, activesync, dav, webmail, quota_bytes, closed_reason, marker) \
             SELECT d.id, $2, $3, $4, true, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 \
               FROM domains d WHERE d.name = $1 \
             ON CONFLICT (marker) WHERE marker IS NOT NULL DO UPDATE SET \
               domain_id = excluded.domain_id, address = excluded.address, \
               display_name = excluded.display_name, password_hash = excluded.password_hash, \
               enabled = true, receives = excluded.receives, imap = excluded.imap, \
               pop3 = excluded.pop3, smtp = excluded.smtp, activesync = excluded.activesync, \
               dav = excluded.dav, webmail = excluded.webmail, \
               quota_bytes = excluded.quota_bytes, closed_reason = excluded.closed_reason \
             RETURNING a.uid",
        )
        .bind(desired.address.domain().as_str())
        .bind(desired.address.as_str())
        .bind(&desired.display_name)
        .bind(hash_for(desired.password_hash.as_ref()))
        .bind(desired.receives)
        .bind(desired.open.has(Protocol::Imap))
        .bind(desired.open.has(Protocol::Pop3))
        .bind(desired.open.has(Protocol::Smtp))
        .bind(desired.open.has(Protocol::Activesync))
        .bind(desired.open.has(Protocol::Dav))
        .bind(desired.open.has(Protocol::Webmail))
        .bind(desired.quota_bytes)
        .bind(desired.closed_reason.as_deref().unwrap_or_default())
        .bind(desired.id.to_string())
        .fetch_optional(self.pool().await?)
        .in_time()
        .await
        .map_err(|fault| explain_account(&fault, desired))?;
        row.ok_or_else(|| unknown_domain(desired))
    }

    /// Brings these aspects of the account to what is desired.
    pub(super) async fn update(
        &self,
        uid: &str,
        desired: &DesiredMailbox,
        aspects: &[Aspect],
    ) -> Result<Written, ServerError> {
        let mut query =
            sqlx::QueryBuilder::new("WITH old AS (SELECT uid, address FROM accounts WHERE uid = ");
        query
            .push_bind(uid)
            .push(" FOR UPDATE) UPDATE accounts a SET uid = a.uid");
        for aspect in aspects {
            set(&mut query, *aspect, desired);
        }
        query.push(" FROM old WHERE a.uid = old.uid RETURNING a.uid, old.address");
        let row: Option<(String, String)> = query
            .build_query_as()
            .fetch_optional(self.pool().await?)
            .in_time()
            .await
            .map_err(|fault| explain_account(&fault, desired))?;
        let (uid, before) = row.ok_or_else(|| {
            let why = format!("there is no account {uid} ({})", desired.address);
            ServerError::Refused(why)
        })?;
        Ok(Written { uid, before })
    }

    /// Shuts every door of the account before it is destroyed; its address, if it is there.
    pub(super) async fn shut(&self, uid: &str) -> Result<Option<String>, ServerError> {
        sqlx::query_scalar(
            "UPDATE accounts SET imap = false, pop3 = false, smtp = false, activesync = false, \
             dav = false, webmail = false, receives = false WHERE uid = $1 RETURNING address",
        )
        .bind(uid)
        .fetch_optional(self.pool().await?)
        .in_time()
        .await
        .map_err(|fault| explain(&fault))
    }

    /// Removes the account from the directory.
    pub(super) async fn remove(&self, uid: &str) -> Result<(), ServerError> {
        sqlx::query("DELETE FROM accounts WHERE uid = $1")
            .bind(uid)
            .execute(self.pool().await?)
            .in_time()
            .await
            .map(|_| ())
            .map_err(|fault| explain(&fault))
    }

    /// The last login per protocol of those of these addresses that have an account.
    pub(super) async fn last_used(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<BTreeMap<String, BTreeMap<Protocol, DateTime<Utc>>>, ServerError> {
        let asked: Vec<_> = addresses.iter().map(EmailAddress::as_str).collect();
        let rows: Vec<(String, Option<String>, Option<DateTime<Utc>>)> = sqlx::query_as(
            "SELECT a.address, l.protocol, l.at FROM accounts a \
             LEFT JOIN last_logins l ON l.address = a.address WHERE a.address = ANY($1)",
        )
        .bind(&asked)
        .fetch_all(self.pool().await?)
        .in_time()
        .await
        .map_err(|fault| explain(&fault))?;
        let mut all: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        for (address, protocol, at) in rows {
            let used = all.entry(address).or_default();
            if let (Some(protocol), Some(at)) = (protocol.as_deref().and_then(Protocol::parse), at)
            {
                used.insert(protocol, at);
            }
        }
        Ok(all)
    }
}

type Query<'a> = sqlx::QueryBuilder<sqlx::Postgres>;

fn set(query: &mut Query<'_>, aspect: Aspect, desired: &DesiredMailbox) {
    let open = |p| desired.open.has(p);
    match aspect {
        Aspect::Marker => query.push(", marker = ").push_bind(desired.id.to_string()),
        Aspect::Address => query
            .push(", address = ")
            .push_bind(desired.address.as_str().to_owned())
            .push(", domain_id = (SELECT id FROM domains WHERE name = ")
            .push_bind(desired.address.domain().as_str().to_owned())
            .push(")"),
        Aspect::DisplayName => query
            .push(", display_name = ")
            .push_bind(desired.display_name.clone()),
        Aspect::Password => query
            .push(", password_hash = ")
            .push_bind(hash_for(desired.password_hash.as_ref())),
        Aspect::Open => query
            .push(", enabled = true, imap = ")
            .push_bind(open(Protocol::Imap))
            .push(", pop3 = ")
            .push_bind(open(Protocol::Pop3))
            .push(", smtp = ")
            .push_bind(open(Protocol::Smtp))
            .push(", activesync = ")
            .push_bind(open(Protocol::Activesync))
            .push(", dav = ")
            .push_bind(open(Protocol::Dav))
            .push(", webmail = ")
            .push_bind(open(Protocol::Webmail)),
        Aspect::Receives => query.push(", receives = ").push_bind(desired.receives),
        Aspect::ClosedReason => query
            .push(", closed_reason = ")
            .push_bind(desired.closed_reason.clone().unwrap_or_default()),
        Aspect::Quota => query
            .push(", quota_bytes = ")
            .push_bind(desired.quota_bytes),
    };
}

/// The PHC string with Dovecot's name of its scheme in front, which `SOGo` understands too.
pub(super) fn hash_for(phc: Option<&SecretString>) -> String {
    phc.map_or_else(
        || LOCKED.to_owned(),
        |hash| format!("{SCHEME}{}", hash.expose_secret()),
    )
}
