//! Appends messages to the opened folder of the target: many in one command where the server takes
//! that (MULTIAPPEND, RFC 3502), without waiting for it where it takes that (LITERAL+, LITERAL-,
//! RFC 7888), several commands ahead. Where each message got to is what APPENDUID says (RFC 4315).
use std::collections::{HashMap, VecDeque};

use chrono::DateTime;
use tokio::sync::mpsc::Receiver;

use crate::domain::copying::{CopiedMessage, RefusedMessage};
use crate::domain::snapshot::MessageMark;

use super::super::Fault;
use super::super::names::{Part, string};
use super::super::response::{Response, Said, Status, uid_ranges};
use super::super::session::{Session, fine};
use super::super::wire::NoSink;
use super::fetch::Item;
use super::numbers::NextUid;
use super::pool::Sha;
use super::{CopyError, Ledger, Meter};

/// Messages of one command, at most.
const TOGETHER: usize = 50;
/// Their bytes; more than one message begins only below it.
const BYTES_TOGETHER: u64 = 1024 * 1024;
/// Bytes of commands whose end was not heard yet; more begin only below it.
const BYTES_AHEAD: u64 = 4 * 1024 * 1024;
/// Commands whose end was not heard yet.
const AHEAD: usize = 16;
/// LITERAL- takes no longer ones without waiting.
const SHORT: u64 = 4096;

/// Where the messages go and what is known of them.
pub struct Into<'a> {
    /// The folder's name on the wire.
    pub wire: &'a [u8],
    /// The folder's name at the source, for people.
    pub folder: &'a str,
    /// The folder in the ledger.
    pub key: u32,
    /// Its UIDVALIDITY.
    pub uidvalidity: u32,
    /// The ledger.
    pub ledger: &'a dyn Ledger,
    /// Whether the flags of what is recognised are left for later: it may have been appended with
    /// those that it had then.
    pub unsure: bool,
    /// What the source told of each.
    pub marks: &'a HashMap<u32, &'a MessageMark>,
    /// How far the pass is.
    pub meter: &'a Meter<'a>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Appended {
    /// Messages appended, and their bytes.
    pub copied: u64,
    pub bytes: u64,
    /// Messages found at the target.
    pub recognised: u64,
    /// Messages that the target took without telling where to.
    pub unplaced: Vec<(u32, Sha)>,
    /// Messages that were refused together with others: each is to be tried by itself.
    pub again: Vec<u32>,
    /// Every message that was recorded has a lower UID at the target.
    pub placed_below: u32,
    /// Messages that are not taken, or not given.
    pub refused: Vec<RefusedMessage>,
}

/// A command that was sent.
struct Sent {
    tag: String,
    messages: Vec<(u32, Sha)>,
    bytes: u64,
}

pub struct Appender<'a> {
    session: &'a mut Session,
    into: Into<'a>,
    numbers: NextUid<'a>,
    together: usize,
    /// The command that is being written.
    open: Option<Sent>,
    under_way: VecDeque<Sent>,
    bytes_under_way: u64,
    /// The rest of this message is not sent: its command was refused.
    skipping: bool,
    done: Appended,
}

impl<'a> Appender<'a> {
    /// `singly`: each message in a command of its own.
    pub fn new(
        session: &'a mut Session,
        into: Into<'a>,
        numbers: NextUid<'a>,
        singly: bool,
    ) -> Self {
        let together = if session.can("MULTIAPPEND") && !singly {
            TOGETHER
        } else {
            1
        };
        Self {
            session,
            into,
            numbers,
            together,
            open: None,
            under_way: VecDeque::new(),
            bytes_under_way: 0,
            skipping: false,
            done: Appended::default(),
        }
    }

    /// Appends all that comes.
    pub async fn run(mut self, items: &mut Receiver<Item>) -> Result<(Appended, u32), CopyError> {
        while let Some(item) = items.recv().await {
            match item {
                Item::Whole { uid, text, sha } => {
                    self.begin(uid, text.len() as u64).await?;
                    self.bytes(&text).await?;
                    self.end(uid, sha).await?;
                }
                Item::Begin { uid, size } => self.begin(uid, size).await?,
                Item::Chunk(bytes) => self.bytes(&bytes).await?,
                Item::End { uid, sha } => self.end(uid, sha).await?,
                Item::Recognised {
                    uid,
                    target_uid,
                    sha,
                } => {
                    self.done.recognised += 1;
                    self.record(&[(uid, sha)], &[target_uid], self.into.unsure)
                        .await?;
                }
                Item::Unreadable { uid, why } => self.refuse(uid, why),
            }
        }
        self.close().await?;
        while !self.under_way.is_empty() {
            self.hear().await?;
        }
        Ok((self.done, self.numbers.expected))
    }

    async fn begin(&mut self, uid: u32, size: u64) -> Result<(), CopyError> {
        if self.numbers.needs(uid) {
            self.close().await?;
            while !self.under_way.is_empty() {
                self.hear().await?;
            }
            self.numbers.set(uid).await?;
        }
        // A message of no bytes means "none of them" in a command of several (RFC 3502).
        if size == 0 {
            self.close().await?;
        }
        while self.under_way.len() >= AHEAD || self.bytes_under_way >= BYTES_AHEAD {
            self.hear().await?;
        }
        let ahead = self.session.can("LITERAL+") || (size <= SHORT && self.session.can("LITERAL-"));
        let mark = self
            .into
            .marks
            .get(&uid)
            .ok_or_else(|| malformed(self.session))?;
        let literal = format!(
            " ({}) \"{}\" {{{size}{}}}\r\n",
            mark.flags,
            date(mark.date),
            if ahead { "+" } else { "" }
        );
        if self.open.is_none() {
            self.open_command().await?;
        }
        self.send(literal.as_bytes()).await?;
        if !ahead {
            self.wait(uid).await?;
        }
        Ok(())
    }

    async fn open_command(&mut self) -> Result<(), CopyError> {
        let tag = self.session.fresh_tag();
        let command = match string(self.into.wire) {
            Part::Plain(name) => [format!("{tag} APPEND ").as_bytes(), &name].concat(),
            Part::Literal(name) => {
                // It has to be waited for; nothing else may be under way.
                while !self.under_way.is_empty() {
                    self.hear().await?;
                }
                let head = format!("{tag} APPEND {{{}}}\r\n", name.len());
                self.send(head.as_bytes()).await?;
                match self.next().await? {
                    Response::Continue => name,
                    _ => return Err(malformed(self.session)),
                }
            }
        };
        self.send(&command).await?;
        self.open = Some(Sent {
            tag,
            messages: Vec::new(),
            bytes: 0,
        });
        Ok(())
    }

    /// Waits until the server wants the message. It may refuse the command instead.
    async fn wait(&mut self, uid: u32) -> Result<(), CopyError> {
        loop {
            let (tag, said) = match self.next().await? {
                Response::Continue => return Ok(()),
                Response::Done(tag, said) => (tag, said),
                _ => continue,
            };
            match self.open.take_if(|open| open.tag == tag) {
                Some(mut open) => {
                    open.messages.push((uid, Sha::default()));
                    self.skipping = true;
                    return self.refused(&open, said);
                }
                None => self.heard(&tag, said).await?,
            }
        }
    }

    async fn bytes(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        if self.skipping {
            return Ok(());
        }
        if let Some(open) = &mut self.open {
            open.bytes += bytes.len() as u64;
        }
        self.into.meter.bytes(bytes.len() as u64);
        self.send(bytes).await
    }

    async fn end(&mut self, uid: u32, sha: Sha) -> Result<(), CopyError> {
        if std::mem::take(&mut self.skipping) {
            return Ok(());
        }
        self.numbers.expected = self.numbers.expected.saturating_add(1);
        let Some(open) = &mut self.open else {
            return Err(malformed(self.session));
        };
        open.messages.push((uid, sha));
        let full = open.messages.len() >= self.together || open.bytes >= BYTES_TOGETHER;
        if full || open.bytes == 0 {
            self.close().await?;
        }
        Ok(())
    }

    /// Ends the command that is being written.
    async fn close(&mut self) -> Result<(), CopyError> {
        if let Some(open) = self.open.take() {
            self.send(b"\r\n").await?;
            self.bytes_under_way += open.bytes;
            self.under_way.push_back(open);
        }
        Ok(())
    }

    /// Hears until one more command has ended.
    async fn hear(&mut self) -> Result<(), CopyError> {
        loop {
            if let Response::Done(tag, said) = self.next().await? {
                return self.heard(&tag, said).await;
            }
        }
    }

    async fn heard(&mut self, tag: &str, said: Said) -> Result<(), CopyError> {
        let at = self.under_way.iter().position(|sent| sent.tag == tag);
        let Some(sent) = at.and_then(|at| self.under_way.remove(at)) else {
            return Err(malformed(self.session));
        };
        self.bytes_under_way -= sent.bytes;
        if said.status != Status::Ok {
            return self.refused(&sent, said);
        }
        self.done.copied += sent.messages.len() as u64;
        self.done.bytes += sent.bytes;
        let told = said.code.as_deref() == Some("APPENDUID");
        let Some((uidvalidity, uids)) = appended(&said.argument).filter(|_| told) else {
            self.done.unplaced.extend(sent.messages);
            return Ok(());
        };
        if uidvalidity != self.into.uidvalidity {
            let words = "the folder changed its UIDVALIDITY while messages were appended";
            return Err(CopyError::Target(crate::backends::ServerError::Busy(
                words.to_owned(),
            )));
        }
        if uids.len() != sent.messages.len() {
            self.done.unplaced.extend(sent.messages);
            return Ok(());
        }
        if self.under_way.is_empty() && self.open.is_none() {
            self.numbers.expected = uids.last().map_or(0, |uid| uid.saturating_add(1));
        }
        self.record(&sent.messages, &uids, false).await
    }

    /// Writes down where these messages stand.
    async fn record(
        &mut self,
        messages: &[(u32, Sha)],
        uids: &[u32],
        unsure: bool,
    ) -> Result<(), CopyError> {
        let marks = self.into.marks;
        let placed = messages
            .iter()
            .zip(uids)
            .filter_map(|((uid, sha), target_uid)| {
                marks.get(uid).map(|mark| placed(mark, *sha, *target_uid))
            });
        let placed = placed.map(|message| if unsure { message.unsure() } else { message });
        let placed: Vec<_> = placed.collect();
        self.into.meter.messages(placed.len() as u64);
        let last = uids.iter().max().map_or(0, |uid| uid.saturating_add(1));
        self.done.placed_below = self.done.placed_below.max(last);
        Ok(self.into.ledger.put(self.into.key, &placed).await?)
    }

    /// A command that was not carried out: one message is refused by itself, several are tried
    /// one by one, and what concerns all of them ends the pass.
    fn refused(&mut self, sent: &Sent, said: Said) -> Result<(), CopyError> {
        // The UIDs that were counted on were not given.
        let count = u32::try_from(sent.messages.len()).unwrap_or(u32::MAX);
        self.numbers.expected = self.numbers.expected.saturating_sub(count);
        match said.code.as_deref() {
            Some("OVERQUOTA") => return Err(CopyError::Full(said.text)),
            Some(
                "UNAVAILABLE" | "INUSE" | "SERVERBUG" | "LIMIT" | "TRYCREATE" | "NONEXISTENT"
                | "NOPERM" | "CONTACTADMIN",
            ) => {
                return fine("appending messages", said)
                    .map(|_| ())
                    .map_err(|fault| CopyError::Target(fault.explained(self.session.place())));
            }
            _ => {}
        }
        if let [(uid, _)] = sent.messages.as_slice() {
            self.refuse(*uid, said.text);
        } else {
            self.done
                .again
                .extend(sent.messages.iter().map(|(uid, _)| *uid));
        }
        Ok(())
    }

    fn refuse(&mut self, uid: u32, why: String) {
        let folder = self.into.folder.to_owned();
        self.done.refused.push(RefusedMessage { folder, uid, why });
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        let sent = self.session.raw(bytes).await;
        sent.map_err(|fault| CopyError::Target(fault.explained(self.session.place())))
    }

    async fn next(&mut self) -> Result<Response, CopyError> {
        let next = self.session.next(&mut NoSink).await;
        next.map_err(|fault| CopyError::Target(fault.explained(self.session.place())))
    }
}

fn malformed(session: &Session) -> CopyError {
    CopyError::Target(Fault::Malformed.explained(session.place()))
}

/// A message as the ledger has it.
pub fn placed(mark: &MessageMark, sha256: Sha, target_uid: u32) -> CopiedMessage {
    CopiedMessage {
        source_uid: mark.uid,
        target_uid,
        size: mark.size,
        date: mark.date,
        flags: mark.flags.clone(),
        sha256,
    }
}

/// `3955 5:7,9` → UIDVALIDITY and every UID, in the order in which the messages were sent.
fn appended(argument: &str) -> Option<(u32, Vec<u32>)> {
    let (uidvalidity, set) = argument.split_once(' ')?;
    let ranges = uid_ranges(set.trim())?;
    let count: u64 = ranges.iter().map(|(a, b)| u64::from(b - a) + 1).sum();
    if count > TOGETHER as u64 {
        return None;
    }
    let uids = ranges.into_iter().flat_map(|(first, last)| first..=last);
    Some((uidvalidity.parse().ok()?, uids.collect()))
}

/// `24-Nov-2026 10:00:00 +0000` (RFC 9051 §9, date-time).
fn date(seconds: i64) -> String {
    let date = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    date.format("%d-%b-%Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_messages_were_appended_is_read_in_their_order() {
        assert_eq!(appended("3955 5:7,9"), Some((3955, vec![5, 6, 7, 9])));
        assert_eq!(appended("1 4"), Some((1, vec![4])));
        for odd in ["", "1", "1 ", "x 4", "1 4,", "1 1:4294967295"] {
            assert_eq!(appended(odd), None, "{odd}");
        }
    }

    #[test]
    fn dates_are_written_as_imap_wants_them() {
        assert_eq!(date(0), "01-Jan-1970 00:00:00 +0000");
        assert_eq!(date(1_795_514_400), "24-Nov-2026 10:00:00 +0000");
    }
}
