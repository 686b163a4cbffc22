//! How many conversions a second: on the real mail stack, beside the bare change of the doors with
//! its flush, and in memory, where only the panel itself is measured.
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use pilothouse::backends::MailServer;
use pilothouse::domain::mailserver::{Aspect, Change, DesiredMailbox};
use pilothouse::domain::{BatchState, Kind, MailboxId, Protocol, Protocols};

use crate::real::Real;
use crate::stage::{Stage, address, start as engine};
use crate::support::world::cheap_hash;
use crate::theatre::{batch, start};

/// Mailboxes of a measurement.
const MANY: usize = 2_000;

/// At once on the server, as it comes.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make bench runs it: two thousand mailboxes on the real mail stack"]
async fn two_thousand_small_mailboxes_in_place_beside_the_bare_switch() {
    let Some(real) = Real::new().await else {
        return;
    };
    let server = real.stage.context.servers.get(real.stage.id).unwrap();
    let converted = measured(real.stage, "real mail stack").await;
    let bare = bare_switch(server).await;
    let ratio = converted.as_secs_f64() / bare.as_secs_f64();
    println!(
        "bare switch and flush: {bare:?}; a conversion with its proof takes {ratio:.1} times that"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make bench runs it: two thousand mailboxes in memory"]
async fn two_thousand_small_mailboxes_in_memory() {
    measured(Stage::new().await, "in memory").await;
}

/// Makes the mailboxes, converts them all in one batch, and says how long that took.
async fn measured(mut stage: Stage, what: &str) -> Duration {
    stage.context.pace.conversions_per_server = AT_ONCE;
    stage.context.pace.tick = Duration::from_secs(2);
    let mut locals = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let local = format!("p{}", MailboxId::new().0.simple());
        stage.add(&local, Kind::PopImap).await;
        locals.push(local);
    }
    let running = engine(&stage.context);
    let conn = stage.world.database.back_door().await;
    let waiting = "SELECT id FROM mailboxes WHERE seen_generation < asked_generation LIMIT 1";
    while !crate::support::database::rows(&conn, waiting)
        .await
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let names: Vec<&str> = locals.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let started = start(&stage, &names, Kind::Exchange).await;
    while batch(&stage, &started).await.state == BatchState::Running {
        assert!(begun.elapsed() < Duration::from_mins(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = begun.elapsed();
    running.stop().await;
    let over = batch(&stage, &started).await;
    assert_eq!(
        (over.state, over.counts.done),
        (BatchState::Done, MANY as u64)
    );
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = MANY as f64 / took.as_secs_f64();
    println!("{MANY} mailboxes converted, {what}: {took:?}, {rate:.1} a second");
    took
}

/// The same doors for as many accounts, straight through the adapter: directory, cached logins,
/// open sessions; nothing read, nothing proved, nothing written down by the panel.
async fn bare_switch(server: Arc<dyn MailServer>) -> Duration {
    let mut accounts = vec![];
    for _ in 0..MANY {
        let desired = account();
        let remote_id = server
            .apply(&Change::Create(desired.clone()))
            .await
            .unwrap();
        accounts.push((desired, remote_id.unwrap()));
    }
    let begun = Instant::now();
    let switched = futures_util::stream::iter(accounts).map(|(mut desired, remote_id)| {
        let server = server.clone();
        async move {
            desired.open = Protocols::of(&[Protocol::Imap, Protocol::Activesync, Protocol::Dav]);
            let address = desired.address.clone();
            let change = Change::Update {
                remote_id: remote_id.clone(),
                desired,
                aspects: vec![Aspect::Open],
            };
            server.apply(&change).await.unwrap();
            let end = Change::EndSessions { address, remote_id };
            server.apply(&end).await.unwrap();
        }
    });
    switched
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
    begun.elapsed()
}

fn account() -> DesiredMailbox {
    let id = MailboxId::new();
    DesiredMailbox {
        id,
        remote_id: None,
        address: address(&format!("b{}", id.0.simple())),
        display_name: "Bare Switch".to_owned(),
        password_hash: Some(cheap_hash("first password")),
        open: Kind::PopImap.starts_on(),
        receives: true,
        closed_reason: None,
        quota_bytes: 1_000_000_000,
        domain_accepts: true,
    }
}
