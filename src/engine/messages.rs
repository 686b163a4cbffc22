//! The outbox: makes the messages that are due, writes them, hands them over, each once.
//!
//! A message is `waiting` until the mail server has said that it would take the text; then it is
//! noted as `sending`, and only then the text goes out. If the process dies in between, nobody can
//! know from our side whether it arrived. It is not sent again: the server that holds the mailbox
//! is asked whether it is there, and if that does not settle it, people see it and decide
//! (docs/adr/0009).
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::rhythm::{Again, Rhythm, keep};
use super::{Context, arrived, leases};
use crate::app;
use crate::authz::ViewService;
use crate::post::{Line, Parcel, Post, Trouble};
use crate::store::engine::messages::{self as outbox, Fate, Outgoing};
use crate::store::{PLATFORM, TenantRef};

/// Messages taken in one step, over one line.
const CHUNK: u64 = 20;
/// Between two looks, however often the bell rings.
const GAP: Duration = Duration::from_millis(500);
/// Tries before a message is given up.
const TRIES: u32 = 16;
/// The longest pause between two tries; with it sixteen tries last more than a day.
const LONGEST: Duration = Duration::from_hours(4);

/// What sending needs.
#[derive(Debug, Clone)]
pub struct Sending {
    /// Where messages go.
    pub post: Post,
    /// The address people type, for links.
    pub panel: Url,
}

/// Runs until the shutdown.
pub async fn run(context: Context, sending: Sending, shutdown: CancellationToken) {
    let tick = context.pace.tick;
    let rhythm = Rhythm::heard(GAP, tick);
    keep(context, shutdown, "messages", rhythm, move |context| {
        let sending = sending.clone();
        async move { run_once(&context, &sending).await }
    })
    .await;
}

/// One look: makes what is due, settles what was cut off, sends some.
pub async fn run_once(context: &Context, sending: &Sending) -> anyhow::Result<Again> {
    let (store, post) = (&context.store, &sending.post);
    let made = outbox::tell_of_conversions(store, post.domain()).await?;
    if post.is_off() {
        return Ok(if made > 0 { Again::Now } else { Again::Later });
    }
    outbox::cut_off(store).await?;
    arrived::look(context, post).await?;
    let name = context.lease_name();
    let due = outbox::claim(store, &name, context.pace.lease, CHUNK).await?;
    let more = made > 0 || due.len() as u64 == CHUNK;
    holding(context, &name, send_all(context, sending, due)).await?;
    Ok(if more { Again::Now } else { Again::Later })
}

/// Does something with messages while their leases of this name are renewed. Whoever is too slow all
/// the same loses nothing: the text goes out only while the message still bears the name.
pub(super) async fn holding<T>(context: &Context, name: &str, work: impl Future<Output = T>) -> T {
    let lease = context.pace.lease;
    let renew = || outbox::renew(&context.store, name, lease);
    leases::holding("messages", lease, renew, work).await
}

async fn send_all(context: &Context, sending: &Sending, due: Vec<Outgoing>) -> anyhow::Result<()> {
    let mut line: Option<Line> = None;
    for one in due {
        let Some(parcel) = write(context, sending, &one).await? else {
            continue;
        };
        if line.as_ref().is_none_or(|line| !line.is_open()) {
            match sending.post.connect().await {
                Ok(opened) => line = Some(opened),
                Err(trouble) => {
                    settle(context, &one, &trouble, true).await?;
                    continue;
                }
            }
        }
        if let Some(line) = &mut line {
            send(context, line, &one, &parcel).await?;
        }
    }
    if let Some(line) = line {
        line.close().await;
    }
    Ok(())
}

/// Writes what it says the first time; later tries send the same. `None` when it is settled.
async fn write(
    context: &Context,
    sending: &Sending,
    one: &Outgoing,
) -> anyhow::Result<Option<Parcel>> {
    let store = &context.store;
    let letter = if let Some(letter) = &one.message.letter {
        letter.clone()
    } else {
        let platform = TenantRef::Slug(PLATFORM.to_owned());
        let cx = store
            .authorize::<ViewService>("messages", &platform)
            .await?;
        let work = cx.begin().await?;
        let letter = app::messages::compose(&work, &one.message, &one.key, &sending.panel).await?;
        drop(work);
        let Some(letter) = letter else {
            let said = "It was over before this could be told.";
            outbox::settle(store, one, &Fate::Dropped, said).await?;
            return Ok(None);
        };
        if !outbox::write(store, one, &letter).await? {
            return Ok(None);
        }
        letter
    };
    let message = &one.message;
    let (to, at) = (message.recipient.as_str(), message.created_at);
    match sending.post.parcel(&letter, to, &message.message_id, at) {
        Ok(parcel) => Ok(Some(parcel)),
        Err(why) => {
            outbox::settle(store, one, &Fate::Bounced, &why).await?;
            Ok(None)
        }
    }
}

async fn send(
    context: &Context,
    line: &mut Line,
    one: &Outgoing,
    parcel: &Parcel,
) -> anyhow::Result<()> {
    if let Err(trouble) = line.offer(parcel).await {
        return settle(context, one, &trouble, true).await;
    }
    if !outbox::sending(&context.store, one, context.pace.lease).await? {
        // Somebody else has it. The server was promised a text: this line is of no use any more.
        return Ok(());
    }
    match line.hand_over(parcel).await {
        Ok(said) => Ok(outbox::settle(&context.store, one, &Fate::Sent, &said).await?),
        Err(trouble) => settle(context, one, &trouble, false).await,
    }
}

/// `counts`: whether this try was not counted yet.
async fn settle(
    context: &Context,
    one: &Outgoing,
    trouble: &Trouble,
    counts: bool,
) -> anyhow::Result<()> {
    let now = context.store.clock().now();
    let (fate, said) = match trouble {
        Trouble::Never(said) => (Fate::Bounced, said.clone()),
        Trouble::Unknown(said) => (Fate::Unsure(Some(now)), said.clone()),
        Trouble::Later(said) if one.message.attempts + 1 >= TRIES => (
            Fate::Bounced,
            format!("Given up after {TRIES} tries. {said}"),
        ),
        Trouble::Later(said) => {
            let pause = pause(one.message.attempts + 1);
            (Fate::Again(now + pause, counts), said.clone())
        }
    };
    Ok(outbox::settle(&context.store, one, &fate, &said).await?)
}

/// Half a minute, doubled each time, at most [`LONGEST`].
fn pause(tries: u32) -> TimeDelta {
    let doubled = Duration::from_secs(30 << tries.saturating_sub(1).min(12));
    TimeDelta::from_std(doubled.min(LONGEST)).unwrap_or(TimeDelta::hours(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_tries_last_more_than_a_day() {
        let whole: TimeDelta = (1..TRIES).map(pause).sum();
        assert_eq!(pause(1), TimeDelta::seconds(30));
        assert!(whole > TimeDelta::hours(24), "{whole}");
    }
}
