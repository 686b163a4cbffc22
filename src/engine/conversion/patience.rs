//! What happens when a server does not do its part: a silent one is waited for as long as it takes,
//! one that answers and cannot is given a minute while the doors are shut, one that refuses ends
//! the conversion, and the mailbox is as it was. The target of a move is given a minute, too, when
//! it is silent: the server that the mailbox leaves can let its owner in.
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

/// Decides, and notes on the trail since when the server has been keeping a mailbox shut that could
/// be opened. With the name of the server it is told whether the mailbox has another one to go to.
pub(super) fn verdict(
    context: &Context,
    job: &mut Job,
    (server, elsewhere): (&str, bool),
    error: &ServerError,
) -> Verdict {
    let now = context.store.clock().now();
    let shut = doors_are_shut(job.place);
    let counts = match error {
        // Nobody can get in anyway: shut doors cost nothing.
        ServerError::Unreachable(_) => shut && elsewhere,
        ServerError::Busy(_) => shut,
        ServerError::Refused(why) => {
            return Verdict::GiveUp(format!(
                "{server} refuses: {}. The mailbox was left as it was; put that right, then retry.",
                why.trim_end_matches('.')
            ));
        }
    };
    // What was the matter while the doors were open is over, or does not matter.
    let since = counts.then(|| job.trail.refusing_since.unwrap_or(now));
    job.trail.refusing_since = since;
    let what = match error {
        ServerError::Busy(why) => format!("cannot do it at the moment ({why})"),
        _ => "does not answer".to_owned(),
    };
    if since.is_some_and(|since| now - since >= SHUT_AT_MOST) {
        let could_not = match error {
            ServerError::Busy(why) => format!("could not go on for a minute ({why})"),
            _ => "did not answer for a minute".to_owned(),
        };
        return Verdict::GiveUp(format!(
            "{server} {could_not} while the mailbox was shut, so it was left as it was. Nothing \
             was lost; try again later."
        ));
    }
    Verdict::Wait(later(job, now, format!("{server} {what}.")))
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
