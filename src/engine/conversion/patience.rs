//! What happens when a server does not do its part: a silent one is waited for as long as it takes,
//! one that answers and cannot is given a minute while the doors are shut, one that refuses ends
//! the conversion, and the mailbox is as it was.
use chrono::{DateTime, TimeDelta, Utc};

use crate::backends::ServerError;
use crate::domain::Place;
use crate::engine::{Context, backoff};
use crate::store::engine::conversions::{self as saved, Job};

/// How long the doors stay shut for a server that answers but cannot.
const SHUT_AT_MOST: TimeDelta = TimeDelta::seconds(60);

/// A later try.
pub(super) struct Wait {
    /// What it waits for.
    pub(super) why: String,
    /// When it is tried again.
    pub(super) next_try: DateTime<Utc>,
}

/// What to do about a step that did not succeed.
pub(super) enum Verdict {
    /// Try it again later.
    Wait(Wait),
    /// Leave the mailbox as it was, for this reason.
    GiveUp(String),
}

/// Decides, and notes on the trail since when the server has been answering that it cannot.
pub(super) fn verdict(
    context: &Context,
    job: &mut Job,
    server: &str,
    error: &ServerError,
) -> Verdict {
    let now = context.store.clock().now();
    match error {
        ServerError::Unreachable(_) => {
            // Nobody can get in anyway: shut doors cost nothing.
            job.trail.refusing_since = None;
            Verdict::Wait(later(job, now, format!("{server} does not answer.")))
        }
        ServerError::Busy(why) => {
            let since = *job.trail.refusing_since.get_or_insert(now);
            if doors_are_shut(job.place) && now - since >= SHUT_AT_MOST {
                return Verdict::GiveUp(format!(
                    "{server} could not go on for a minute while the mailbox was shut ({why}), so \
                     it was left as it was. Nothing was lost; try again later."
                ));
            }
            let why = format!("{server} cannot do it at the moment ({why}).");
            Verdict::Wait(later(job, now, why))
        }
        ServerError::Refused(why) => Verdict::GiveUp(format!(
            "{server} refuses: {}. The mailbox was left as it was; put that right, then retry.",
            why.trim_end_matches('.')
        )),
    }
}

const fn doors_are_shut(place: Place) -> bool {
    matches!(
        place,
        Place::Shut | Place::Mark | Place::Switch | Place::Compare
    )
}

fn later(job: &Job, now: DateTime<Utc>, why: String) -> Wait {
    let rest = backoff::after(job.attempts + 1, rand::random::<f64>());
    Wait {
        why,
        next_try: now + rest,
    }
}

/// A fault of ours, or of the panel's database: the step is tried again later, if that much can be
/// saved; else the lease runs out.
pub(super) async fn after_a_fault(context: &Context, job: &Job) {
    let now = context.store.clock().now();
    let why = "Something broke on our side; the panel's log says what.".to_owned();
    let wait = later(job, now, why);
    let saved = saved::wait(&context.store, job, &wait.why, wait.next_try, &job.trail).await;
    if let Err(error) = saved {
        tracing::warn!(%error, mailbox = %job.address, "a lease is left to run out");
    }
}
