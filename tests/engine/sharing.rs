//! Several engines on one database, engines that are killed, and executors that are too slow.
use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::authz::{EditMailboxes, SuspendMailboxes};
use pilothouse::backends::memory::Call;
use pilothouse::domain::mailserver::Change;
use pilothouse::domain::{Clock, Kind, MailboxState, Protocols};
use pilothouse::engine::Context;
use pilothouse::engine::reconciler::{Outcome, bring};

use crate::crowd::Crowd;
use crate::stage::{Stage, address, start, until};

/// Another panel process on the same database.
async fn another(stage: &Stage, clock: &Clock) -> Context {
    let (_, store) = stage.world.database.open(clock).await;
    Context {
        store,
        owner: "panel-2".to_owned(),
        ..stage.context.clone()
    }
}

#[tokio::test]
async fn two_panels_share_the_queue_and_nobody_does_a_step_that_the_other_does() {
    let stage = Stage::new().await;
    let crowd = Crowd::around(&stage);
    crowd.add(&stage, 200).await;
    crowd.server.be_slow(Duration::from_millis(2));
    let first = start(&stage.context);
    let second = start(&another(&stage, &stage.world.clock).await);
    until("all are there", || crowd.created() == 200).await;
    crowd.until_settled(&stage).await;
    let mut created: HashMap<_, u32> = HashMap::new();
    for change in crowd.server.changes() {
        if let Change::Create(desired) = change {
            *created.entry(desired.address).or_default() += 1;
        }
    }
    assert_eq!(created.len(), 200);
    assert!(created.values().all(|times| *times == 1));
    assert_eq!(crowd.most_at_once_on_one_mailbox(), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_a_killed_panel_was_at_is_carried_on_by_another_after_the_lease() {
    let stage = Stage::new().await;
    stage.add("ann", Kind::PopImap).await;
    stage.server.be_slow(Duration::from_mins(1));
    let killed = stage.start();
    until("it is at work", || stage.server.calls(Call::Observe) > 0).await;
    drop(killed);
    stage.server.be_slow(Duration::ZERO);
    let context = another(&stage, &stage.world.clock).await;
    let _second = start(&context);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.see("ann").await.state, MailboxState::Pending);
    stage.world.clock.advance(TimeDelta::seconds(61));
    stage.until_state("ann", MailboxState::Ready).await;
}

#[tokio::test]
async fn a_clean_stop_finishes_its_step_and_leaves_no_lease_behind() {
    let stage = Stage::new().await;
    stage.add("ann", Kind::PopImap).await;
    stage.server.be_slow(Duration::from_millis(100));
    let engine = stage.start();
    until("it is at work", || stage.server.calls(Call::Observe) > 0).await;
    engine.stop().await;
    assert_eq!(stage.see("ann").await.state, MailboxState::Ready);
    let leases = "UPDATE mailboxes SET lease_owner = NULL WHERE lease_owner IS NOT NULL";
    assert_eq!(stage.sql(leases).await, 0);
}

#[tokio::test]
async fn an_executor_that_was_too_slow_moves_nothing_backwards() {
    let stage = Stage::new().await;
    let ann = stage.add("ann", Kind::PopImap).await;
    bring(&stage.context, ann.id).await.unwrap();
    // It looks at the mailbox while everything is still open, and then takes its time.
    let change = MailboxChange {
        display_name: Some("Ann Archer".to_owned()),
        ..MailboxChange::default()
    };
    let work = stage.work::<EditMailboxes>("acme").await;
    mailboxes::update(work, ann.address.as_str(), change, None)
        .await
        .unwrap();
    let _context = another(&stage, &stage.world.clock).await;
    stage.server.be_slow(Duration::from_millis(500));
    let slow = stage.context.clone();
    let before = stage.server.calls(Call::Observe);
    let slow = tokio::spawn(async move { bring(&slow, ann.id).await.unwrap() });
    until("it looks", || stage.server.calls(Call::Observe) > before).await;
    // Its lease runs out, the mailbox is suspended, and somebody else brings that about.
    stage.server.be_slow(Duration::ZERO);
    stage.world.clock.advance(TimeDelta::minutes(2));
    let work = stage.work::<SuspendMailboxes>("acme").await;
    mailboxes::suspend(work, ann.address.as_str(), "unpaid")
        .await
        .unwrap();
    let context = another(&stage, &stage.world.clock).await;
    let outcome = bring(&context, ann.id).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Ready { generation: 3 }),
        "{outcome:?}"
    );
    let outcome = slow.await.unwrap();
    assert!(matches!(outcome, Outcome::Not(_)), "{outcome:?}");
    let account = stage.server.account(&ann.address).unwrap();
    assert_eq!(account.open, Protocols::NONE);
    let seen = stage.see("ann").await;
    assert_eq!(
        (seen.seen_generation, seen.state),
        (3, MailboxState::Suspended)
    );
}

#[tokio::test]
async fn an_executor_that_was_too_slow_while_it_applied_has_its_work_looked_at_again() {
    let stage = Stage::new().await;
    let ann = stage.add("ann", Kind::PopImap).await;
    // The account is made, and the answer takes longer than the lease lasts.
    let clock = stage.world.clock.clone();
    stage
        .server
        .before_next(Call::Apply, move |_| clock.advance(TimeDelta::minutes(2)));
    let context = another(&stage, &stage.world.clock).await;
    stage.server.be_slow(Duration::from_millis(500));
    let slow = stage.context.clone();
    let slow = tokio::spawn(async move { bring(&slow, ann.id).await.unwrap() });
    until("it applies", || stage.server.calls(Call::Apply) > 0).await;
    stage.server.be_slow(Duration::ZERO);
    bring(&context, ann.id).await.unwrap();
    slow.await.unwrap();
    // Whoever came last, the mailbox is asked for once more, and ends as it should be.
    let seen = stage.see("ann").await;
    assert!(seen.asked_generation > seen.seen_generation, "{seen:?}");
    let _engine = stage.start();
    stage.until_state("ann", MailboxState::Ready).await;
}

#[tokio::test]
async fn no_ring_of_the_bell_is_lost() {
    let mut stage = Stage::new().await;
    // Only the bell can wake it in time.
    stage.context.pace.tick = Duration::from_mins(10);
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    for n in 0..40 {
        let change = MailboxChange {
            display_name: Some(format!("Ann {n}")),
            ..MailboxChange::default()
        };
        let work = stage.work::<EditMailboxes>("acme").await;
        mailboxes::update(work, address("ann").as_str(), change, None)
            .await
            .unwrap();
        // At every moment of a pass, from its beginning to its end.
        tokio::time::sleep(Duration::from_millis(n % 8)).await;
    }
    stage.until_state("ann", MailboxState::Ready).await;
    let account = stage.server.account(&address("ann")).unwrap();
    assert_eq!(account.display_name, "Ann 39");
}
