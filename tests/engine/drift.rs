//! What was changed behind the panel's back is found and shown, and nobody else's business.
use std::sync::Arc;

use pilothouse::app::{mailboxes, servers};
use pilothouse::authz::{ManageServers, RepairMailboxes, ViewServers};
use pilothouse::backends::MailServer;
use pilothouse::domain::mailbox::Difference;
use pilothouse::domain::{Kind, MailboxState, ObservedMailbox, PageRequest, Protocol, Protocols};
use pilothouse::engine::sweep;

use crate::stage::{Stage, address};

async fn sweep(stage: &Stage) {
    let server: Arc<dyn MailServer> = Arc::new(stage.server.clone());
    sweep::now(&stage.context, stage.id, &server)
        .await
        .unwrap()
        .unwrap();
}

fn difference(aspect: &str, asked: &str, found: &str) -> Difference {
    Difference {
        aspect: aspect.to_owned(),
        asked: asked.to_owned(),
        found: found.to_owned(),
    }
}

/// Somebody opens ActiveSync and gives more room.
fn meddle(stage: &Stage) {
    stage.server.meddle(&address("ann"), |account| {
        account.open = account.open.with(Protocol::Activesync);
        account.quota_bytes = 42 << 20;
    });
}

#[tokio::test]
async fn a_change_on_the_server_is_found_and_shown_and_left_alone() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    let asked = stage.ready("ann", Kind::PopImap).await;
    stage.ready("bob", Kind::PopImap).await;
    meddle(&stage);
    sweep(&stage).await;
    let found = stage.see("ann").await;
    let quota = (asked.quota_bytes.to_string(), (42_i64 << 20).to_string());
    assert_eq!(
        found.drift,
        [
            difference("open.activesync", "off", "on"),
            difference("quota", &quota.0, &quota.1),
        ]
    );
    assert!(stage.see("bob").await.drift.is_empty());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let account = stage.server.account(&address("ann")).unwrap();
    assert!(
        account.open.has(Protocol::Activesync),
        "nobody asked for a repair"
    );
    // Put back by hand, it is no longer shown.
    stage.server.meddle(&address("ann"), |account| {
        account.open = Kind::PopImap.starts_on();
        account.quota_bytes = asked.quota_bytes;
    });
    sweep(&stage).await;
    assert!(stage.see("ann").await.drift.is_empty());
}

#[tokio::test]
async fn a_repair_brings_it_back_and_an_adoption_takes_it_as_asked() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    meddle(&stage);
    sweep(&stage).await;
    let work = stage.work::<RepairMailboxes>("acme").await;
    mailboxes::repair(work, address("ann").as_str())
        .await
        .unwrap();
    let repaired = stage.until_state("ann", MailboxState::Ready).await;
    assert!(repaired.drift.is_empty());
    let account = stage.server.account(&address("ann")).unwrap();
    assert_eq!(account.open, Kind::PopImap.starts_on());
    stage
        .server
        .meddle(&address("ann"), |account| account.quota_bytes = 42 << 20);
    sweep(&stage).await;
    let work = stage.work::<RepairMailboxes>("acme").await;
    mailboxes::adopt(work, address("ann").as_str())
        .await
        .unwrap();
    let adopted = stage.until_state("ann", MailboxState::Ready).await;
    assert_eq!((adopted.quota_bytes, adopted.drift.len()), (42 << 20, 0));
}

#[tokio::test]
async fn an_account_that_vanished_is_shown_and_not_made_again_by_itself() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    assert!(stage.server.uproot(&address("ann")));
    sweep(&stage).await;
    let found = stage.see("ann").await;
    assert_eq!(found.drift, [difference("account", "there", "missing")]);
    assert!(stage.server.account(&address("ann")).is_none());
    let work = stage.work::<RepairMailboxes>("acme").await;
    mailboxes::repair(work, address("ann").as_str())
        .await
        .unwrap();
    stage.until_state("ann", MailboxState::Ready).await;
    assert!(stage.server.account(&address("ann")).is_some());
}

#[tokio::test]
async fn what_is_under_way_is_not_taken_for_drift() {
    let stage = Stage::new().await;
    stage.add("ann", Kind::PopImap).await;
    sweep(&stage).await;
    assert!(stage.see("ann").await.drift.is_empty());
}

fn stranger(local: &str) -> ObservedMailbox {
    ObservedMailbox {
        remote_id: String::new(),
        marker: None,
        address: address(local),
        display_name: "Zoe".to_owned(),
        password: None,
        open: Protocols::of(&[Protocol::Imap]),
        receives: true,
        closed_reason: None,
        quota_bytes: 64 << 20,
    }
}

#[tokio::test]
async fn an_account_that_nobody_knows_is_shown_until_it_is_gone() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    stage.server.plant(stranger("zoe"));
    sweep(&stage).await;
    let strays = strays(&stage).await;
    assert_eq!(strays.len(), 1);
    assert_eq!(
        (&strays[0].address, strays[0].adoptable),
        (&address("zoe"), true)
    );
    assert!(stage.server.uproot(&address("zoe")));
    stage.world.clock.advance(chrono::TimeDelta::seconds(1));
    sweep(&stage).await;
    assert!(self::strays(&stage).await.is_empty());
}

#[tokio::test]
async fn an_adopted_account_becomes_a_mailbox_and_keeps_its_mail() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let remote_id = stage.server.plant(stranger("zoe"));
    stage
        .server
        .deliver(&address("zoe"), b"Subject: old\r\n\r\n")
        .unwrap();
    sweep(&stage).await;
    let work = stage.work::<ManageServers>("platform").await;
    servers::adopt_stray(work, "mail-1", &address("zoe"))
        .await
        .unwrap();
    let adopted = stage.until_state("zoe", MailboxState::Ready).await;
    let account = stage.server.account(&address("zoe")).unwrap();
    assert_eq!(
        (account.marker, account.remote_id),
        (Some(adopted.id), remote_id)
    );
    stage.until("zoe", |mailbox| mailbox.messages == 1).await;
    stage.world.clock.advance(chrono::TimeDelta::seconds(1));
    sweep(&stage).await;
    assert!(strays(&stage).await.is_empty());
}

async fn strays(stage: &Stage) -> Vec<servers::Stray> {
    let work = stage.work::<ViewServers>("platform").await;
    let page = PageRequest::first();
    servers::strays(&work, "mail-1", &page).await.unwrap().items
}
