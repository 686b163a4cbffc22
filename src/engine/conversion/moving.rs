//! What a move does beyond a conversion in place: the account on the other server, the copying, and
//! who is told where the mailbox lives.
//!
//! The mailbox's home is [`Job::server`]; the account on the other server is *away* before the
//! switch, and the one that was left behind is after it. Whichever is away has its doors shut and
//! receives nothing. When the home changes, the new one is told first: so no server ever passes
//! anything on to one that would refuse it.
use crate::backends::imap::copy::{CopyError, Limits, Mode};
use crate::backends::{Door, ServerError};
use crate::domain::copying::Pass;
use crate::domain::{Place, ServerId};
use crate::engine::ledger::Stored;
use crate::engine::reconciler::away;
use crate::engine::{Context, routes};
use crate::store::engine::conversions::{Job, Saved};
use crate::store::engine::{moves, servers};

use super::reading::{self, Latest, telling};
use super::steps::Step;
use super::{filters, groupware};

/// So few changes in a pass are left for when the doors are shut.
const LITTLE: u64 = 25;

/// Passes before the doors are shut whatever is left: a mailbox that changes faster than it is
/// copied would never move.
const PASSES: u32 = 6;

/// Makes the account on the other server, or goes on in the one that an earlier move left there.
pub(super) async fn prepare(context: &Context, job: &mut Job) -> anyhow::Result<Step> {
    let store = &context.store;
    let Some(target) = moves::choose(store, job).await? else {
        let kind = job.to.label();
        let why = format!("No other mail server offers {kind} any more. Add one that does.");
        return Ok(Step::GiveUp(why, None));
    };
    if let Some(shut) = groupware::obstacle(context, job, target) {
        let why = format!(
            "The calendars and contacts of {} would stay behind: {} does not let the panel at them. \
             Enter groupware_url in its settings, then retry.",
            job.address,
            name(context, shut).await?
        );
        return Ok(Step::GiveUp(why, None));
    }
    let copy = match moves::begin(store, job, target).await? {
        Saved::Lost => return Ok(Step::Lost),
        Saved::Yes(Some(copy)) => copy,
        Saved::Yes(None) => {
            let why = "what an earlier move left there is being removed".to_owned();
            return Ok(Step::Not(ServerError::Busy(why)));
        }
    };
    job.target = Some(target);
    // Before there is an account that takes nothing, its server passes on what comes for it.
    let brought = async {
        match routes::tell(context, target, job.mailbox).await? {
            Ok(()) => away::bring(context, &copy).await,
            Err(error) => Ok(Err(error)),
        }
    };
    let brought = reading::keeping_the_lease(context, job, &Latest::default(), brought).await?;
    match brought.transpose()? {
        None => Ok(Step::Lost),
        Some(Ok(())) => Ok(Step::On(Place::Copy)),
        Some(Err(error)) => not(context, target, error).await,
    }
}

/// Copies until a pass finds little to do.
pub(super) async fn copy(context: &Context, job: &Job) -> anyhow::Result<Step> {
    let Some(target) = job.target else {
        return Ok(Step::On(Place::Prepare));
    };
    for _ in 0..PASSES {
        match pass(context, job, (job.server, target), Mode::Mirror).await? {
            Passed::Yes(pass) if pass.changes() <= LITTLE => break,
            Passed::Yes(_) => {}
            Passed::No(step) => return Ok(*step),
        }
    }
    Ok(Step::On(Place::Survey))
}

/// What came of a pass.
pub(super) enum Passed {
    /// It went through.
    Yes(Pass),
    /// It did not; this is what comes of the step.
    No(Box<Step>),
}

/// One pass from a server to another, of which one is the mailbox's home: mail first, then calendars
/// and contacts, then filters.
pub(super) async fn pass(
    context: &Context,
    job: &Job,
    (from, to): (ServerId, ServerId),
    mode: Mode,
) -> anyhow::Result<Passed> {
    let no = |step| Ok(Passed::No(Box::new(step)));
    let away = if from == job.server { to } else { from };
    let ledger = moves::ledger_from(&context.store, job.mailbox, away, from).await?;
    let Some(ledger) = ledger else {
        let why = format!("The copy of {} on the other server is gone.", job.address);
        return no(Step::GiveUp(why, None));
    };
    let (source, target) = match (door(context, job, from), door(context, job, to)) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(error), _) => return no(not(context, from, error).await?),
        (_, Err(error)) => return no(not(context, to, error).await?),
    };
    let ledger = Stored::of(context.store.clone(), ledger, job);
    let limits = Limits {
        mode,
        // The account there receives nothing, and nobody gets in.
        alone: mode == Mode::Mirror,
        ..Limits::default()
    };
    let latest = Latest::default();
    let told = telling(&latest);
    let passing = source.copy_to(&target, &ledger, &limits, &told);
    let passed = reading::keeping_the_lease(context, job, &latest, passing).await?;
    match passed {
        None => no(Step::Lost),
        Some(Ok(pass)) => match pass.refused.first() {
            None => {
                let mut stopped = groupware::pass(context, job, (from, to), mode).await?;
                if stopped.is_none() {
                    stopped = filters::pass(context, job, (from, to), mode).await?;
                }
                stopped.map_or(Ok(Passed::Yes(pass)), no)
            }
            Some(refused) => {
                let why = format!(
                    "{} does not take message {} of {}: {}. The mailbox was left as it was; remove \
                     that message, then retry.",
                    name(context, to).await?,
                    refused.uid,
                    refused.folder,
                    refused.why.trim_end_matches('.'),
                );
                no(Step::GiveUp(why, None))
            }
        },
        Some(Err(error)) => no(failed(context, (from, to), error).await?),
    }
}

async fn failed(
    context: &Context,
    (from, to): (ServerId, ServerId),
    error: CopyError,
) -> anyhow::Result<Step> {
    match error {
        CopyError::Source(error) => not(context, from, error).await,
        CopyError::Target(error) => not(context, to, error).await,
        CopyError::Full(why) => {
            let server = name(context, to).await?;
            let why = format!(
                "The mailbox does not fit on {server} ({}). Give it a larger quota there, or remove \
                 mail, then retry.",
                why.trim_end_matches('.')
            );
            Ok(Step::GiveUp(why, None))
        }
        CopyError::Ledger(error) => Err(error.into()),
    }
}

fn door(context: &Context, job: &Job, server: ServerId) -> Result<Door, ServerError> {
    let remote = context.servers.get(server)?;
    Door::to(&job.address, remote.as_ref())
        .ok_or_else(|| ServerError::Refused("gives the panel no way into its mail".to_owned()))
}

/// Whether a server other than the home does not answer.
pub(super) const fn is_silent(step: &Step) -> bool {
    matches!(step, Step::NotAt(_, ServerError::Unreachable(_)))
}

/// A server did not do its part, and is named.
pub(super) async fn not(
    context: &Context,
    server: ServerId,
    error: ServerError,
) -> anyhow::Result<Step> {
    Ok(Step::NotAt(name(context, server).await?, error))
}

/// Does something on servers while the lease is kept, and says what comes of the step when one of
/// them did not do its part.
pub(super) async fn on_servers<T>(
    context: &Context,
    job: &Job,
    work: impl Future<Output = Result<T, (ServerId, ServerError)>> + Send,
) -> anyhow::Result<Result<T, Step>> {
    let done = reading::keeping_the_lease(context, job, &Latest::default(), work).await?;
    Ok(match done {
        None => Err(Step::Lost),
        Some(Ok(done)) => Ok(done),
        Some(Err((server, error))) => Err(not(context, server, error).await?),
    })
}

/// The name of a server.
pub(super) async fn name(context: &Context, server: ServerId) -> anyhow::Result<String> {
    let server = servers::one(&context.store, server).await?;
    Ok(server.map_or_else(|| "The other server".to_owned(), |server| server.name))
}

/// After the home has changed and its account is as asked: the home takes what comes for the
/// mailbox, then the server that it left passes it on, then the account there is shut for good and
/// nobody is connected to it.
///
/// The one that it left may be down: then nothing comes to it either, and whoever waits for the
/// mailbox does not wait for that server. Before a move is over, it was told.
pub(super) async fn settle_home(
    context: &Context,
    job: &Job,
    left: ServerId,
) -> anyhow::Result<Option<Step>> {
    for server in [job.server, left] {
        let telling = routes::tell(context, server, job.mailbox);
        let told = reading::keeping_the_lease(context, job, &Latest::default(), telling).await?;
        match told.transpose()? {
            None => return Ok(Some(Step::Lost)),
            Some(Ok(())) => {}
            Some(Err(error)) => return Ok(Some(not(context, server, error).await?)),
        }
    }
    let Some(copy) = moves::of(&context.store, job.mailbox, left).await? else {
        return Ok(None);
    };
    let brought = away::bring_empty(context, &copy);
    let brought = reading::keeping_the_lease(context, job, &Latest::default(), brought).await?;
    match brought.transpose()? {
        None => Ok(Some(Step::Lost)),
        Some(Ok(())) => Ok(None),
        Some(Err(error)) => Ok(Some(not(context, left, error).await?)),
    }
}
