//! Messages that stand at the target and that the ledger does not know: they may be ours, appended
//! just before a pass was killed. Each is known by its digest and can be found once.
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::super::Fault;
use super::super::names::uid_sets;
use super::super::response::{Body, Fetched};
use super::super::session::Session;
use super::super::survey::mark;
use super::super::wire::{NoSink, Sink};
use super::{LARGE, RANGES};

pub type Sha = [u8; 32];

/// One message of the pool.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    uid: u32,
    date: i64,
    large: bool,
}

/// The pool of one folder.
#[derive(Debug, Default)]
pub struct Pool {
    left: Mutex<HashMap<Sha, Vec<Candidate>>>,
    /// Only a message with the same date is the same.
    strict: bool,
}

impl Pool {
    /// Reads what stands in the opened folder from `from` on, but for what is known.
    pub async fn read(
        session: &mut Session,
        from: u32,
        known: &HashSet<u32>,
        strict: bool,
    ) -> Result<Self, Fault> {
        let mut dates: HashMap<u32, i64> = HashMap::new();
        let mut flags = BTreeSet::new();
        let mut each = |fetched: Fetched| {
            if let Some(mark) = mark(&fetched, &mut flags)
                && mark.uid >= from
                && !known.contains(&mark.uid)
            {
                dates.insert(mark.uid, mark.date);
            }
        };
        let items = "UID FLAGS INTERNALDATE RFC822.SIZE";
        let all = format!("{from}:*");
        session
            .uid_fetch(&all, items, &mut NoSink, &mut each)
            .await?;
        let mut uids: Vec<u32> = dates.keys().copied().collect();
        uids.sort_unstable();
        let mut left: HashMap<Sha, Vec<Candidate>> = HashMap::new();
        for (uid, sha, size) in digests(session, &uids).await? {
            let date = dates.get(&uid).copied().unwrap_or_default();
            let large = size > LARGE;
            left.entry(sha)
                .or_default()
                .push(Candidate { uid, date, large });
        }
        let left = Mutex::new(left);
        Ok(Self { left, strict })
    }

    /// Takes a message with this digest out of the pool, that of the same date first: its UID at
    /// the target. A server may have replaced a date in the future by its own, so that another date
    /// is good enough where the pool is not strict.
    pub fn take(&self, sha: &Sha, date: i64) -> Option<u32> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let twins = left.get_mut(sha)?;
        let same = twins.iter().position(|twin| twin.date == date);
        let at = same.or_else(|| (!self.strict && !twins.is_empty()).then_some(0))?;
        let found = twins.remove(at).uid;
        if twins.is_empty() {
            left.remove(sha);
        }
        Some(found)
    }

    /// Whether a message is in it that is too large to be held in memory.
    pub fn has_large(&self) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.values().flatten().any(|candidate| candidate.large)
    }
}

/// UID, digest and size of each of these messages of the opened folder that is there.
pub async fn digests(session: &mut Session, uids: &[u32]) -> Result<Vec<(u32, Sha, u64)>, Fault> {
    let mut found = Vec::new();
    for set in uid_sets(uids, RANGES) {
        let mut sink = Hashing::default();
        let mut each = |fetched: Fetched| {
            let (Some(uid), Some(body)) = (fetched.uid, fetched.body) else {
                return;
            };
            match body {
                Body::Whole(bytes) => {
                    found.push((uid, Sha256::digest(&bytes).into(), bytes.len() as u64));
                }
                Body::Streamed(token) => {
                    if let Some((sha, size)) = token.split_at_checked(32)
                        && let (Ok(sha), Ok(size)) = (sha.try_into(), size.try_into())
                    {
                        found.push((uid, sha, u64::from_be_bytes(size)));
                    }
                }
            }
        };
        let items = "UID BODY.PEEK[]";
        session.uid_fetch(&set, items, &mut sink, &mut each).await?;
    }
    Ok(found)
}

/// Leaves digest and size in the place of a body.
#[derive(Default)]
struct Hashing {
    hash: Sha256,
    size: u64,
}

#[async_trait]
impl Sink for Hashing {
    fn takes(&self, text: &[u8]) -> bool {
        text.to_ascii_uppercase().ends_with(b"BODY[] ")
    }

    fn begin(&mut self, _text: &[u8], size: u64) {
        self.hash = Sha256::new();
        self.size = size;
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        Ok(())
    }

    fn end(&mut self) -> Vec<u8> {
        let mut token = self.hash.finalize_reset().to_vec();
        token.extend_from_slice(&self.size.to_be_bytes());
        token
    }
}
