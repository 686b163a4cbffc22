//! A pass: the folders of both sides, and the connections that work on them.
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;

use crate::domain::copying::{CopiedFolder, Pass};

use super::super::session::Session;
use super::folder::{Job, Pair, copy_folder};
use super::meter::Meter;
use super::pairing::pair;
use super::sides::{Folder, Side, list};
use super::target::Target;
use super::{CopyError, End, Ledger, Limits, Mapping, Mode, Numbering, Seen, Told};

/// What every part of a pass needs.
pub struct Run<'a> {
    /// What has been copied.
    pub ledger: &'a dyn Ledger,
    /// How to go about it.
    pub limits: &'a Limits,
    /// The target's numbering.
    pub numbering: Option<&'a dyn Numbering>,
    /// How far it is.
    pub meter: Meter<'a>,
}

/// One pass, but for its time.
pub async fn run(
    source: &End,
    target: &End,
    ledger: &dyn Ledger,
    limits: &Limits,
    told: Told<'_>,
) -> Result<Pass, CopyError> {
    let mut first = connect(source, target).await?;
    let side = listed(&mut first.source).await.map_err(CopyError::Source)?;
    let comes = |folder: &&Folder| !Target::leaves_out(&limits.mapping, folder);
    let total = |of: fn(&Folder) -> u64| side.folders.iter().filter(comes).map(of).sum();
    let messages = total(|folder| u64::from(folder.status.messages));
    let bytes = total(|folder| folder.status.size);
    let run = Run {
        ledger,
        limits,
        numbering: target.numbering.as_deref(),
        meter: Meter::new(told, messages, bytes),
    };
    let mut plan = plan(&run, &side, &mut first).await?;
    let mut pass = std::mem::take(&mut plan.pass);
    let queue = Mutex::new(plan.jobs);
    let count = queue.lock().unwrap_or_else(PoisonError::into_inner).len();
    let more = limits.connections.min(count).saturating_sub(1);
    let others = (0..more).map(|_| async {
        // A server that takes no more connections is content with those that it took.
        match connect(source, target).await {
            Ok(mut pair) => {
                let done = work(&mut pair, &queue, &run).await;
                pair.source.close().await;
                pair.target.close().await;
                done
            }
            Err(_) => Ok(Pass::default()),
        }
    });
    let (own, others) = tokio::try_join!(work(&mut first, &queue, &run), try_join_all(others))?;
    for part in others.into_iter().chain([own]) {
        add(&mut pass, part);
    }
    for record in plan.gone {
        let removed = plan.target.remove(&mut first.target, &run, &record).await?;
        add(&mut pass, removed);
    }
    first.source.close().await;
    first.target.close().await;
    Ok(pass)
}

/// The folders of the source, and where each would go.
pub async fn look(source: &End, target: &End, mapping: &Mapping) -> Result<Vec<Seen>, CopyError> {
    let mut pair = connect(source, target).await?;
    let side = listed(&mut pair.source).await.map_err(CopyError::Source)?;
    let listing = listed(&mut pair.target).await.map_err(CopyError::Target)?;
    let target = Target::new(listing);
    let mut taken = HashSet::new();
    let seen = side.folders.iter().map(|folder| {
        let goes_to = (!Target::leaves_out(mapping, folder)).then(|| {
            let name = target.name_for(mapping, folder, &taken);
            taken.insert(name.clone());
            name
        });
        Seen {
            name: folder.name.clone(),
            goes_to,
            messages: folder.status.messages.into(),
            bytes: folder.status.size,
        }
    });
    let seen = seen.collect();
    pair.source.close().await;
    pair.target.close().await;
    Ok(seen)
}

async fn connect(source: &End, target: &End) -> Result<Pair, CopyError> {
    let (from, to) = tokio::join!(Session::open(&source.login), Session::open(&target.login));
    let explained = |end: &End, fault: super::super::Fault| fault.explained(&end.login.place);
    Ok(Pair {
        source: from.map_err(|fault| CopyError::Source(explained(source, fault)))?,
        target: to.map_err(|fault| CopyError::Target(explained(target, fault)))?,
    })
}

pub async fn listed(session: &mut Session) -> Result<Side, crate::backends::ServerError> {
    let side = list(session).await;
    side.map_err(|fault| fault.explained(session.place()))
}

/// Takes folders off the queue until it is empty.
async fn work(
    pair: &mut Pair,
    queue: &Mutex<VecDeque<Job>>,
    run: &Run<'_>,
) -> Result<Pass, CopyError> {
    let mut pass = Pass::default();
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(job) = next else {
            return Ok(pass);
        };
        add(&mut pass, copy_folder(pair, job, run).await?);
    }
}

/// What there is to do.
struct Plan {
    target: Target,
    /// The largest first, so that none is left over at the end.
    jobs: VecDeque<Job>,
    gone: Vec<CopiedFolder>,
    pass: Pass,
}

async fn plan(run: &Run<'_>, source: &Side, first: &mut Pair) -> Result<Plan, CopyError> {
    let listing = listed(&mut first.target).await.map_err(CopyError::Target)?;
    let mut target = Target::new(listing);
    let ledger = run.ledger.folders().await?;
    let mut next_key = ledger.iter().map(|record| record.key).max().unwrap_or(0) + 1;
    let mut pairing = pair(ledger, &source.folders);
    let mut pass = Pass::default();
    let mirror = run.limits.mode != Mode::Additions;

    // Parents before what is below them: renaming one renames the other.
    pairing.known.sort_by(|a, b| a.0.target.cmp(&b.0.target));
    let mut records: Vec<CopiedFolder> = pairing.known.iter().map(|(r, _)| r.clone()).collect();
    records.extend(pairing.gone.iter().cloned());
    target.find(&mut records, run).await?;
    for (at, (_, place)) in pairing.known.iter().enumerate() {
        let folder = &source.folders[*place];
        if mirror && records[at].source != folder.name {
            let renamed = target
                .rename(&mut first.target, run, &mut records, at, folder)
                .await?;
            pass.folders_changed += u64::from(renamed);
        }
    }
    let gone = records.split_off(pairing.known.len());
    let mut folders: Vec<(CopiedFolder, &Folder)> = records
        .into_iter()
        .zip(
            pairing
                .known
                .iter()
                .map(|(_, place)| &source.folders[*place]),
        )
        .collect();
    let mut taken: HashSet<String> = folders.iter().map(|(r, _)| r.target.clone()).collect();
    for folder in pairing.new.iter().map(|place| &source.folders[*place]) {
        let wanted = mirror || folder.status.messages > 0;
        if !wanted || Target::leaves_out(&run.limits.mapping, folder) {
            continue;
        }
        let name = target.name_for(&run.limits.mapping, folder, &taken);
        taken.insert(name.clone());
        folders.push((fresh(next_key, folder, name), folder));
        next_key += 1;
    }
    let mut jobs = Vec::new();
    for (mut record, folder) in folders {
        let made = target.make(&mut first.target, &record, folder).await?;
        pass.folders_changed += u64::from(made);
        if mirror {
            target
                .subscribe(&mut first.target, run, &mut record, folder)
                .await?;
        }
        jobs.push((record, folder));
    }
    let jobs = target.jobs(&mut first.target, run, jobs).await?;
    Ok(Plan {
        target,
        jobs,
        gone: if run.limits.mode == Mode::Mirror {
            gone
        } else {
            Vec::new()
        },
        pass,
    })
}

fn fresh(key: u32, folder: &Folder, target: String) -> CopiedFolder {
    CopiedFolder {
        key,
        source: folder.name.clone(),
        target,
        source_uidvalidity: 0,
        source_uidnext: 0,
        source_modseq: None,
        source_messages: 0,
        target_uidvalidity: 0,
        target_seen: 1,
        target_first: 1,
        under_way: false,
        subscribed: false,
    }
}

/// Adds what a part of a pass did.
pub fn add(all: &mut Pass, part: Pass) {
    all.folders += part.folders;
    all.folders_changed += part.folders_changed;
    all.copied += part.copied;
    all.bytes += part.bytes;
    all.recognised += part.recognised;
    all.removed += part.removed;
    all.flagged += part.flagged;
    all.refused.extend(part.refused);
}
