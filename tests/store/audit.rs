//! The log tells what was changed, and shows when it was tampered with.
use pilothouse::app::{audit, domains};
use pilothouse::authz::{ManageDomains, Role, ViewAudit};
use pilothouse::domain::{DomainName, PageRequest};

use crate::support::World;
use crate::support::database::exec;

async fn with_entries() -> World {
    let world = World::new().await;
    for n in 1..=3 {
        let work = world
            .work::<ManageDomains>(world.member("acme", Role::Admin), "acme")
            .await;
        let name = DomainName::parse("name", &format!("acme{n}.test")).unwrap();
        domains::create(work, name, false).await.unwrap();
    }
    world
}

async fn first_fault(world: &World) -> Option<i64> {
    let work = world
        .work::<ViewAudit>(world.member("acme", Role::Admin), "acme")
        .await;
    audit::verify(&work).await.unwrap()
}

/// The places of the last three entries, oldest first: what `with_entries` wrote.
async fn last_three(world: &World) -> [i64; 3] {
    let work = world
        .work::<ViewAudit>(world.member("acme", Role::Admin), "acme")
        .await;
    let page = audit::list(&work, None, &PageRequest::first())
        .await
        .unwrap();
    let latest: Vec<i64> = page.items.iter().take(3).map(|entry| entry.seq).collect();
    [latest[2], latest[1], latest[0]]
}

async fn tamper(world: &World, sql: &str) {
    let back_door = world.database.back_door().await;
    let touched = exec(&back_door, sql).await.unwrap();
    back_door.close().await.unwrap();
    assert_eq!(touched, 1, "{sql}");
}

#[tokio::test]
async fn an_entry_says_who_did_what_to_what() {
    let world = with_entries().await;
    let work = world
        .work::<ViewAudit>(world.member("acme", Role::Admin), "acme")
        .await;
    let page = audit::list(&work, None, &PageRequest::first())
        .await
        .unwrap();
    let entry = &page.items[0];
    assert_eq!(
        (
            entry.action.as_str(),
            entry.target.as_str(),
            entry.actor.as_str()
        ),
        ("domain.created", "acme3.test", "admin@acme.test")
    );
    assert_eq!(entry.before, None);
    assert_eq!(first_fault(&world).await, None);
}

#[tokio::test]
async fn a_changed_entry_shows() {
    let world = with_entries().await;
    let [_, second, _] = last_three(&world).await;
    let sql = format!(
        "UPDATE audit_events SET target = 'other.test' WHERE target = 'acme2.test' AND seq = {second}"
    );
    tamper(&world, &sql).await;
    assert_eq!(first_fault(&world).await, Some(second));
}

#[tokio::test]
async fn a_removed_entry_shows() {
    let world = with_entries().await;
    let [_, second, _] = last_three(&world).await;
    tamper(
        &world,
        "DELETE FROM audit_events WHERE target = 'acme2.test'",
    )
    .await;
    assert_eq!(first_fault(&world).await, Some(second));
}

#[tokio::test]
async fn a_removed_end_shows() {
    let world = with_entries().await;
    let [_, _, third] = last_three(&world).await;
    tamper(
        &world,
        "DELETE FROM audit_events WHERE target = 'acme3.test'",
    )
    .await;
    assert_eq!(first_fault(&world).await, Some(third));
}
