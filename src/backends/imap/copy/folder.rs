//! One folder, from looking at the source to the last entry in the ledger.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::copying::{CopiedFolder, CopiedMessage, Pass, RefusedMessage};
use crate::domain::snapshot::MessageMark;

use super::super::Fault;
use super::super::response::Fetched;
use super::super::session::{Opened, Session};
use super::super::wire::NoSink;
use super::append::{Appended, Appender, Into, placed};
use super::changes::look;
use super::fetch::fetch;
use super::numbers::{NextUid, accepted};
use super::pool::Pool;
use super::run::Run;
use super::sides::{Folder, Status, statuses};
use super::upkeep::{carry_flags, expunge};
use super::{CopyError, Mode, Numbers};

/// How many items wait between source and target: with small messages, two commands' worth.
const BETWEEN: usize = 48;
/// A folder that did not change in so many looks is quiet.
const STILL: u32 = 4;
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After so many looks it is not waited for any longer.
const LOOKS: u32 = 120;

/// A folder to look at.
#[derive(Debug)]
pub struct Job {
    /// What the ledger has of it.
    pub record: CopiedFolder,
    /// The folder at the source.
    pub source: Folder,
    /// Its name at the target, on the wire.
    pub wire: Vec<u8>,
    /// What STATUS tells of it at the target.
    pub target: Status,
}

/// A connection to each side.
pub struct Pair {
    /// To the source.
    pub source: Session,
    /// To the target.
    pub target: Session,
}

impl Pair {
    fn source_fault(&self) -> impl Fn(Fault) -> CopyError + use<> {
        let place = self.source.place().to_owned();
        move |fault| CopyError::Source(fault.explained(&place))
    }

    fn target_fault(&self) -> impl Fn(Fault) -> CopyError + use<> {
        let place = self.target.place().to_owned();
        move |fault| CopyError::Target(fault.explained(&place))
    }
}

/// Brings one folder up to date.
pub async fn copy_folder(pair: &mut Pair, mut job: Job, run: &Run<'_>) -> Result<Pass, CopyError> {
    let (source_fault, target_fault) = (pair.source_fault(), pair.target_fault());
    if job.record.under_way {
        let quiet = quiet(&mut pair.target, &job.wire).await;
        quiet.map_err(pair.target_fault())?;
    }
    if job.record.target_uidvalidity == 0 {
        number_folder(&job, run).await?;
    }
    let (from, to) = tokio::join!(
        pair.source.examine(&job.source.wire),
        pair.target.select(&job.wire)
    );
    let from = match from {
        Ok(from) => from,
        // Deleted since it was listed: the next pass sees to it.
        Err(fault) if fault.is_nonexistent() => return Ok(Pass::default()),
        Err(fault) => return Err(source_fault(fault)),
    };
    let to = to.map_err(target_fault)?;
    let mut work = Work {
        run,
        pair,
        pass: Pass {
            folders: 1,
            ..Pass::default()
        },
        known: run.ledger.messages(job.record.key).await?,
        stale: Vec::new(),
        recognise: job.record.under_way,
        resumed: job.record.under_way,
        placed_below: 0,
    };
    work.agree_on_numbers(&mut job.record, &from, &to).await?;
    run.meter.known(&work.known);
    work.carry_over(&mut job, &from, &to).await?;
    work.finish(job, &from, &to).await
}

/// A server may still be busy with what the connection of a killed pass had left in its hands:
/// waits until nothing comes any more.
async fn quiet(session: &mut Session, wire: &[u8]) -> Result<(), Fault> {
    let mut before = None;
    let mut still = 0;
    for _ in 0..LOOKS {
        let told = statuses(session, &[wire.to_vec()]).await?;
        let now = told.get(wire).map(|status| status.uidnext);
        still = if now == before { still + 1 } else { 0 };
        if still >= STILL {
            break;
        }
        before = now;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The UIDs of the opened folder from that one on.
async fn uids_from(session: &mut Session, from: u32) -> Result<HashSet<u32>, Fault> {
    let mut there = HashSet::new();
    // `*` is the last message, whatever its UID.
    let mut each = |fetched: Fetched| there.extend(fetched.uid.filter(|uid| *uid >= from));
    let set = format!("{}:*", from.max(1));
    session
        .uid_fetch(&set, "UID FLAGS", &mut NoSink, &mut each)
        .await?;
    Ok(there)
}

/// An empty folder takes the UIDVALIDITY of its source, where the target can do that.
async fn number_folder(job: &Job, run: &Run<'_>) -> Result<(), CopyError> {
    let Some(numbering) = run.numbering else {
        return Ok(());
    };
    let wanted = job.source.status.uidvalidity;
    if job.target.messages > 0 || wanted == 0 || wanted == job.target.uidvalidity {
        return Ok(());
    }
    let numbers = Numbers {
        uidvalidity: Some(wanted),
        next_uid: None,
    };
    let name = &job.record.target;
    accepted(numbering.number(name, numbers).await, name).map(|_| ())
}

struct Work<'a> {
    run: &'a Run<'a>,
    pair: &'a mut Pair,
    pass: Pass,
    /// What the ledger has, under the present numbers of both sides.
    known: Vec<CopiedMessage>,
    /// What the ledger had before the source changed its numbers.
    stale: Vec<CopiedMessage>,
    /// What stands at the target may be what is about to be appended.
    recognise: bool,
    /// A pass before this one was killed while it appended here.
    resumed: bool,
    /// Every message that was placed has a lower UID at the target.
    placed_below: u32,
}

impl Work<'_> {
    /// UIDs mean something only under their UIDVALIDITY. Where either side has another now, the
    /// ledger begins anew, and everything at the target is recognised by its digest.
    async fn agree_on_numbers(
        &mut self,
        record: &mut CopiedFolder,
        from: &Opened,
        to: &Opened,
    ) -> Result<(), CopyError> {
        let malformed = Fault::Malformed;
        let source = from
            .uidvalidity
            .ok_or_else(|| self.pair.source_fault()(malformed))?;
        let malformed = Fault::Malformed;
        let target = to
            .uidvalidity
            .ok_or_else(|| self.pair.target_fault()(malformed))?;
        if (record.source_uidvalidity, record.target_uidvalidity) == (source, target) {
            return Ok(());
        }
        let fresh = record.target_uidvalidity == 0;
        if record.target_uidvalidity == target {
            self.stale = std::mem::take(&mut self.known);
        }
        self.known.clear();
        record.source_uidvalidity = source;
        record.target_uidvalidity = target;
        record.source_uidnext = 0;
        record.source_modseq = None;
        record.source_messages = 0;
        record.target_first = to.uidnext.unwrap_or(1);
        let left_alone = fresh && !self.run.limits.adopt;
        record.target_seen = if left_alone { record.target_first } else { 1 };
        self.recognise |= !left_alone;
        Ok(self.run.ledger.replace(record, &[]).await?)
    }

    async fn carry_over(
        &mut self,
        job: &mut Job,
        from: &Opened,
        to: &Opened,
    ) -> Result<(), CopyError> {
        let mode = self.run.limits.mode;
        let looked = look(&mut self.pair.source, &job.record, &self.known, from, mode).await;
        let changes = looked.map_err(self.pair.source_fault())?;
        if mode == Mode::Mirror {
            self.remove(job.record.key, &changes.gone).await?;
        }
        if mode != Mode::Additions {
            self.pass.flagged = changes.flagged.len() as u64;
            self.carry_flags(job.record.key, changes.flagged).await?;
        }
        if !changes.new.is_empty() {
            job.record.under_way = true;
            self.run.ledger.put_folder(&job.record).await?;
            self.add(job, &changes.new, to).await?;
        }
        if self.resumed && self.run.limits.alone && mode == Mode::Mirror {
            self.remove_forgotten(job).await?;
        }
        self.remove_stale(job).await
    }

    /// Removes what a killed pass had appended and nobody wrote down, when the source does not have
    /// it any more: what it has was recognised.
    async fn remove_forgotten(&mut self, job: &Job) -> Result<(), CopyError> {
        let known = self.run.ledger.messages(job.record.key).await?;
        let known: HashSet<u32> = known.iter().map(|message| message.target_uid).collect();
        let there = uids_from(&mut self.pair.target, job.record.target_seen).await;
        let there = there.map_err(self.pair.target_fault())?;
        let forgotten: Vec<u32> = there.difference(&known).copied().collect();
        if !forgotten.is_empty() {
            let removed = expunge(&mut self.pair.target, &forgotten).await;
            removed.map_err(self.pair.target_fault())?;
            self.pass.removed += forgotten.len() as u64;
        }
        Ok(())
    }

    /// Brings flags at the target up to date. Killed on the way, nobody knows which of them it has:
    /// so the ledger says that before they are touched.
    async fn carry_flags(
        &mut self,
        key: u32,
        flagged: Vec<(CopiedMessage, Arc<str>)>,
    ) -> Result<(), CopyError> {
        if flagged.is_empty() {
            return Ok(());
        }
        let unsure = flagged.iter().map(|(message, _)| message.clone().unsure());
        let unsure: Vec<_> = unsure.collect();
        self.run.ledger.put(key, &unsure).await?;
        let carried = carry_flags(&mut self.pair.target, &flagged).await;
        carried.map_err(self.pair.target_fault())?;
        let now = flagged.into_iter();
        let now: Vec<_> = now
            .map(|(message, flags)| CopiedMessage { flags, ..message })
            .collect();
        Ok(self.run.ledger.put(key, &now).await?)
    }

    /// Gives what was recognised at the target the flags that it has at the source by now.
    async fn carry_unsure(&mut self, job: &Job, new: &[MessageMark]) -> Result<(), CopyError> {
        let marks: HashMap<u32, &MessageMark> = new.iter().map(|mark| (mark.uid, mark)).collect();
        let known = self.run.ledger.messages(job.record.key).await?.into_iter();
        let unsure = known
            .filter(CopiedMessage::is_unsure)
            .filter_map(|message| {
                let flags = marks.get(&message.source_uid)?.flags.clone();
                Some((message, flags))
            });
        self.carry_flags(job.record.key, unsure.collect()).await
    }

    /// Removes messages from the target and from the ledger.
    async fn remove(&mut self, key: u32, gone: &[CopiedMessage]) -> Result<(), CopyError> {
        if gone.is_empty() {
            return Ok(());
        }
        let uids: Vec<u32> = gone.iter().map(|message| message.target_uid).collect();
        let removed = expunge(&mut self.pair.target, &uids).await;
        if removed.map_err(self.pair.target_fault())? {
            let uids: Vec<u32> = gone.iter().map(|message| message.source_uid).collect();
            self.run.ledger.forget(key, &uids).await?;
            self.pass.removed += gone.len() as u64;
        }
        Ok(())
    }

    /// What was known under old numbers of the source and was not met again is gone there.
    async fn remove_stale(&mut self, job: &Job) -> Result<(), CopyError> {
        if self.stale.is_empty() || self.run.limits.mode != Mode::Mirror {
            return Ok(());
        }
        let met = self.run.ledger.messages(job.record.key).await?;
        let met: HashSet<u32> = met.iter().map(|message| message.target_uid).collect();
        let mut stale = std::mem::take(&mut self.stale);
        stale.retain(|message| !met.contains(&message.target_uid));
        let uids: Vec<u32> = stale.iter().map(|message| message.target_uid).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let removed = expunge(&mut self.pair.target, &uids).await;
        removed.map_err(self.pair.target_fault())?;
        self.pass.removed += uids.len() as u64;
        Ok(())
    }

    /// Appends new messages, but for those that stand at the target already.
    async fn add(&mut self, job: &Job, new: &[MessageMark], to: &Opened) -> Result<(), CopyError> {
        let pool = if self.recognise && to.exists > 0 {
            self.strangers(job).await?
        } else {
            Pool::default()
        };
        let next = to.uidnext.unwrap_or(1);
        let (mut appended, next) = self.append(job, new, &pool, next, false).await?;
        if !appended.again.is_empty() {
            let again: HashSet<u32> = appended.again.drain(..).collect();
            let singly: Vec<_> = new
                .iter()
                .filter(|m| again.contains(&m.uid))
                .cloned()
                .collect();
            let (more, _) = self.append(job, &singly, &pool, next, true).await?;
            appended = joined(appended, more);
        }
        self.place(job, new, &mut appended).await?;
        if self.resumed && self.run.limits.mode != Mode::Additions {
            self.remove_doubles(job).await?;
        }
        if appended.recognised > 0 && self.leaves_unsure() {
            self.carry_unsure(job, new).await?;
        }
        self.pass.copied += appended.copied;
        self.pass.bytes += appended.bytes;
        self.pass.recognised += appended.recognised;
        self.pass.refused.extend(appended.refused);
        Ok(())
    }

    /// Whether what is recognised was appended by a killed pass, with the flags of that time. Mail
    /// that was there before, and mail that its owner has by now, keeps its flags.
    const fn leaves_unsure(&self) -> bool {
        let limits = self.run.limits;
        !limits.adopt && !matches!(limits.mode, Mode::Additions)
    }

    /// What a killed pass had sent may have been taken by the target only after this one had looked:
    /// it then stands there twice, byte for byte.
    async fn remove_doubles(&mut self, job: &Job) -> Result<(), CopyError> {
        let known = self.run.ledger.messages(job.record.key).await?;
        let uids: HashSet<u32> = known.iter().map(|message| message.target_uid).collect();
        let from = job.record.target_seen.max(job.record.target_first);
        let there = Pool::read(&mut self.pair.target, from, &uids, true).await;
        let there = there.map_err(self.pair.target_fault())?;
        let double = |message: &CopiedMessage| there.take(&message.sha256, message.date);
        let doubles: Vec<u32> = known.iter().filter_map(double).collect();
        if !doubles.is_empty() {
            let removed = expunge(&mut self.pair.target, &doubles).await;
            removed.map_err(self.pair.target_fault())?;
        }
        Ok(())
    }

    /// What stands at the target, was not there before the first pass, and is not in the ledger.
    async fn strangers(&mut self, job: &Job) -> Result<Pool, CopyError> {
        let known = self.run.ledger.messages(job.record.key).await?;
        let known: HashSet<u32> = known.iter().map(|message| message.target_uid).collect();
        let (from, strict) = (job.record.target_seen, self.run.limits.adopt);
        let read = Pool::read(&mut self.pair.target, from, &known, strict).await;
        read.map_err(self.pair.target_fault())
    }

    async fn append(
        &mut self,
        job: &Job,
        new: &[MessageMark],
        pool: &Pool,
        next: u32,
        singly: bool,
    ) -> Result<(Appended, u32), CopyError> {
        let source_fault = self.pair.source_fault();
        let marks: HashMap<u32, &MessageMark> = new.iter().map(|mark| (mark.uid, mark)).collect();
        let into = Into {
            wire: &job.wire,
            folder: &job.record.source,
            key: job.record.key,
            uidvalidity: job.record.target_uidvalidity,
            ledger: self.run.ledger,
            unsure: self.leaves_unsure(),
            marks: &marks,
            meter: &self.run.meter,
        };
        let numbers = NextUid::new(next, self.run.numbering, &job.record.target);
        let appender = Appender::new(&mut self.pair.target, into, numbers, singly);
        let (to, mut items) = mpsc::channel(BETWEEN);
        let source = &mut self.pair.source;
        let fetching = async move {
            let to = to;
            fetch(source, new, pool, &to).await.map_err(source_fault)
        };
        let ((), done) = tokio::try_join!(fetching, appender.run(&mut items))?;
        self.placed_below = self.placed_below.max(done.0.placed_below);
        Ok(done)
    }

    /// Finds out where messages are that were taken without telling.
    async fn place(
        &mut self,
        job: &Job,
        new: &[MessageMark],
        appended: &mut Appended,
    ) -> Result<(), CopyError> {
        if appended.unplaced.is_empty() {
            return Ok(());
        }
        let there = self.strangers(job).await?;
        let marks: HashMap<u32, &MessageMark> = new.iter().map(|mark| (mark.uid, mark)).collect();
        let mut found = Vec::new();
        for (uid, sha) in appended.unplaced.drain(..) {
            let Some(mark) = marks.get(&uid) else {
                continue;
            };
            match there.take(&sha, mark.date) {
                Some(target_uid) => found.push(placed(mark, sha, target_uid)),
                None => appended.refused.push(RefusedMessage {
                    folder: job.record.source.clone(),
                    uid,
                    why: "The target took it and does not show it.".to_owned(),
                }),
            }
        }
        let last = found.iter().map(|message| message.target_uid).max();
        self.placed_below = self
            .placed_below
            .max(last.map_or(0, |last| last.saturating_add(1)));
        self.run.meter.messages(found.len() as u64);
        Ok(self.run.ledger.put(job.record.key, &found).await?)
    }

    /// Writes down how far this folder has come.
    async fn finish(self, mut job: Job, from: &Opened, to: &Opened) -> Result<Pass, CopyError> {
        let record = &mut job.record;
        let seen = to.uidnext.unwrap_or_default().max(self.placed_below);
        record.target_seen = record.target_seen.max(seen);
        record.under_way = false;
        if self.run.limits.mode != Mode::Additions {
            record.source_uidnext = from.uidnext.unwrap_or_default();
            record.source_messages = from.exists;
            // A message that was refused is listed again only when everything is.
            record.source_modseq = from.modseq.filter(|_| self.pass.refused.is_empty());
            record.source.clone_from(&job.source.name);
        }
        let mut numbers = NextUid::new(record.target_seen, self.run.numbering, &record.target);
        if let Some(next) = from.uidnext
            && numbers.needs(next)
        {
            // What comes to the target by itself must not take the UID of what comes to the source.
            numbers.set(next).await?;
        }
        self.run.ledger.put_folder(record).await?;
        Ok(self.pass)
    }
}

fn joined(mut first: Appended, second: Appended) -> Appended {
    first.copied += second.copied;
    first.bytes += second.bytes;
    first.recognised += second.recognised;
    first.unplaced.extend(second.unplaced);
    first.refused.extend(second.refused);
    first
}
