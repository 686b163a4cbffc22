//! Imports of mail from servers elsewhere: a trial, a first pass, passes that follow the source,
//! and at the cut-over a last pass and a comparison of every message.
//!
//! Nothing is ever removed from the mailbox that is filled: an old account that somebody empties
//! before the cut-over must not empty the new one.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ledger::Stored;
use super::rhythm::{Again, Rhythm, keep};
use super::{Context, backoff};
use crate::backends::imap::copy::{self, CopyError, End, Limits, Mapping, Mode};
use crate::backends::imap::{Login, Shut, Trust, knock};
use crate::domain::Progress;
use crate::domain::copying::Pass;
use crate::domain::import::{
    FoundFolder, Import, ImportReport, ImportState, NotImported, Outside, Provider, is_public,
};
use crate::store::engine::copies::LedgerId;
use crate::store::engine::imports::{Job, Outcome, claim, mailbox_of, renew, settle};

/// Imports at once in this process.
const AT_ONCE: usize = 3;
/// Between two looks, however often the bell rings.
const GAP: Duration = Duration::from_millis(250);
/// Between two passes that follow a source.
const FOLLOW_EVERY: TimeDelta = TimeDelta::minutes(5);
/// Connections to each side: a server elsewhere may be small.
const CONNECTIONS: usize = 2;
/// How long a look at DNS may take.
const DNS: Duration = Duration::from_secs(10);
/// How often it is written down how far a pass is.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// So many details are kept of what did not go well.
const DETAILS: usize = 100;
/// After so many tries in a row that came to nothing somebody has to look.
const TRIES: u32 = 20;

/// Where mail may be brought in from.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Whether hosts of this machine and of private networks may be connected to.
    pub allow_private_hosts: bool,
    /// Whose certificates are good.
    pub trust: Trust,
}

/// Runs until the shutdown.
pub async fn run(context: Context, rules: Arc<Rules>, shutdown: CancellationToken) {
    let one = || {
        let (context, rules) = (context.clone(), rules.clone());
        let rhythm = Rhythm::heard(GAP, context.pace.tick);
        let step = move |context| step(context, rules.clone());
        keep(context, shutdown.clone(), "imports", rhythm, step)
    };
    futures_util::future::join_all((0..AT_ONCE).map(|_| one())).await;
}

/// Takes one import a step on.
pub async fn step(context: Context, rules: Arc<Rules>) -> anyhow::Result<Again> {
    let owner = context.lease_name();
    let claimed = claim(&context.store, &owner, context.pace.lease).await?;
    let Some(job) = claimed else {
        return Ok(Again::Later);
    };
    let progress = Mutex::new(job.import.progress);
    let told = |now: Progress| *progress.lock().unwrap_or_else(PoisonError::into_inner) = now;
    let work = carry_out(&context, &rules, &job, &told);
    let keep = keep_lease(&context, &job, &progress);
    let outcome = tokio::select! {
        outcome = work => outcome,
        // Called off, or somebody else has taken it.
        lost = keep => { lost?; return Ok(Again::Now) }
    };
    let now = *progress.lock().unwrap_or_else(PoisonError::into_inner);
    renew(&context.store, &job, now, context.pace.lease).await?;
    settle(&context.store, &job, outcome).await?;
    Ok(Again::Now)
}

/// Renews the lease until it is lost, and tells how far it is while somebody may be looking.
async fn keep_lease(
    context: &Context,
    job: &Job,
    progress: &Mutex<Progress>,
) -> anyhow::Result<()> {
    let (mut told, mut renewed) = (job.import.progress, Instant::now());
    loop {
        tokio::time::sleep(TELL_EVERY.min(context.pace.lease / 4)).await;
        let now = *progress.lock().unwrap_or_else(PoisonError::into_inner);
        if now == told && renewed.elapsed() < context.pace.lease / 4 {
            continue;
        }
        if !renew(&context.store, job, now, context.pace.lease).await? {
            return Ok(());
        }
        (told, renewed) = (now, Instant::now());
    }
}

/// Why a step came to nothing.
enum Fault {
    /// It may go better later.
    Passes(String),
    /// Somebody has to act.
    Stays(String),
}

impl From<CopyError> for Fault {
    fn from(error: CopyError) -> Self {
        let said = match &error {
            CopyError::Source(fault) => format!("The server there {fault}."),
            CopyError::Target(fault) => format!("The mail server here {fault}."),
            CopyError::Full(said) => {
                format!("The mailbox here is full: {said}. Give it more quota.")
            }
            CopyError::Ledger(fault) => format!("The panel's database: {fault}."),
        };
        if error.passes() || matches!(error, CopyError::Ledger(_)) {
            Self::Passes(said)
        } else {
            Self::Stays(said)
        }
    }
}

async fn carry_out(
    context: &Context,
    rules: &Rules,
    job: &Job,
    told: &(dyn Fn(Progress) + Send + Sync),
) -> Outcome {
    let mut outcome = Outcome {
        state: job.import.state,
        found: None,
        report: job.import.report.clone(),
        waiting_for: None,
        error: None,
        next_try_at: None,
        attempts: 0,
    };
    let now = context.store.clock().now();
    match one_step(context, rules, job, told, &mut outcome).await {
        Ok(()) if outcome.state == ImportState::Following => {
            outcome.next_try_at = Some(now + FOLLOW_EVERY);
        }
        Ok(()) => {}
        Err(Fault::Passes(why)) if job.attempts < TRIES => {
            outcome.attempts = job.attempts + 1;
            let pause = backoff::after(outcome.attempts, 1.0);
            outcome.next_try_at = Some(now + pause);
            outcome.waiting_for = Some(why);
        }
        Err(Fault::Passes(why) | Fault::Stays(why)) => {
            outcome.state = ImportState::Failed;
            outcome.error = Some(why);
        }
    }
    outcome
}

async fn one_step(
    context: &Context,
    rules: &Rules,
    job: &Job,
    told: &(dyn Fn(Progress) + Send + Sync),
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let source = source(rules, job).await?;
    let outside = &job.import.outside;
    let shut = |shut| kept_out(outside, &job.import.user, shut);
    knock(&source.login).await.map_err(shut)?;
    let target = target(context, job).await?;
    let import = &job.import;
    let mapping = mapping(import);
    if import.state == ImportState::Trying {
        let seen = copy::look(&source, &target, &mapping).await?;
        outcome.found = Some(seen.into_iter().map(found).collect());
        outcome.state = ImportState::Tried;
        return Ok(());
    }
    let ledger = Stored::new(context.store.clone(), LedgerId(import.id.0));
    let limits = Limits {
        alone: false,
        connections: CONNECTIONS,
        mapping,
        adopt: true,
        mode: Mode::Keeping,
    };
    let pass = copy::pass(&source, &target, &ledger, &limits, told).await?;
    add(&mut outcome.report, pass);
    outcome.state = ImportState::Following;
    if import.state == ImportState::CuttingOver {
        let verified = copy::verify(&target, &ledger, &|_| {}).await?;
        let mut differences = verified.comparison.differences;
        // The mailbox is in use: what was read or flagged here since is no difference.
        differences.retain(|difference| !difference.contains(" has other flags ("));
        differences.truncate(DETAILS);
        outcome.report.differences = Some(differences);
        outcome.state = ImportState::Done;
    }
    Ok(())
}

/// The door there. The name is looked up once, and what was checked is what is connected to.
async fn source(rules: &Rules, job: &Job) -> Result<End, Fault> {
    let outside = &job.import.outside;
    let at = address(rules, outside).await?;
    let host = &outside.host;
    let place = if host.contains(':') {
        format!("[{host}]:{}", outside.port)
    } else {
        format!("{host}:{}", outside.port)
    };
    let login = Login {
        place,
        at: Some(at),
        security: outside.security,
        trust: rules.trust.clone(),
        user: job.import.user.clone(),
        password: job.password.clone(),
        as_administrator: false,
    };
    Ok(End {
        login,
        numbering: None,
    })
}

/// Why somebody is not let in there, and what to do about it.
fn kept_out(outside: &Outside, user: &str, shut: Shut) -> Fault {
    let Outside { host, port, .. } = outside;
    match shut {
        Shut::Unreachable(why) => Fault::Passes(format!(
            "{host} does not answer at port {port}: {why}. Check the host, the port and how the \
             connection is protected."
        )),
        Shut::Busy(said) => Fault::Passes(format!("{host} lets nobody in just now: “{said}”.")),
        Shut::Unsafe(why) => Fault::Stays(format!(
            "There is no safe connection to {host}: {why}. The password was not sent."
        )),
        Shut::NotImap => Fault::Stays(format!(
            "What answers at {host}, port {port}, is no IMAP server. Check host and port."
        )),
        Shut::Credentials(said) => {
            let hint = Provider::of_host(host).map_or(
                "Check the login name and the password; many providers take an app password only.",
                |provider| provider.hint,
            );
            Fault::Stays(format!("{host} does not let {user} in: “{said}” {hint}"))
        }
    }
}

async fn address(rules: &Rules, outside: &Outside) -> Result<SocketAddr, Fault> {
    let host = outside.host.as_str();
    let looked = tokio::net::lookup_host((host, outside.port));
    let unknown = || {
        Fault::Passes(format!(
            "{host} cannot be found: DNS has no address for it. Check how it is spelled."
        ))
    };
    let found = tokio::time::timeout(DNS, looked).await;
    let found = found.map_err(|_| unknown())?.map_err(|_| unknown())?;
    let found: Vec<_> = found.collect();
    let good = |at: &&SocketAddr| rules.allow_private_hosts || is_public(at.ip());
    found.iter().find(good).copied().ok_or_else(|| {
        let at = found.first().map_or_else(String::new, |at| {
            let ip = at.ip().to_string();
            if ip == host {
                ip
            } else {
                format!("{host} ({ip})")
            }
        });
        Fault::Stays(format!(
            "{at} is not on the public Internet, and hosts of a private network are not connected \
             to. Only who runs this panel can allow that: allow_private_hosts under [imports] in \
             its settings."
        ))
    })
}

async fn target(context: &Context, job: &Job) -> Result<End, Fault> {
    let passes =
        |error: &dyn std::fmt::Display| Fault::Passes(format!("The mail server here {error}."));
    let mailbox = mailbox_of(&context.store, job).await;
    let mailbox =
        mailbox.map_err(|error| Fault::Passes(format!("The panel's database: {error}.")))?;
    let gone = || Fault::Stays("The mailbox to fill is gone.".to_owned());
    let mailbox = mailbox
        .filter(|mailbox| mailbox.retained_at.is_none())
        .ok_or_else(gone)?;
    if mailbox.seen_generation == 0 {
        return Err(Fault::Passes(
            "The mailbox to fill is not set up yet.".to_owned(),
        ));
    }
    let server = context.servers.get(mailbox.server);
    let server = server.map_err(|error| passes(&error))?;
    let cannot =
        || Fault::Stays("The mail server of this mailbox has no IMAP for the panel.".to_owned());
    Ok(End {
        login: server.mail_door(&mailbox.address).ok_or_else(cannot)?,
        numbering: None,
    })
}

fn mapping(import: &Import) -> Mapping {
    let folders = import.folders.clone();
    Mapping {
        by_use: folders.by_use,
        below: folders.below,
        named: folders.named,
        without: folders.without,
    }
}

fn found(seen: copy::Seen) -> FoundFolder {
    FoundFolder {
        name: seen.name,
        goes_to: seen.goes_to,
        messages: seen.messages,
        bytes: seen.bytes,
    }
}

fn add(report: &mut ImportReport, pass: Pass) {
    report.passes += 1;
    report.copied += pass.copied;
    report.bytes += pass.bytes;
    report.recognised += pass.recognised;
    report.removed += pass.removed;
    report.flagged += pass.flagged;
    report.not_imported_count = pass.refused.len() as u64;
    let details = pass.refused.into_iter().take(DETAILS);
    report.not_imported = details
        .map(|one| NotImported {
            folder: one.folder,
            uid: one.uid,
            why: one.why,
        })
        .collect();
}
