//! Looks for a message by its `Message-ID`, among the newest of the inbox. Nothing is marked as read.
use std::io;

use async_trait::async_trait;

use super::session::Session;
use super::wire::Sink;
use super::{Fault, Login};
use crate::backends::ServerError;

/// The newest messages that are looked at.
const NEWEST: u32 = 500;

/// Whether the message is in the inbox that `login` opens.
pub async fn in_inbox(login: &Login, message_id: &str) -> Result<bool, ServerError> {
    let found = search(login, message_id).await;
    found.map_err(|fault| fault.explained(&login.place))
}

async fn search(login: &Login, message_id: &str) -> Result<bool, Fault> {
    let mut session = Session::open(login).await?;
    let opened = session.examine(b"INBOX").await?;
    if opened.exists == 0 {
        return Ok(false);
    }
    let first = opened.uidnext.unwrap_or(1).saturating_sub(NEWEST).max(1);
    let mut headers = Headers::default();
    let items = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
    let uids = format!("{first}:*");
    session
        .uid_fetch(&uids, items, &mut headers, &mut |_| {})
        .await?;
    session.close().await;
    let text = String::from_utf8_lossy(&headers.0).to_ascii_lowercase();
    Ok(text.contains(&message_id.to_ascii_lowercase()))
}

/// What was read: a line or two for each message.
#[derive(Default)]
struct Headers(Vec<u8>);

#[async_trait]
impl Sink for Headers {
    fn takes(&self, _: &[u8]) -> bool {
        true
    }

    fn begin(&mut self, _: &[u8], _: u64) {}

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Vec<u8> {
        self.0.push(b'\n');
        vec![]
    }
}
