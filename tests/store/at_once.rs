//! What happens at the same time.
use futures_util::future::join_all;
use pilothouse::app::domains;
use pilothouse::authz::{ManageDomains, Role};
use pilothouse::domain::DomainName;
use pilothouse::store::{RequestFacts, StoreError, TenantRef, idempotency};

use crate::support::World;

#[tokio::test]
async fn twenty_that_look_and_then_write_all_get_through() {
    let world = World::new().await;
    let all = (0..20).map(|n| {
        let world = &world;
        async move {
            let work = world
                .work::<ManageDomains>(world.member("acme", Role::Admin), "acme")
                .await;
            let name = DomainName::parse("name", &format!("acme{n}.test")).unwrap();
            domains::create(work, name, false).await
        }
    });
    for done in join_all(all).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_repeated_request_is_done_once() {
    let world = World::new().await;
    let facts = RequestFacts {
        idempotency: Some(("key-1".to_owned(), "digest".to_owned())),
        ..RequestFacts::default()
    };
    let all = (0..6).map(|n| {
        let (world, facts) = (&world, facts.clone());
        async move {
            let tenant = TenantRef::from("acme");
            let actor = world.member("acme", Role::Admin);
            let cx = world
                .db
                .authorize::<ManageDomains>(actor, &tenant, facts)
                .await
                .unwrap();
            let work = match cx.begin().await {
                Err(StoreError::Repeated) => return false,
                begun => begun.unwrap(),
            };
            let name = DomainName::parse("name", &format!("acme{n}.test")).unwrap();
            domains::create(work, name, false).await.unwrap();
            true
        }
    });
    let done = join_all(all).await.into_iter().filter(|done| *done).count();
    assert_eq!(done, 1);
    let scope = idempotency::scope_of(&world.member("acme", Role::Admin));
    let kept = idempotency::find(&world.db, &scope, "key-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.request_hash.as_str(), kept.status), ("digest", None));
    let headers = serde_json::json!([["location", "/x"]]);
    idempotency::keep(&world.db, &scope, "key-1", 201, headers, "{}")
        .await
        .unwrap();
    let kept = idempotency::find(&world.db, &scope, "key-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.status, kept.body.as_deref()), (Some(201), Some("{}")));
    let other = idempotency::scope_of(&world.member("acme", Role::Owner));
    assert!(
        idempotency::find(&world.db, &other, "key-1")
            .await
            .unwrap()
            .is_none()
    );
    world.clock.advance(chrono::TimeDelta::hours(24));
    assert!(
        idempotency::find(&world.db, &scope, "key-1")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_request_that_fails_may_be_repeated() {
    let world = World::new().await;
    let facts = RequestFacts {
        idempotency: Some(("key-1".to_owned(), "digest".to_owned())),
        ..RequestFacts::default()
    };
    let admin = || world.member("acme", Role::Admin);
    let work = world
        .work_with::<ManageDomains>(admin(), "acme", facts.clone())
        .await;
    drop(work);
    world
        .work_with::<ManageDomains>(admin(), "acme", facts)
        .await;
}
