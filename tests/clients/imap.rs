//! A mail program over IMAP, by the `async-imap` crate.
use std::collections::BTreeMap;

use async_imap::imap_proto::Response;
use async_imap::types::Flag;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

use super::{Doors, PATIENCE};

/// A signed-in session.
pub struct Imap {
    session: async_imap::Session<TcpStream>,
}

/// One message as this client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub flags: Vec<String>,
    pub date: i64,
    pub size: u32,
    pub sha256: Vec<u8>,
}

/// One folder as this client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub uidvalidity: Option<u32>,
    pub messages: BTreeMap<u32, Mark>,
}

/// One message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// `UIDVALIDITY` of its folder, and its UID.
    pub place: (u32, u32),
    pub flags: Vec<String>,
    pub bytes: Vec<u8>,
}

/// The heads of one folder's messages, by UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    pub uidvalidity: Option<u32>,
    pub messages: BTreeMap<u32, Vec<u8>>,
}

/// Every folder by its name on the wire (modified UTF-7).
pub type Folders = BTreeMap<String, Folder>;

fn said(fault: impl std::fmt::Display) -> String {
    fault.to_string()
}

impl Imap {
    /// Connects without TLS, which a stack allows on loopback, and signs in.
    pub async fn login(doors: &Doors, user: &str, password: &str) -> Result<Self, String> {
        Self::login_at(&doors.host, doors.imap, user, password).await
    }

    /// The same at another port.
    pub async fn login_at(
        host: &str,
        port: u16,
        user: &str,
        password: &str,
    ) -> Result<Self, String> {
        let work = async {
            let stream = TcpStream::connect((host, port)).await.map_err(said)?;
            let mut client = async_imap::Client::new(stream);
            client
                .read_response()
                .await
                .map_err(said)?
                .ok_or("no greeting")?;
            let login = client.login(user, password).await;
            login
                .map(|session| Self { session })
                .map_err(|(fault, _)| said(fault))
        };
        tokio::time::timeout(PATIENCE, work).await.map_err(said)?
    }

    /// Makes a folder; the name as on the wire (modified UTF-7).
    pub async fn create(&mut self, folder: &str) -> Result<(), String> {
        self.session.create(folder).await.map_err(said)
    }

    /// Removes what is marked as deleted in the folder that was opened last.
    pub async fn expunge_marked(&mut self) -> Result<(), String> {
        let gone = self.session.expunge().await.map_err(said)?;
        gone.try_collect::<Vec<_>>().await.map_err(said)?;
        Ok(())
    }

    /// Gives a folder another name.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        self.session.rename(from, to).await.map_err(said)
    }

    /// Removes a folder and all that is in it.
    pub async fn delete(&mut self, folder: &str) -> Result<(), String> {
        self.session.delete(folder).await.map_err(said)
    }

    /// Subscribes to a folder.
    pub async fn subscribe(&mut self, folder: &str) -> Result<(), String> {
        self.session.subscribe(folder).await.map_err(said)
    }

    /// The names of the folders that the owner is subscribed to.
    pub async fn subscribed(&mut self) -> Result<Vec<String>, String> {
        let list = self.session.lsub(Some(""), Some("*")).await.map_err(said)?;
        let names: Vec<_> = list.try_collect().await.map_err(said)?;
        Ok(names.iter().map(|name| name.name().to_owned()).collect())
    }

    /// Appends a message. `flags` such as `(\Seen $Label1)`, `date` such as
    /// `"24-Nov-2026 10:00:00 +0000"` with its quotes.
    pub async fn append(
        &mut self,
        folder: &str,
        flags: Option<&str>,
        date: Option<&str>,
        body: &[u8],
    ) -> Result<(), String> {
        self.session
            .append(folder, flags, date, body)
            .await
            .map_err(said)
    }

    /// The names of all folders that can be opened, as on the wire.
    pub async fn folders(&mut self) -> Result<Vec<String>, String> {
        let list = self.session.list(Some(""), Some("*")).await.map_err(said)?;
        let names: Vec<_> = list.try_collect().await.map_err(said)?;
        let opens = |name: &async_imap::types::Name| {
            !name
                .attributes()
                .contains(&async_imap::types::NameAttribute::NoSelect)
        };
        Ok(names
            .iter()
            .filter(|n| opens(n))
            .map(|n| n.name().to_owned())
            .collect())
    }

    /// Sets flags by a STORE command such as `+FLAGS (\Deleted)`; opens the folder for writing.
    pub async fn store(&mut self, folder: &str, uid: u32, query: &str) -> Result<(), String> {
        self.session.select(folder).await.map_err(said)?;
        // `uid_store` would take a refusal, and the end of the connection, for success.
        let command = format!("UID STORE {uid} {query}");
        let done = self.session.run_command_and_check_ok(command).await;
        done.map_err(said)
    }

    /// Opens a folder and asks for all of it at once; comes back when that many were answered.
    pub async fn begin(
        &mut self,
        folder: &str,
        commands: &[&str],
        answered: usize,
    ) -> Result<(), String> {
        self.session.select(folder).await.map_err(said)?;
        for command in commands {
            self.session.run_command(command).await.map_err(said)?;
        }
        let mut answers = 0;
        while answers < answered {
            let response = self.session.read_response().await.map_err(said)?;
            let response = response.ok_or("the connection ended")?;
            answers += usize::from(matches!(response.parsed(), Response::Done { .. }));
        }
        Ok(())
    }

    /// Everything in the folder, bodies hashed.
    pub async fn read(&mut self, folder: &str) -> Result<Folder, String> {
        let opened = self.session.examine(folder).await.map_err(said)?;
        let mut read = Folder {
            uidvalidity: opened.uid_validity,
            messages: BTreeMap::new(),
        };
        if opened.exists == 0 {
            return Ok(read);
        }
        let items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
        let stream = self.session.uid_fetch("1:*", items).await.map_err(said)?;
        for fetch in stream.try_collect::<Vec<_>>().await.map_err(said)? {
            let Some(uid) = fetch.uid else { continue };
            let mark = Mark {
                flags: flags(&fetch),
                date: fetch.internal_date().map_or(0, |date| date.timestamp()),
                size: fetch.size.unwrap_or_default(),
                sha256: Sha256::digest(fetch.body().unwrap_or_default()).to_vec(),
            };
            read.messages.insert(uid, mark);
        }
        Ok(read)
    }

    /// The head of every message in the folder.
    pub async fn read_heads(&mut self, folder: &str) -> Result<Heads, String> {
        let opened = self.session.examine(folder).await.map_err(said)?;
        let mut read = Heads {
            uidvalidity: opened.uid_validity,
            messages: BTreeMap::new(),
        };
        if opened.exists == 0 {
            return Ok(read);
        }
        let stream = self.session.uid_fetch("1:*", "(UID BODY.PEEK[HEADER])");
        let stream = stream.await.map_err(said)?;
        for fetch in stream.try_collect::<Vec<_>>().await.map_err(said)? {
            if let (Some(uid), Some(head)) = (fetch.uid, fetch.header()) {
                read.messages.insert(uid, head.to_vec());
            }
        }
        Ok(read)
    }

    /// Every message of the folder as it is stored, with its flags.
    pub async fn read_whole(&mut self, folder: &str) -> Result<Vec<Whole>, String> {
        let opened = self.session.examine(folder).await.map_err(said)?;
        if opened.exists == 0 {
            return Ok(vec![]);
        }
        let stream = self.session.uid_fetch("1:*", "(UID FLAGS BODY.PEEK[])");
        let stream = stream.await.map_err(said)?;
        let whole = |fetch: &async_imap::types::Fetch| Whole {
            place: (
                opened.uid_validity.unwrap_or_default(),
                fetch.uid.unwrap_or_default(),
            ),
            flags: flags(fetch),
            bytes: fetch.body().unwrap_or_default().to_vec(),
        };
        let fetched: Vec<_> = stream.try_collect().await.map_err(said)?;
        // What has no body is news about flags, which a server may send at any time.
        let read: Vec<_> = fetched
            .iter()
            .filter(|fetch| fetch.body().is_some())
            .map(whole)
            .collect();
        // The stream ends in the same way when the connection does.
        if read.len() < opened.exists as usize {
            return Err(format!(
                "{folder}: {} of {} messages came",
                read.len(),
                opened.exists
            ));
        }
        Ok(read)
    }

    /// One message as it is stored, if it is there.
    pub async fn message(&mut self, folder: &str, uid: u32) -> Result<Option<Vec<u8>>, String> {
        self.session.examine(folder).await.map_err(said)?;
        let stream = self.session.uid_fetch(uid.to_string(), "(UID BODY.PEEK[])");
        let stream = stream.await.map_err(said)?;
        let fetched: Vec<_> = stream.try_collect().await.map_err(said)?;
        Ok(fetched
            .iter()
            .find_map(|fetch| Some(fetch.body()?.to_vec())))
    }

    /// Removes one message for good (RFC 4315).
    pub async fn expunge(&mut self, folder: &str, uid: u32) -> Result<(), String> {
        self.store(folder, uid, "+FLAGS (\\Deleted)").await?;
        let command = format!("UID EXPUNGE {uid}");
        let done = self.session.run_command_and_check_ok(command).await;
        done.map_err(said)
    }

    /// Everything in the mailbox.
    pub async fn read_all(&mut self) -> Result<Folders, String> {
        let mut all = Folders::new();
        for name in self.folders().await? {
            let folder = self.read(&name).await?;
            all.insert(name, folder);
        }
        Ok(all)
    }

    /// A sign of life; fails when the server dropped the session.
    pub async fn noop(&mut self) -> Result<(), String> {
        tokio::time::timeout(PATIENCE, self.session.noop())
            .await
            .map_err(said)?
            .map_err(said)
    }

    /// Signs out.
    pub async fn logout(mut self) {
        let _ = self.session.logout().await;
    }
}

fn flags(fetch: &async_imap::types::Fetch) -> Vec<String> {
    let word = |flag: Flag<'_>| match flag {
        Flag::Seen => Some("\\Seen".to_owned()),
        Flag::Answered => Some("\\Answered".to_owned()),
        Flag::Flagged => Some("\\Flagged".to_owned()),
        Flag::Deleted => Some("\\Deleted".to_owned()),
        Flag::Draft => Some("\\Draft".to_owned()),
        Flag::Recent | Flag::MayCreate => None,
        Flag::Custom(word) => Some(word.into_owned()),
    };
    let mut words: Vec<_> = fetch.flags().filter_map(word).collect();
    words.sort();
    words
}
