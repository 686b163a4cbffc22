//! Reads the mailbox that bounces come back to: a message that a mail server took and returned later
//! becomes bounced, with that server's words.
//!
//! What was read is put away into a folder, so that the inbox holds only what is still to be read: what
//! was understood into `Handled`, the rest into `Not understood`, for people. The row is written first.
//! Killed between the two, a panel reads the notification again and finds nothing left to write.
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::rhythm::{Again, Rhythm, keep};
use super::{Context, leases};
use crate::backends::ServerError;
use crate::backends::imap::{Login, Lying, Tray};
use crate::post::returned::{self, Returned};
use crate::store::engine::bounces::{self, Fares, Noted};

/// Where what was understood goes.
pub const HANDLED: &str = "Handled";
/// Where what was not understood goes.
pub const NOT_UNDERSTOOD: &str = "Not understood";

/// Messages read in one look.
const CHUNK: u32 = 50;
/// Between two looks at a mailbox that can be read, and the first pause after one that could not.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause while it cannot be read.
const LONGEST: Duration = Duration::from_mins(8);
/// A look lasts no longer.
const PATIENCE: Duration = Duration::from_mins(2);

/// The mailbox that bounces come back to.
#[derive(Debug, Clone)]
pub struct BounceMailbox {
    /// How it is opened.
    pub login: Login,
}

impl BounceMailbox {
    /// Whose it is and where.
    fn name(&self) -> String {
        format!("{} at {}", self.login.user, self.login.place)
    }
}

/// Runs until the shutdown; without a mailbox it only says that there is none.
pub async fn run(context: Context, mailbox: Option<BounceMailbox>, shutdown: CancellationToken) {
    let named = appoint(&context, mailbox.as_ref()).await;
    if let Err(error) = named {
        tracing::error!(
            error = format!("{error:#}"),
            "the mailbox for bounces cannot be noted"
        );
    }
    let Some(mailbox) = mailbox else { return };
    let tick = context.pace.tick;
    let rhythm = Rhythm::timed(tick);
    keep(context, shutdown, "bounces", rhythm, move |context| {
        let mailbox = mailbox.clone();
        async move { run_once(&context, &mailbox).await }
    })
    .await;
}

/// Makes known which mailbox is read, or that none is; the first look is due at once.
pub async fn appoint(context: &Context, mailbox: Option<&BounceMailbox>) -> anyhow::Result<()> {
    let name = mailbox.map(BounceMailbox::name);
    Ok(bounces::appoint(&context.store, name.as_deref()).await?)
}

/// One look, when it is due.
pub async fn run_once(context: &Context, mailbox: &BounceMailbox) -> anyhow::Result<Again> {
    let store = &context.store;
    let lease = context.pace.lease;
    let Some(fares) = bounces::begin(store, lease).await? else {
        return Ok(Again::Later);
    };
    let look = timeout(PATIENCE, work_off(context, mailbox));
    let renew = || bounces::renew(store, lease);
    let looked = leases::holding("bounces", lease, renew, look).await;
    let late = || {
        let late = format!("IMAP at {} took too long", mailbox.login.place);
        Trouble::Mailbox(ServerError::Unreachable(late))
    };
    match looked.unwrap_or_else(|_| Err(late())) {
        Ok(full) => {
            if fares.problem.is_some() {
                tracing::info!("the mailbox for bounces can be read again");
            }
            let pause = if full { Duration::ZERO } else { PAUSE };
            bounces::read(store, pause).await?;
            Ok(if full { Again::Now } else { Again::Later })
        }
        Err(Trouble::Mailbox(error)) => {
            set_back(context, mailbox, &fares, &error).await?;
            Ok(Again::Later)
        }
        Err(Trouble::Ours(error)) => Err(error),
    }
}

/// Why a look was not finished.
enum Trouble {
    /// The mailbox.
    Mailbox(ServerError),
    /// The panel itself.
    Ours(anyhow::Error),
}

impl From<ServerError> for Trouble {
    fn from(error: ServerError) -> Self {
        Self::Mailbox(error)
    }
}

/// One line is logged when trouble begins and when it changes, not each time.
async fn set_back(
    context: &Context,
    mailbox: &BounceMailbox,
    fares: &Fares,
    error: &ServerError,
) -> anyhow::Result<()> {
    let name = mailbox.name();
    let why = error.to_string();
    let why = why.trim_end_matches('.');
    let problem = format!("{name} cannot be read. Its server {why}.");
    if fares.problem.as_deref() != Some(problem.as_str()) {
        tracing::warn!(mailbox = name, %error, "the mailbox for bounces cannot be read");
    }
    let pause = PAUSE * (1 << fares.failures.min(4));
    bounces::failed(&context.store, &problem, pause.min(LONGEST)).await?;
    Ok(())
}

/// Reads what is there, and says whether there may be more.
async fn work_off(context: &Context, mailbox: &BounceMailbox) -> Result<bool, Trouble> {
    let mut tray = Tray::open(&mailbox.login).await?;
    let mut put_away = 0;
    for lying in tray.oldest(CHUNK).await? {
        let Some(raw) = tray.read(lying.uid).await? else {
            continue;
        };
        let folder = take_in(context, raw, lying).await.map_err(Trouble::Ours)?;
        if let Some(folder) = folder {
            tray.put_away(lying.uid, folder).await?;
            put_away += 1;
        }
    }
    tray.close().await;
    Ok(put_away == CHUNK)
}

/// Does what a message asks for, and says where it goes; `None` when it is not its time yet.
async fn take_in(
    context: &Context,
    raw: Vec<u8>,
    lying: Lying,
) -> anyhow::Result<Option<&'static str>> {
    // It is foreign, and may be large: should the reader ever fall over one, it is left for people.
    let read = tokio::task::spawn_blocking(move || returned::read(&raw)).await;
    let failure = match read {
        Ok(Returned::Failed(failure)) => failure,
        Ok(Returned::NoFailure) => return Ok(Some(HANDLED)),
        Ok(Returned::NotUnderstood) | Err(_) => return Ok(Some(NOT_UNDERSTOOD)),
    };
    let noted = bounces::bounced(&context.store, &failure.message_id, &failure.said, lying.at);
    Ok(match noted.await? {
        Noted::Bounced | Noted::Nothing => Some(HANDLED),
        Noted::NotYet => None,
    })
}
