//! The folders of the target: which names they get, and making, renaming and removing them.
use std::collections::{HashSet, VecDeque};

use crate::domain::copying::{CopiedFolder, Pass};

use super::super::Fault;
use super::super::names::{decode, encode};
use super::super::session::Session;
use super::folder::Job;
use super::run::Run;
use super::sides::{Folder, Side, Status, statuses, tell};
use super::upkeep::expunge;
use super::{CopyError, Mapping};

/// Views of mail that is in other folders, too (RFC 6154 §2): where folders go by their use, these
/// are left out.
const VIEWS: [&str; 2] = ["\\flagged", "\\important"];

/// The target's folders as they are now.
pub struct Target {
    side: Side,
}

impl Target {
    /// As they were listed.
    pub const fn new(side: Side) -> Self {
        Self { side }
    }

    /// Whether a folder of the source is not copied.
    pub fn leaves_out(mapping: &Mapping, folder: &Folder) -> bool {
        let used = folder.special_use.as_deref().unwrap_or_default();
        mapping.without.contains(&folder.name) || (mapping.by_use && VIEWS.contains(&used))
    }

    /// The name that a folder of the source gets here, which no other of them has.
    pub fn name_for(&self, mapping: &Mapping, folder: &Folder, taken: &HashSet<String>) -> String {
        let wanted = self.wanted(mapping, folder);
        let mut name = wanted.clone();
        let mut number = 2;
        while taken.contains(&name) {
            name = format!("{wanted} ({number})");
            number += 1;
        }
        name
    }

    fn wanted(&self, mapping: &Mapping, folder: &Folder) -> String {
        if let Some((_, to)) = mapping.named.iter().find(|(from, _)| *from == folder.name) {
            let levels: Vec<String> = to.split('/').map(str::to_owned).collect();
            return self.name_of(&levels);
        }
        let inbox = folder.levels == ["INBOX"];
        if inbox {
            return "INBOX".to_owned();
        }
        if mapping.by_use
            && let Some(used) = &folder.special_use
            && let Some(twin) = self
                .side
                .folders
                .iter()
                .find(|f| f.special_use.as_ref() == Some(used))
        {
            return twin.name.clone();
        }
        let below = mapping.below.iter().flat_map(|below| below.split('/'));
        let levels = below
            .map(str::to_owned)
            .chain(folder.levels.iter().cloned());
        self.name_of(&levels.collect::<Vec<_>>())
    }

    /// The name as this server has it, decoded.
    fn name_of(&self, levels: &[String]) -> String {
        let spelling = &self.side.spelling;
        let own = encode(levels, spelling.utf8, spelling.delimiter);
        let wire = [spelling.prefix.clone(), own].concat();
        decode(&wire, spelling.utf8, spelling.delimiter)
    }

    /// A decoded name, on the wire.
    fn wire_of(&self, name: &str) -> Vec<u8> {
        if let Some(folder) = self.side.folders.iter().find(|folder| folder.name == name) {
            return folder.wire.clone();
        }
        let levels: Vec<String> = name.split('/').map(str::to_owned).collect();
        let spelling = &self.side.spelling;
        encode(&levels, spelling.utf8, spelling.delimiter)
    }

    fn has(&self, name: &str) -> bool {
        self.side.folders.iter().any(|folder| folder.name == name)
    }

    /// Follows folders that have another name here than the ledger says: renamed by the owner, or by
    /// a pass that was killed before it could write it down. They are known by their UIDVALIDITY.
    pub async fn find(&self, records: &mut [CopiedFolder], run: &Run<'_>) -> Result<(), CopyError> {
        let used: HashSet<String> = records.iter().map(|record| record.target.clone()).collect();
        for record in records {
            if self.has(&record.target) || record.target_uidvalidity == 0 {
                continue;
            }
            let same = |f: &&Folder| f.status.uidvalidity == record.target_uidvalidity;
            let mut twins = self.side.folders.iter().filter(same);
            if let (Some(twin), None) = (twins.next(), twins.next())
                && !used.contains(&twin.name)
            {
                record.target.clone_from(&twin.name);
                run.ledger.put_folder(record).await?;
            }
        }
        Ok(())
    }

    /// Gives a folder the name that it has at the source now. Where another folder stands in the
    /// way that will be renamed as well, that one steps aside first.
    pub async fn rename(
        &mut self,
        session: &mut Session,
        run: &Run<'_>,
        records: &mut [CopiedFolder],
        at: usize,
        folder: &Folder,
    ) -> Result<bool, CopyError> {
        let taken = HashSet::new();
        let to = self.name_for(&run.limits.mapping, folder, &taken);
        let from = records[at].target.clone();
        if to == from || from == "INBOX" || to == "INBOX" {
            return Ok(false);
        }
        if self.has(&to) {
            let Some(other) = records.iter().position(|record| record.target == to) else {
                // It was there before us: this folder keeps the name it has.
                return Ok(false);
            };
            let aside = format!("{to} ({})", records[other].target_uidvalidity);
            if self.has(&aside) || !self.renamed(session, run, records, other, &aside).await? {
                return Ok(false);
            }
        }
        self.renamed(session, run, records, at, &to).await
    }

    async fn renamed(
        &mut self,
        session: &mut Session,
        run: &Run<'_>,
        records: &mut [CopiedFolder],
        at: usize,
        to: &str,
    ) -> Result<bool, CopyError> {
        let from = records[at].target.clone();
        let (old, new) = (self.wire_of(&from), self.wire_of(to));
        let answer = rename(session, &old, &new).await;
        if answer
            .map_err(|fault| target_fault(session, fault))?
            .is_err()
        {
            return Ok(false);
        }
        let below = format!("{from}/");
        let moved = |name: &str| match name.strip_prefix(&below) {
            Some(rest) => Some(format!("{to}/{rest}")),
            None => (name == from).then(|| to.to_owned()),
        };
        for record in records {
            if let Some(name) = moved(&record.target) {
                record.target = name;
                run.ledger.put_folder(record).await?;
            }
        }
        let spelling = self.side.spelling.clone();
        for folder in &mut self.side.folders {
            if let Some(name) = moved(&folder.name) {
                let levels: Vec<String> = name.split('/').map(str::to_owned).collect();
                folder.wire = encode(&levels, spelling.utf8, spelling.delimiter);
                folder.name = name;
            }
        }
        Ok(true)
    }

    /// Makes a folder that is missing. Says whether it was.
    pub async fn make(
        &mut self,
        session: &mut Session,
        record: &CopiedFolder,
        folder: &Folder,
    ) -> Result<bool, CopyError> {
        if self.has(&record.target) {
            return Ok(false);
        }
        let wire = self.wire_of(&record.target);
        let used = folder.special_use.as_ref().filter(|used| {
            let there = |f: &Folder| f.special_use.as_ref() == Some(*used);
            session.can("CREATE-SPECIAL-USE") && !self.side.folders.iter().any(there)
        });
        let with_use = used.map(|used| format!(" (USE ({used}))"));
        for rest in with_use.as_deref().into_iter().chain([""]) {
            let answer = tell(session, "CREATE", &wire, rest).await;
            match answer.map_err(|fault| target_fault(session, fault))? {
                Ok(()) => break,
                Err(fault) if rest.is_empty() && !is_there(&fault) => {
                    return Err(target_fault(session, fault));
                }
                Err(_) => {}
            }
        }
        self.side.folders.push(Folder {
            wire,
            name: record.target.clone(),
            levels: Vec::new(),
            special_use: used.cloned(),
            subscribed: false,
            status: Status::default(),
        });
        Ok(true)
    }

    /// Carries a changed subscription over.
    pub async fn subscribe(
        &self,
        session: &mut Session,
        run: &Run<'_>,
        record: &mut CopiedFolder,
        folder: &Folder,
    ) -> Result<(), CopyError> {
        if record.subscribed == folder.subscribed {
            return Ok(());
        }
        let command = if folder.subscribed {
            "SUBSCRIBE"
        } else {
            "UNSUBSCRIBE"
        };
        let answer = tell(session, command, &self.wire_of(&record.target), "").await;
        // A server without subscriptions is none to stop for.
        let _ = answer.map_err(|fault| target_fault(session, fault))?;
        record.subscribed = folder.subscribed;
        Ok(run.ledger.put_folder(record).await?)
    }

    /// The folders that have to be looked at, the largest first: where both sides tell the same
    /// numbers as after the last pass, nothing has changed.
    pub async fn jobs(
        &self,
        session: &mut Session,
        run: &Run<'_>,
        folders: Vec<(CopiedFolder, &Folder)>,
    ) -> Result<VecDeque<Job>, CopyError> {
        let wires: Vec<_> = folders
            .iter()
            .map(|(r, _)| self.wire_of(&r.target))
            .collect();
        let told = statuses(session, &wires).await;
        let told = told.map_err(|fault| target_fault(session, fault))?;
        let mut jobs = Vec::new();
        for ((record, folder), wire) in folders.into_iter().zip(wires) {
            let target = told.get(&wire).copied().unwrap_or_default();
            if unchanged(&record, folder, &target) {
                run.meter
                    .add(u64::from(folder.status.messages), folder.status.size);
                continue;
            }
            let source = folder.clone();
            jobs.push(Job {
                record,
                source,
                wire,
                target,
            });
        }
        jobs.sort_by_key(|job| {
            let status = job.source.status;
            std::cmp::Reverse((status.size, status.messages))
        });
        Ok(jobs.into())
    }

    /// Removes what the source no longer has. A folder goes only when nothing is left in it.
    pub async fn remove(
        &self,
        session: &mut Session,
        run: &Run<'_>,
        record: &CopiedFolder,
    ) -> Result<Pass, CopyError> {
        let mut pass = Pass {
            folders_changed: 1,
            ..Pass::default()
        };
        if self.has(&record.target) {
            let messages = run.ledger.messages(record.key).await?;
            let uids: Vec<u32> = messages.iter().map(|message| message.target_uid).collect();
            let wire = self.wire_of(&record.target);
            let removed = remove(session, record, &wire, &uids).await;
            pass.removed = removed.map_err(|fault| target_fault(session, fault))?;
        }
        run.ledger.forget_folder(record.key).await?;
        Ok(pass)
    }
}

fn unchanged(record: &CopiedFolder, folder: &Folder, target: &Status) -> bool {
    let status = folder.status;
    status.modseq.is_some()
        && status.modseq == record.source_modseq
        && status.uidvalidity == record.source_uidvalidity
        && status.uidnext == record.source_uidnext
        && status.messages == record.source_messages
        && folder.name == record.source
        && target.uidvalidity == record.target_uidvalidity
}

async fn remove(
    session: &mut Session,
    record: &CopiedFolder,
    wire: &[u8],
    uids: &[u32],
) -> Result<u64, Fault> {
    let opened = match session.select(wire).await {
        Ok(opened) => opened,
        Err(fault) if fault.is_nonexistent() => return Ok(0),
        Err(fault) => return Err(fault),
    };
    // Under other numbers these are other messages.
    let ours = opened.uidvalidity == Some(record.target_uidvalidity);
    let removed = ours && (uids.is_empty() || expunge(session, uids).await?);
    let left = statuses(session, &[wire.to_vec()]).await?;
    let empty = left.get(wire).is_some_and(|status| status.messages == 0);
    leave(session).await?;
    if removed && empty && record.target != "INBOX" {
        // One that the server needs, or that has others below it, may stay.
        let _ = tell(session, "DELETE", wire, "").await?;
    }
    Ok(if removed { uids.len() as u64 } else { 0 })
}

/// Leaves the opened folder without removing what is marked as deleted in it.
async fn leave(session: &mut Session) -> Result<(), Fault> {
    if session.can("UNSELECT") {
        session.plain("UNSELECT", &mut |_| {}).await.map(|_| ())
    } else {
        session.examine(b"INBOX").await.map(|_| ())
    }
}

async fn rename(session: &mut Session, from: &[u8], to: &[u8]) -> Result<Result<(), Fault>, Fault> {
    use super::super::names::{Part, string};
    use super::super::wire::NoSink;
    let parts = [
        Part::Plain(b"RENAME ".to_vec()),
        string(from),
        Part::Plain(b" ".to_vec()),
        string(to),
    ];
    match session
        .ask("RENAME", &parts, &mut NoSink, &mut |_| {})
        .await
    {
        Ok(_) => Ok(Ok(())),
        Err(fault @ Fault::Refused { .. }) => Ok(Err(fault)),
        Err(fault) => Err(fault),
    }
}

fn is_there(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { said, .. } if said.code.as_deref() == Some("ALREADYEXISTS"))
}

fn target_fault(session: &Session, fault: Fault) -> CopyError {
    CopyError::Target(fault.explained(session.place()))
}
