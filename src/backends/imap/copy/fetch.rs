//! Reads the texts of messages from the source, several commands ahead, and hands them on through
//! a channel that holds a few megabytes: what the target does not take is not read.
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::Sender;

use crate::domain::snapshot::MessageMark;

use super::super::Fault;
use super::super::names::{Part, uid_sets};
use super::super::response::{Body, Fetched, Response, Said, Status};
use super::super::session::{Session, fine};
use super::super::wire::Sink;
use super::pool::{Pool, Sha, digests};
use super::{LARGE, RANGES};

/// Messages asked for in one command, at most.
const TOGETHER: usize = 100;
/// Their bytes, at most.
const BYTES_TOGETHER: u64 = 4 * 1024 * 1024;
/// Commands that are under way at once.
const AHEAD: usize = 3;

/// What comes from the source.
#[derive(Debug)]
pub enum Item {
    /// A message that fits into memory.
    Whole { uid: u32, text: Vec<u8>, sha: Sha },
    /// A large one begins.
    Begin { uid: u32, size: u64 },
    /// More of it.
    Chunk(Vec<u8>),
    /// It is complete, and was the one that was asked for.
    End { uid: u32, sha: Sha },
    /// It stands at the target already.
    Recognised { uid: u32, target_uid: u32, sha: Sha },
    /// The source lists it and does not give its text.
    Unreadable { uid: u32, why: String },
}

/// What one command asks for.
enum Asked {
    Few(Vec<u32>),
    One(u32),
}

/// Reads these messages of the opened folder, in the order of their UIDs where the source keeps to
/// it. One that is expunged meanwhile is left out.
pub async fn fetch(
    session: &mut Session,
    wanted: &[MessageMark],
    pool: &Pool,
    to: &Sender<Item>,
) -> Result<(), Fault> {
    let mut fetcher = Fetcher {
        session,
        pool,
        to,
        sink: Stream::new(to),
        dates: wanted.iter().map(|mark| (mark.uid, mark.date)).collect(),
        under_way: VecDeque::new(),
        left: wanted.iter().map(|mark| mark.uid).collect(),
        again: Vec::new(),
    };
    for asked in grouped(wanted) {
        fetcher.ask(asked).await?;
    }
    fetcher.finish().await
}

/// Large messages by themselves, the others in groups.
fn grouped(wanted: &[MessageMark]) -> Vec<Asked> {
    let mut groups = Vec::new();
    let (mut few, mut bytes) = (Vec::new(), 0);
    for mark in wanted {
        if mark.size > LARGE {
            if !few.is_empty() {
                groups.push(Asked::Few(std::mem::take(&mut few)));
                bytes = 0;
            }
            groups.push(Asked::One(mark.uid));
            continue;
        }
        few.push(mark.uid);
        bytes += mark.size;
        if few.len() >= TOGETHER || bytes >= BYTES_TOGETHER {
            groups.push(Asked::Few(std::mem::take(&mut few)));
            bytes = 0;
        }
    }
    if !few.is_empty() {
        groups.push(Asked::Few(few));
    }
    groups
}

struct Fetcher<'a> {
    session: &'a mut Session,
    pool: &'a Pool,
    to: &'a Sender<Item>,
    dates: HashMap<u32, i64>,
    sink: Stream<'a>,
    under_way: VecDeque<(String, Asked)>,
    /// Not handed on yet.
    left: HashSet<u32>,
    /// To be asked for one by one, because the source refused them together.
    again: Vec<u32>,
}

impl Fetcher<'_> {
    async fn ask(&mut self, asked: Asked) -> Result<(), Fault> {
        if let Asked::One(uid) = asked {
            // Whether it is there already must be known before it is sent on; and which it is,
            // when the server tells only after the text.
            let alone = self.sink.uid_first != Some(true);
            if alone || self.pool.has_large() {
                self.hear_all().await?;
            }
            if self.pool.has_large() && self.recognise(uid).await? {
                return Ok(());
            }
            self.sink.large.insert(uid);
            self.sink.alone = alone.then_some(uid);
            self.send(&uid.to_string(), asked).await?;
            if alone {
                self.hear_all().await?;
                self.sink.alone = None;
            }
            return Ok(());
        }
        while self.under_way.len() >= AHEAD {
            self.hear().await?;
        }
        let set = match &asked {
            Asked::Few(uids) => uid_sets(uids, RANGES).join(","),
            Asked::One(uid) => uid.to_string(),
        };
        self.send(&set, asked).await
    }

    async fn send(&mut self, set: &str, asked: Asked) -> Result<(), Fault> {
        while self.under_way.len() >= AHEAD {
            self.hear().await?;
        }
        let command = format!("UID FETCH {set} (UID BODY.PEEK[])");
        let parts = [Part::Plain(command.into_bytes())];
        let tag = self.session.send(&parts).await?;
        self.under_way.push_back((tag, asked));
        Ok(())
    }

    async fn recognise(&mut self, uid: u32) -> Result<bool, Fault> {
        let Some((_, sha, _)) = digests(self.session, &[uid]).await?.pop() else {
            return Ok(false);
        };
        let date = self.dates.get(&uid).copied().unwrap_or_default();
        let Some(target_uid) = self.pool.take(&sha, date) else {
            return Ok(false);
        };
        self.left.remove(&uid);
        let item = Item::Recognised {
            uid,
            target_uid,
            sha,
        };
        hand_on(self.to, item).await.map(|()| true)
    }

    async fn hear_all(&mut self) -> Result<(), Fault> {
        while !self.under_way.is_empty() {
            self.hear().await?;
        }
        Ok(())
    }

    /// Hears until one more command has ended. A server may carry out several at once, so that
    /// their answers mix.
    async fn hear(&mut self) -> Result<(), Fault> {
        loop {
            match self.session.next(&mut self.sink).await? {
                Response::Fetch(fetched) => self.fetched(fetched).await?,
                Response::Done(tag, said) => {
                    let at = self.under_way.iter().position(|(sent, _)| *sent == tag);
                    let ended = at.and_then(|at| self.under_way.remove(at));
                    let (_, asked) = ended.ok_or(Fault::Malformed)?;
                    return self.ended(asked, said);
                }
                _ => {}
            }
        }
    }

    async fn fetched(&mut self, fetched: Fetched) -> Result<(), Fault> {
        let streamed = self.sink.finished.take();
        let (Some(uid), Some(body)) = (fetched.uid, fetched.body) else {
            return Ok(());
        };
        let first = self.left.remove(&uid);
        let (text, sha) = match (body, streamed) {
            (Body::Whole(text), _) => {
                let sha = Sha256::digest(&text).into();
                (text, sha)
            }
            (Body::Streamed(_), Some(Finished::Whole(text, sha))) => (text, sha),
            (Body::Streamed(_), Some(Finished::HandedOn(handed, sha))) => {
                // Another than was told, or the same again, is on its way to the target, which
                // takes it only when it is told that it is complete.
                if handed != uid || !first {
                    return Err(Fault::Malformed);
                }
                return hand_on(self.to, Item::End { uid, sha }).await;
            }
            (Body::Streamed(_), None) => return Err(Fault::Malformed),
        };
        if !first {
            return Ok(());
        }
        let date = self.dates.get(&uid).copied().unwrap_or_default();
        let item = match self.pool.take(&sha, date) {
            Some(target_uid) => Item::Recognised {
                uid,
                target_uid,
                sha,
            },
            None => Item::Whole { uid, text, sha },
        };
        hand_on(self.to, item).await
    }

    /// A refusal of some messages is dealt with later; one of the moment ends the pass.
    fn ended(&mut self, asked: Asked, said: Said) -> Result<(), Fault> {
        if said.status == Status::Ok {
            return Ok(());
        }
        if let Some("UNAVAILABLE" | "INUSE" | "LIMIT") = said.code.as_deref() {
            return fine("reading messages", said).map(|_| ());
        }
        if let Asked::Few(uids) = asked {
            let left = uids.into_iter().filter(|uid| self.left.contains(uid));
            self.again.extend(left);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), Fault> {
        self.hear_all().await?;
        for uid in std::mem::take(&mut self.again) {
            self.ask(Asked::One(uid)).await?;
            self.hear_all().await?;
        }
        // What was not handed on is gone, or the source cannot read it.
        let mut left: Vec<u32> = self.left.iter().copied().collect();
        left.sort_unstable();
        for set in uid_sets(&left, RANGES) {
            let mut there = Vec::new();
            let mut each = |fetched: Fetched| there.extend(fetched.uid);
            let mut sink = super::super::wire::NoSink;
            self.session
                .uid_fetch(&set, "UID", &mut sink, &mut each)
                .await?;
            for uid in there.into_iter().filter(|uid| self.left.contains(uid)) {
                let why = "The source lists it and does not give its text.".to_owned();
                hand_on(self.to, Item::Unreadable { uid, why }).await?;
            }
        }
        Ok(())
    }
}

/// The other side hangs up only when it has failed, which it tells itself.
async fn hand_on(to: &Sender<Item>, item: Item) -> Result<(), Fault> {
    let sent = to.send(item).await;
    sent.map_err(|_| Fault::Io(io::ErrorKind::BrokenPipe.into()))
}

/// What became of a body.
enum Finished {
    /// It is held here.
    Whole(Vec<u8>, Sha),
    /// It was handed on, as the message of this UID.
    HandedOn(u32, Sha),
}

/// Holds a body, or hands it on piece by piece when it is one of the large ones.
struct Stream<'a> {
    to: &'a Sender<Item>,
    /// Messages that were asked for as large ones.
    large: HashSet<u32>,
    /// The only message that is under way.
    alone: Option<u32>,
    /// Whether this server tells the UID before the text.
    uid_first: Option<bool>,
    hash: Sha256,
    held: Vec<u8>,
    /// The UID of what is being handed on.
    handing: Option<u32>,
    /// Its size, while nothing of it was handed on.
    size: Option<u64>,
    finished: Option<Finished>,
}

impl<'a> Stream<'a> {
    fn new(to: &'a Sender<Item>) -> Self {
        Self {
            to,
            large: HashSet::new(),
            alone: None,
            uid_first: None,
            hash: Sha256::new(),
            held: Vec::new(),
            handing: None,
            size: None,
            finished: None,
        }
    }
}

#[async_trait]
impl Sink for Stream<'_> {
    fn takes(&self, text: &[u8]) -> bool {
        text.to_ascii_uppercase().ends_with(b"BODY[] ")
    }

    fn begin(&mut self, text: &[u8], size: u64) {
        self.hash = Sha256::new();
        let told = uid_in(text);
        self.uid_first = Some(told.is_some() && self.uid_first != Some(false));
        let large = |uid: &u32| size > 0 && self.large.contains(uid);
        self.handing = told.or(self.alone).filter(large);
        if self.handing.is_some() {
            self.size = Some(size);
        } else {
            let most = usize::try_from(size.min(2 * LARGE)).unwrap_or_default();
            self.held = Vec::with_capacity(most);
        }
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        let Some(uid) = self.handing else {
            self.held.extend_from_slice(bytes);
            return Ok(());
        };
        let broken = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        if let Some(size) = self.size.take() {
            let begin = Item::Begin { uid, size };
            self.to.send(begin).await.map_err(broken)?;
        }
        let chunk = Item::Chunk(bytes.to_vec());
        self.to.send(chunk).await.map_err(broken)
    }

    fn end(&mut self) -> Vec<u8> {
        let sha = self.hash.finalize_reset().into();
        self.finished = Some(match self.handing.take() {
            Some(uid) => Finished::HandedOn(uid, sha),
            None => Finished::Whole(std::mem::take(&mut self.held), sha),
        });
        Vec::new()
    }
}

/// The UID in `* 5 FETCH (UID 7 BODY[] `.
fn uid_in(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
    let (_, items) = text.split_once("FETCH (")?;
    let mut words = items.split(' ');
    words.find(|word| *word == "UID")?;
    words.next()?.parse().ok()
}
