//! The adapter for Dovecot, Postfix and `SOGo` behind one directory database (`mailstack/`).
//!
//! What should be is written to the directory; the doveadm HTTP API and `SOGo`'s memcached are
//! told to forget what they had cached, so that a change holds at once; snapshots are read over
//! IMAP as the master user. The account's own id is the directory's `uid`, which names the mail
//! folder and the `SOGo` user and never changes.
//!
//! A removed account loses every message, its calendars, contacts and preferences, and its row. Its
//! empty folders stay on disk, under a uid that nobody can sign in with again.
mod account;
mod database;
mod directory;
mod doveadm;
mod faults;
mod groupware;
mod memcached;
mod numbering;
mod probe;
mod routes;
mod settings;
mod sieve;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::imap::copy::Numbering;
use super::imap::{self, Login};
use super::{Abilities, Depth, Health, MailServer, ServerError};
use crate::domain::filters::Filters;
use crate::domain::groupware::Holdings;
use crate::domain::mailserver::{
    Answer, Aspect, Change, DesiredMailbox, Entrance, Listener, Observed, ObservedMailbox, Route,
    Security, Usage, is_loopback,
};
use crate::domain::snapshot::Snapshot;
use crate::domain::{EmailAddress, Invalid, Progress, Protocol, Protocols};

use self::groupware::Calendars;
use super::groupware::Groupware;
use directory::Directory;
use doveadm::{Command, Doveadm, NO_USER, NOT_FOUND};
use settings::Settings;
pub use settings::split_stack_info;

/// A login that found its door open has begun its session after this time, and is listed: a few
/// milliseconds, and with two cores under a load of ten seldom as many (FACTS.md §2).
const LET_IN: Duration = Duration::from_millis(100);
/// So long a session may go on with what it is in the middle of.
const ENDING: Duration = Duration::from_secs(10);
/// How often it is asked for.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// One registered server.
pub struct DovecotSogo {
    settings: Settings,
    directory: Arc<Directory>,
    calendars: Option<Arc<Calendars>>,
    doveadm: Arc<Doveadm>,
    master_password: SecretString,
}

impl DovecotSogo {
    /// Checks settings and secrets. Nothing is connected yet.
    pub fn new(settings: Value, secrets: Value) -> Result<Self, Invalid> {
        let (settings, secrets) = settings::read(settings, secrets)?;
        let fault = |field: &str, fault: &dyn std::fmt::Display| {
            Invalid::field(
                &format!("settings/{field}"),
                format!("This cannot be used: {fault}."),
            )
        };
        let directory = Directory::new(&settings.directory_url, &secrets.directory_password)
            .map_err(|why| fault("directory_url", &why))?;
        let doveadm = Doveadm::new(settings.doveadm_url.clone(), &secrets.doveadm_api_key)
            .map_err(|why| fault("doveadm_url", &why))?;
        let calendars = settings
            .groupware_url
            .as_ref()
            .map(|url| Calendars::new(url, &secrets.directory_password))
            .transpose()
            .map_err(|why| fault("groupware_url", &why))?;
        let master_password = secrets.master_password;
        Ok(Self {
            settings,
            directory: Arc::new(directory),
            calendars: calendars.map(Arc::new),
            doveadm: Arc::new(doveadm),
            master_password,
        })
    }

    /// Makes every cache forget what it knows about this person. `SOGo` caches a login under the
    /// name as it was typed, in any case, so only its whole cache is sure to forget one: needed
    /// when a door or the password changed, and harmless to others but for one slower request.
    async fn forget(&self, address: &str, uid: &str, logins: bool) -> Result<(), ServerError> {
        let flush = Command::FlushLogins(Some(address));
        let caches = &self.settings.memcached;
        let sogo = async {
            if logins {
                memcached::forget_all(caches).await
            } else {
                memcached::forget(caches, &memcached::keys(address, uid)).await
            }
        };
        let (dovecot, sogo) = tokio::join!(self.doveadm.run(&flush), sogo);
        dovecot?.rows("authCacheFlush", &[NO_USER])?;
        sogo
    }

    /// Ends every session, also one of a login that was let in just before a door was shut.
    async fn end_sessions(&self, address: &str, uid: &str) -> Result<(), ServerError> {
        self.forget(address, uid, true).await?;
        self.kick(address).await?;
        sleep(LET_IN).await;
        self.kick(address).await
    }

    /// Ends the sessions that Dovecot knows of. One that is in the middle of something goes on until
    /// that is done, so it is waited for.
    async fn kick(&self, address: &str) -> Result<(), ServerError> {
        let there = self.sessions(address).await?;
        if there.is_empty() {
            return Ok(());
        }
        let kicked = self.doveadm.run(&Command::Kick(address)).await?;
        kicked.rows("kick", &[NOT_FOUND])?;
        let told = Instant::now();
        while !self.sessions(address).await?.is_disjoint(&there) {
            if told.elapsed() > ENDING {
                let why = format!("a session of {address} does not end");
                return Err(ServerError::Busy(why));
            }
            sleep(ASK_AGAIN).await;
        }
        Ok(())
    }

    /// The processes of who is connected.
    async fn sessions(&self, address: &str) -> Result<HashSet<String>, ServerError> {
        let who = self.doveadm.run(&Command::Who(address)).await?;
        let rows = who.rows("who", &[NOT_FOUND])?;
        let pid = |row: &Value| Some(row.get("pid")?.as_str()?.to_owned());
        Ok(rows.iter().filter_map(pid).collect())
    }

    async fn update(
        &self,
        uid: &str,
        desired: &DesiredMailbox,
        aspects: &[Aspect],
    ) -> Result<Option<String>, ServerError> {
        self.can_hold(desired)?;
        let written = self.directory.update(uid, desired, aspects).await?;
        let logins = [Aspect::Open, Aspect::Password, Aspect::Address];
        let logins = logins.iter().any(|aspect| aspects.contains(aspect));
        self.forget(desired.address.as_str(), uid, logins).await?;
        if written.before != desired.address.as_str() {
            // Sessions and caches still go by the old address.
            self.end_sessions(&written.before, uid).await?;
        }
        Ok(Some(written.uid))
    }

    /// Doors first, then the mail, then the row: stopped anywhere, it can be done again.
    async fn remove(&self, uid: &str) -> Result<(), ServerError> {
        let Some(address) = self.directory.shut(uid).await? else {
            return Ok(());
        };
        self.end_sessions(&address, uid).await?;
        let gone = self.doveadm.run(&Command::Expunge(&address)).await?;
        gone.rows("expunge", &[NO_USER, NOT_FOUND])?;
        if let Some(calendars) = &self.calendars {
            calendars.remove_person(uid).await?;
        }
        self.directory.remove(uid).await?;
        self.forget(&address, uid, true).await
    }

    /// Routes hold at once: neither a cached login nor a cached delivery knows better. Beyond a
    /// handful it costs less to forget all of them.
    async fn forget_routes(&self, addresses: &[&EmailAddress]) -> Result<(), ServerError> {
        let all = [Command::FlushLogins(None)];
        let each: Vec<_> = addresses
            .iter()
            .map(|address| Command::FlushLogins(Some(address.as_str())))
            .collect();
        let flushes = if each.len() > 20 { &all[..] } else { &each[..] };
        for flush in flushes {
            let flushed = self.doveadm.run(flush).await?;
            flushed.rows("authCacheFlush", &[NO_USER])?;
        }
        Ok(())
    }

    /// What the directory has no column for is refused rather than left out.
    fn can_hold(&self, desired: &DesiredMailbox) -> Result<(), ServerError> {
        match desired.open.without(self.settings.offers).iter().next() {
            Some(protocol) => Err(ServerError::Refused(format!(
                "{} is not offered",
                protocol.label()
            ))),
            None => Ok(()),
        }
    }

    fn door(&self, mailbox: &EmailAddress) -> Login {
        let place = self.settings.panel_imap.clone();
        // Dovecot's auth_master_user_separator.
        let user = format!("{mailbox}*{}", self.settings.master_user);
        Login::on_loopback(place, user, self.master_password.clone())
    }

    /// What mailboxes hold besides mail. Where `SOGo`'s database does not tell, sizes and last logins
    /// are worth having without it.
    async fn holdings(&self, addresses: &[&str]) -> BTreeMap<String, Holdings> {
        let Some(calendars) = &self.calendars else {
            return BTreeMap::new();
        };
        let told = async {
            let uids = self.directory.uids(addresses).await?;
            let people: Vec<_> = uids.values().map(String::as_str).collect();
            let counts = calendars.counts(&people).await?;
            let each = uids.into_iter();
            Ok(each
                .filter_map(|(address, uid)| Some((address, *counts.get(&uid)?)))
                .collect())
        };
        told.await.unwrap_or_else(|error: ServerError| {
            tracing::debug!(%error, "what mailboxes hold besides mail is not known");
            BTreeMap::new()
        })
    }

    fn over_http(&self, protocol: Protocol, path: &str) -> Option<Listener> {
        let url = self.settings.http.as_ref()?.join(path).ok()?;
        Some(Listener {
            protocol,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            security: if url.scheme() == "https" {
                Security::Tls
            } else {
                Security::None
            },
            url: Some(url.into()),
        })
    }

    fn over_tcp(
        &self,
        protocol: Protocol,
        port: Option<u16>,
        security: Security,
    ) -> Option<Listener> {
        let host = self.settings.host.clone();
        port.map(|port| Listener {
            protocol,
            host,
            port,
            security,
            url: None,
        })
    }
}

#[async_trait]
impl MailServer for DovecotSogo {
    fn offers(&self) -> Protocols {
        self.settings.offers
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            ends_sessions: true,
            tells_last_use: true,
            tells_password: true,
        }
    }

    /// TLS from the first byte comes before STARTTLS (RFC 8314 §3).
    fn listeners(&self) -> Vec<Listener> {
        let (s, tls, starttls) = (&self.settings, Security::Tls, Security::Starttls);
        [
            self.over_tcp(Protocol::Imap, s.imaps, tls),
            self.over_tcp(Protocol::Imap, s.imap, starttls),
            self.over_tcp(Protocol::Pop3, s.pop3s, tls),
            self.over_tcp(Protocol::Pop3, s.pop3, starttls),
            self.over_tcp(Protocol::Smtp, s.submission, starttls),
            self.over_http(Protocol::Activesync, "/Microsoft-Server-ActiveSync"),
            self.over_http(Protocol::Dav, "/SOGo/dav/"),
            self.over_http(Protocol::Webmail, "/SOGo/"),
        ]
        .into_iter()
        .flatten()
        .filter(|listener| s.offers.has(listener.protocol))
        .collect()
    }

    async fn health(&self) -> Result<Health, ServerError> {
        let start = Instant::now();
        let (directory, known) = tokio::join!(
            self.directory.check_version(),
            self.doveadm.known_commands()
        );
        directory?;
        doveadm::check_commands(&known?)?;
        if let Some(calendars) = &self.calendars {
            calendars.check().await?;
        }
        let sogo = self.settings.offers.has(Protocol::Webmail);
        let version = if sogo {
            "Dovecot, Postfix and SOGo"
        } else {
            "Dovecot and Postfix"
        };
        Ok(Health {
            version: version.to_owned(),
            took: start.elapsed(),
        })
    }

    async fn observe(
        &self,
        addresses: &[EmailAddress],
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError> {
        self.directory.observe(addresses).await
    }

    async fn list(
        &self,
        after: Option<&EmailAddress>,
        limit: u32,
    ) -> Result<Vec<ObservedMailbox>, ServerError> {
        self.directory.list(after, limit).await
    }

    async fn apply(&self, change: &Change) -> Result<Option<String>, ServerError> {
        match change {
            Change::PutDomain { name, accepts } => {
                self.directory.put_domain(name, *accepts).await?;
                if !accepts {
                    // Logins of the whole domain are over.
                    self.doveadm
                        .run(&Command::FlushLogins(None))
                        .await?
                        .rows("authCacheFlush", &[])?;
                    memcached::forget_all(&self.settings.memcached).await?;
                }
                Ok(None)
            }
            Change::Create(desired) => {
                self.can_hold(desired)?;
                let uid = self.directory.create(desired).await?;
                // It may have been there before, with other doors open.
                self.forget(desired.address.as_str(), &uid, true).await?;
                Ok(Some(uid))
            }
            Change::Update {
                remote_id,
                desired,
                aspects,
            } => self.update(remote_id, desired, aspects).await,
            Change::EndSessions { address, remote_id } => self
                .end_sessions(address.as_str(), remote_id)
                .await
                .map(|()| None),
            Change::Remove { remote_id, .. } => self.remove(remote_id).await.map(|()| None),
        }
    }

    async fn usage(&self, addresses: &[EmailAddress]) -> Result<Vec<Usage>, ServerError> {
        let last_used = self.directory.last_used(addresses).await?;
        let counts: Vec<_> = last_used
            .keys()
            .map(|address| Command::Count(address))
            .collect();
        let replies = self.doveadm.run_all(&counts).await?;
        let addresses: Vec<_> = last_used.keys().map(String::as_str).collect();
        let mut holdings = self.holdings(&addresses).await;
        let mut all = Vec::with_capacity(replies.len());
        for (reply, (address, last_used)) in replies.into_iter().zip(&last_used) {
            // Removed since the directory was read.
            if reply == doveadm::Reply::Exit(NO_USER) {
                continue;
            }
            let rows = reply.rows("mailboxStatus", &[])?;
            all.push(Usage {
                address: EmailAddress::stored(address.clone()),
                used_bytes: number(&rows, "vsize"),
                messages: number(&rows, "messages"),
                last_used: last_used.clone(),
                holdings: holdings.remove(address),
            });
        }
        Ok(all)
    }

    async fn snapshot(
        &self,
        mailbox: &EmailAddress,
        depth: Depth,
        known: Option<&Snapshot>,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Snapshot, ServerError> {
        let login = self.door(mailbox);
        let known = known.filter(|_| depth == Depth::Marks);
        let read = imap::survey(&login, known, told).await;
        let Err(ServerError::Busy(why)) = read else {
            return read;
        };
        // Dovecot does not say whether it cannot let us in just now or has nobody to let us in to.
        let seen = self
            .directory
            .observe(std::slice::from_ref(mailbox))
            .await?;
        let there = seen.get(mailbox).is_some_and(|seen| seen.account.is_some());
        Err(if there {
            ServerError::Busy(why)
        } else {
            ServerError::Refused("there is no such account".to_owned())
        })
    }

    fn mail_door(&self, mailbox: &EmailAddress) -> Option<Login> {
        Some(self.door(mailbox))
    }

    fn numbering(&self, mailbox: &EmailAddress) -> Option<Arc<dyn Numbering>> {
        let doveadm = self.doveadm.clone();
        Some(Arc::new(numbering::Doveadms::new(doveadm, mailbox)))
    }

    fn groupware(&self, mailbox: &EmailAddress) -> Option<Arc<dyn Groupware>> {
        let calendars = self.calendars.clone()?;
        let of = self::groupware::Of::new(calendars, self.directory.clone(), mailbox.clone());
        Some(Arc::new(of))
    }

    async fn filters(&self, mailbox: &EmailAddress) -> Result<Option<Filters>, ServerError> {
        sieve::read(&self.doveadm, mailbox).await.map(Some)
    }

    async fn put_filters(
        &self,
        mailbox: &EmailAddress,
        filters: &Filters,
    ) -> Result<(), ServerError> {
        sieve::write(&self.doveadm, mailbox, filters).await
    }

    fn entrance(&self) -> Option<Entrance> {
        let s = &self.settings;
        let offered = |protocol, port: Option<u16>| port.filter(|_| s.offers.has(protocol));
        Some(Entrance {
            host: s.host.clone(),
            smtp: s.smtp?,
            imap: offered(Protocol::Imap, s.imap),
            pop3: offered(Protocol::Pop3, s.pop3),
            sieve: s.sieve,
            http: s
                .http
                .as_ref()
                .filter(|_| s.offers.has_calendars())
                .map(|url| url.origin().ascii_serialization()),
            verified: !is_loopback(&s.host),
        })
    }

    async fn introduce(&self, peers: &[(String, Entrance)]) -> Result<(), ServerError> {
        let Some(change) = self.directory.introduce(peers).await? else {
            return Ok(());
        };
        // Cached logins lead to where it was.
        let flushed = self.doveadm.run(&Command::FlushLogins(None)).await?;
        flushed.rows("authCacheFlush", &[NO_USER])?;
        self.directory.front_door_took(change).await
    }

    async fn route(&self, routes: &[Route]) -> Result<(), ServerError> {
        let change = self.directory.put_routes(routes).await?;
        let addresses: Vec<_> = routes.iter().map(|route| &route.address).collect();
        self.forget_routes(&addresses).await?;
        self.directory.front_door_took(change).await
    }

    async fn check(&self, protocol: Protocol) -> Answer {
        probe::check(&self.settings, protocol).await
    }
}

/// Dovecot writes numbers as strings.
fn number(rows: &[Value], field: &str) -> i64 {
    let text = rows
        .first()
        .and_then(|row| row.get(field))
        .and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
