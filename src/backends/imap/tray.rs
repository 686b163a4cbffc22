//! Works an inbox off: reads what is in it, oldest first, and puts each message away into a folder.
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::copy::{namespaces, tell};
use super::names::{Part, encode, string};
use super::response::{Body, Fetched, Response};
use super::session::Session;
use super::wire::NoSink;
use super::{Fault, Login};
use crate::backends::ServerError;

/// Of each message no more bytes are read.
const READ_AT_MOST: u32 = 1024 * 1024;

/// An inbox that is worked off.
pub struct Tray {
    session: Session,
    /// Messages in it when it was opened.
    exists: u32,
    /// Folders that are known to be there, as on the wire.
    there: BTreeSet<Vec<u8>>,
    delimiter: Option<u8>,
    /// What the owner's own folders begin with.
    prefix: Vec<u8>,
}

/// A message that lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    /// UID.
    pub uid: u32,
    /// Arrived at, to the second.
    pub at: DateTime<Utc>,
}

impl Tray {
    /// Signs in and opens the inbox, which others may read meanwhile.
    pub async fn open(login: &Login) -> Result<Self, ServerError> {
        let opened = Self::connect(login).await;
        opened.map_err(|fault| fault.explained(&login.place))
    }

    async fn connect(login: &Login) -> Result<Self, Fault> {
        let mut session = Session::open(login).await?;
        if !session.can("MOVE") && !session.can("UIDPLUS") {
            // Without, what somebody else has marked as deleted would be removed, too.
            let why = "it can neither MOVE (RFC 6851) nor UID EXPUNGE (RFC 4315)";
            return Err(Fault::Unsafe(why.to_owned()));
        }
        let prefix = namespaces(&mut session).await?.personal;
        let listed = session.list().await?;
        let opened = session.select(b"INBOX").await?;
        Ok(Self {
            session,
            exists: opened.exists,
            delimiter: listed.iter().find_map(|folder| folder.delimiter),
            there: listed.into_iter().map(|folder| folder.name).collect(),
            prefix,
        })
    }

    /// The oldest messages that lay in it when it was opened, at most `limit`.
    pub async fn oldest(&mut self, limit: u32) -> Result<Vec<Lying>, ServerError> {
        let mut lying = vec![];
        let mut each = |response| {
            if let Response::Fetch(Fetched {
                uid: Some(uid),
                date: Some(at),
                ..
            }) = response
            {
                let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
                lying.push(Lying { uid, at });
            }
        };
        let last = limit.min(self.exists);
        if last > 0 {
            let command = format!("FETCH 1:{last} (UID INTERNALDATE)");
            let told = self.session.plain(&command, &mut each).await;
            told.map_err(|fault| self.explained(fault))?;
        }
        Ok(lying)
    }

    /// The first megabyte of a message; `None` when it is gone. It stays unread.
    pub async fn read(&mut self, uid: u32) -> Result<Option<Vec<u8>>, ServerError> {
        let mut found = None;
        let mut each = |fetched: Fetched| {
            if let (Some(told), Some(Body::Whole(bytes))) = (fetched.uid, fetched.body)
                && told == uid
            {
                found = Some(bytes);
            }
        };
        let items = format!("UID BODY.PEEK[]<0.{READ_AT_MOST}>");
        let read = self
            .session
            .uid_fetch(&uid.to_string(), &items, &mut NoSink, &mut each)
            .await;
        read.map_err(|fault| self.explained(fault))?;
        Ok(found)
    }

    /// Moves a message into a folder, which is made when it is not there. Cut off in between, it
    /// may lie in both, and is put away again.
    pub async fn put_away(&mut self, uid: u32, folder: &str) -> Result<(), ServerError> {
        let moved = self.moved(uid, folder).await;
        moved.map_err(|fault| self.explained(fault))
    }

    async fn moved(&mut self, uid: u32, folder: &str) -> Result<(), Fault> {
        let name = encode(&[folder.to_owned()], self.session.utf8(), self.delimiter);
        let name = [self.prefix.clone(), name].concat();
        if !self.there.contains(&name) {
            // Somebody may have made it since it was listed: the move tells.
            let _ = tell(&mut self.session, "CREATE", &name, "").await?;
            self.there.insert(name.clone());
        }
        if self.session.can("MOVE") {
            return self.send_to("UID MOVE", uid, &name).await;
        }
        self.send_to("UID COPY", uid, &name).await?;
        let mark = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
        self.session.plain(&mark, &mut |_| {}).await?;
        let expunge = format!("UID EXPUNGE {uid}");
        self.session.plain(&expunge, &mut |_| {}).await?;
        Ok(())
    }

    async fn send_to(&mut self, command: &str, uid: u32, name: &[u8]) -> Result<(), Fault> {
        let parts = [
            Part::Plain(format!("{command} {uid} ").into_bytes()),
            string(name),
        ];
        let what = "moving a message";
        self.session
            .ask(what, &parts, &mut NoSink, &mut |_| {})
            .await
            .map(|_| ())
    }

    /// Says goodbye; nothing that is marked as deleted is removed.
    pub async fn close(self) {
        self.session.close().await;
    }

    fn explained(&self, fault: Fault) -> ServerError {
        fault.explained(self.session.place())
    }
}
