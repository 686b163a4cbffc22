//! A stage with mail in its mailboxes, on which conversions are carried out step by step.
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};
use pilothouse::app::AppError;
use pilothouse::app::conversions::{self, NewBatch};
use pilothouse::authz::{ConvertMailboxes, ViewConversions};
use pilothouse::backends::memory::{Letter, MemoryServer};
use pilothouse::backends::{Depth, MailServer};
use pilothouse::domain::snapshot::Snapshot;
use pilothouse::domain::{Batch, Item, Kind, Mailbox, PageRequest};
use pilothouse::engine::reconciler::{Outcome, bring};
use pilothouse::engine::{Context, conversion};
use pilothouse::store::engine::conversions::Job;

use crate::stage::{Stage, address};

/// Another panel process on the same database and the same servers.
pub async fn another(stage: &Stage, owner: &str) -> Context {
    let (_, store) = stage.world.database.open(&stage.world.clock).await;
    Context {
        store,
        owner: owner.to_owned(),
        ..stage.context.clone()
    }
}

/// A mailbox that is ready and holds a dozen messages in three folders.
pub async fn furnished(stage: &Stage, local: &str, kind: Kind) -> Mailbox {
    let mailbox = stage.add(local, kind).await;
    let brought = bring(&stage.context, mailbox.id).await.unwrap();
    assert!(matches!(brought, Outcome::Ready { .. }), "{brought:?}");
    fill(&stage.server, local);
    stage.see(local).await
}

/// The one conversion that waits, so many steps on its way.
pub async fn advanced(stage: &Stage, steps: usize) -> Job {
    let mut claimed = conversion::claim(&stage.context).await.unwrap();
    let mut job = claimed.pop().unwrap();
    for _ in 0..steps {
        assert!(conversion::advance(&stage.context, &mut job).await.unwrap());
    }
    job
}

fn fill(server: &MemoryServer, local: &str) {
    let flags: [&[&str]; 4] = [&[], &["\\Seen"], &["\\Seen", "$Later"], &["\\Deleted"]];
    for n in 0..12 {
        let body = format!("Subject: letter {n}\r\n\r\nTo {local}.\r\n").repeat(n + 1);
        let letter = Letter {
            body: body.as_bytes(),
            flags: flags[n % 4],
            date: Utc
                .timestamp_opt(1_000_000_000 + i64::try_from(n).unwrap(), 0)
                .unwrap(),
        };
        let folder = ["INBOX", "Sent", "Plans/2026 & later"][n % 3];
        server.append(&address(local), folder, &letter).unwrap();
    }
}

/// What is in the mailbox, read past the engine.
pub async fn mail(stage: &Stage, local: &str) -> Snapshot {
    let told = |_| {};
    let server: Arc<dyn MailServer> = Arc::new(stage.server.clone());
    server
        .snapshot(&address(local), Depth::Bodies, None, &told)
        .await
        .unwrap()
}

/// A batch of these mailboxes, with nothing special about it.
pub fn batch_of(locals: &[&str], to: Kind) -> NewBatch {
    NewBatch {
        to,
        mailboxes: locals.iter().map(|l| format!("{l}@acme.test")).collect(),
        not_before: None,
        notify_users: false,
        at_once: None,
        keep_open: vec![],
        server: None,
    }
}

/// Starts a batch as the platform's owner.
pub async fn try_start(stage: &Stage, new: NewBatch) -> Result<Batch, AppError> {
    conversions::start(stage.work::<ConvertMailboxes>("acme").await, new).await
}

/// Starts a batch that nothing blocks.
pub async fn start(stage: &Stage, locals: &[&str], to: Kind) -> Batch {
    try_start(stage, batch_of(locals, to)).await.unwrap()
}

/// Carries on whatever is due until nothing is.
pub async fn carry_on(context: &Context) {
    while conversion::run_once(context).await.unwrap() > 0 {}
}

/// Lets time pass until everything has been tried again often enough.
pub async fn let_time_pass(stage: &Stage, context: &Context) {
    for _ in 0..8 {
        carry_on(context).await;
        stage.world.clock.advance(TimeDelta::seconds(61));
    }
    carry_on(context).await;
}

/// The batch as it is.
pub async fn batch(stage: &Stage, batch: &Batch) -> Batch {
    let work = stage.work::<ViewConversions>("acme").await;
    conversions::find(&work, batch.id).await.unwrap()
}

/// Its items, those that need somebody first.
pub async fn items(stage: &Stage, batch: &Batch) -> Vec<Item> {
    let work = stage.work::<ViewConversions>("acme").await;
    let page = conversions::items(&work, batch.id, None, &PageRequest::first()).await;
    page.unwrap().items
}

/// Its only item.
pub async fn item(stage: &Stage, batch: &Batch) -> Item {
    let mut items = items(stage, batch).await;
    assert_eq!(items.len(), 1);
    items.remove(0)
}
