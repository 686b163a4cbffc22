//! What happens at the same time.
use std::time::Duration;

use futures_util::future::join_all;
use pilothouse::app::domains;
use pilothouse::authz::{ManageDomains, Role};
use pilothouse::domain::DomainName;
use pilothouse::store::{self, Options, RequestFacts, StoreError, TenantRef, idempotency};
use tokio::time::timeout;

use crate::slow;
use crate::support::World;
use crate::support::database::rows;

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

/// A browser that goes away, or a step that is cut off, at each point of a beginning.
#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_does_not_stay_open() {
    let world = World::new().await;
    if !world.database.is_postgres() {
        return;
    }
    let options = Options {
        url: slow::before(world.database.url()).await.into(),
        connections: 2,
        clock: world.clock.clone(),
    };
    let (db, _) = store::open(&options).await.unwrap();
    let (admin, acme) = (world.member("acme", Role::Admin), TenantRef::from("acme"));
    let asked = db.authorize::<ManageDomains>(admin, &acme, RequestFacts::default());
    let cx = asked.await.unwrap();
    let back_door = world.database.back_door().await;
    let open = "SELECT pid FROM pg_stat_activity \
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let (mut given_up, mut begun) = (0, 0);
    for millis in (0..150).step_by(5) {
        match timeout(Duration::from_millis(millis), cx.begin()).await {
            Ok(work) => {
                drop(work.unwrap());
                begun += 1;
            }
            Err(_) => given_up += 1,
        }
        let mut left = usize::MAX;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            left = rows(&back_door, open).await.len();
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "given up after {millis} ms");
    }
    assert!(
        given_up > 3 && begun > 3,
        "{given_up} were given up, {begun} begun"
    );
}
