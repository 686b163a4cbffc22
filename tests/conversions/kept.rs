//! Kept mailboxes: the admins are told a week before, and then they are destroyed by themselves.
use chrono::TimeDelta;
use pilothouse::app::{brand, mailboxes, messages};
use pilothouse::authz::{EditTenants, RemoveMailboxes, Role, ViewMessages};
use pilothouse::domain::message::{MessageState, Moment};
use pilothouse::domain::{Kind, PageRequest};
use pilothouse::engine::messages::{Sending, run_once};
use pilothouse::engine::reconciler::bring;
use pilothouse::engine::retention;
use pilothouse::post::Post;
use pilothouse::store::mailboxes::find;
use pilothouse::store::messages::MessageFilter;

use crate::stage::{Stage, address};
use crate::theatre::furnished;

const HOST: &str = "hosting.test";

async fn taken_away(stage: &Stage, local: &str) {
    let name = format!("{local}@acme.test");
    let work = stage.work::<RemoveMailboxes>("acme").await;
    let kept = mailboxes::retain(work, &name).await.unwrap();
    bring(&stage.context, kept.id).await.unwrap();
}

#[tokio::test]
async fn a_kept_mailbox_is_destroyed_when_its_time_is_over_and_not_before() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::Exchange).await;
        taken_away(&stage, local).await;
    }
    let ends = stage.see("ann").await.purge_after.unwrap();
    stage
        .world
        .clock
        .advance(ends - stage.world.clock.now() - TimeDelta::seconds(1));
    retention::run_once(&stage.context, HOST).await.unwrap();
    assert!(!stage.see("ann").await.purge_asked);
    let work = stage.work::<RemoveMailboxes>("acme").await;
    mailboxes::bring_back(work, "bob@acme.test").await.unwrap();
    stage.world.clock.advance(TimeDelta::seconds(1));
    retention::run_once(&stage.context, HOST).await.unwrap();
    let ann = stage.see("ann").await;
    assert!(ann.purge_asked);
    assert!(
        !stage.see("bob").await.purge_asked,
        "what was brought back stays"
    );
    bring(&stage.context, ann.id).await.unwrap();
    assert!(stage.server.account(&address("ann")).is_none());
    let work = stage.work::<ViewMessages>("acme").await;
    drop(work);
    let gone = find(
        &stage.work::<RemoveMailboxes>("acme").await,
        "ann@acme.test",
    )
    .await
    .unwrap();
    assert!(gone.is_none(), "{gone:?}");
}

#[tokio::test]
async fn admins_are_told_once_a_week_before() {
    let stage = Stage::new().await;
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
        taken_away(&stage, local).await;
    }
    let ends = stage.see("ann").await.purge_after.unwrap();
    stage
        .world
        .clock
        .advance(ends - stage.world.clock.now() - TimeDelta::days(8));
    retention::run_once(&stage.context, HOST).await.unwrap();
    let told = async || {
        let work = stage.work::<ViewMessages>("acme").await;
        let all = messages::list(&work, &MessageFilter::default(), &PageRequest::first()).await;
        all.unwrap().items
    };
    assert!(told().await.is_empty(), "too early");
    stage.world.clock.advance(TimeDelta::days(2));
    for _ in 0..3 {
        retention::run_once(&stage.context, HOST).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let sending = Sending {
        post: Post::folder(folder.path().to_owned(), "panel@hosting.test").unwrap(),
        panel: "https://panel.test".parse().unwrap(),
    };
    run_once(&stage.context, &sending).await.unwrap();
    let all = told().await;
    assert!(!all.is_empty());
    let mut to: Vec<_> = all.iter().map(|one| one.recipient.to_string()).collect();
    to.sort();
    let mut once = to.clone();
    once.dedup();
    assert_eq!(to, once, "somebody was told twice");
    let _ = Role::Admin;
    for one in &all {
        assert_eq!(
            (one.moment, one.state),
            (Moment::Retention, MessageState::Sent)
        );
        let letter = one.letter.as_ref().unwrap();
        assert!(
            letter.subject.contains("2 kept mailboxes of"),
            "{}",
            letter.subject
        );
        assert!(letter.text.contains("ann@acme.test") && letter.text.contains("bob@acme.test"));
        assert!(
            letter
                .text
                .contains("https://panel.test/t/acme/mailboxes/kept")
        );
    }
}

#[tokio::test]
async fn a_tenant_says_for_how_long_and_those_below_keep_to_it() {
    let stage = Stage::new().await;
    let change = brand::BrandChange {
        retention_days: Some("90".to_owned()),
        brand_name: Some("Quayside".to_owned()),
        ..Default::default()
    };
    brand::change(stage.work::<EditTenants>("platform").await, &change)
        .await
        .unwrap();
    furnished(&stage, "ann", Kind::PopImap).await;
    taken_away(&stage, "ann").await;
    let days = stage.see("ann").await.purge_after.unwrap() - stage.world.clock.now();
    assert_eq!(days, TimeDelta::days(90));
    let work = stage.work::<ViewMessages>("acme").await;
    let in_force = brand::in_force(&work, work.tenant().id).await.unwrap();
    assert_eq!(
        (in_force.brand.name.as_str(), in_force.retention_days),
        ("Quayside", Some(90))
    );
}
