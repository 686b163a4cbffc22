//! Each level closes on its own account, and gives back exactly what it closed.
use chrono::TimeDelta;
use pilothouse::app::{domains, mailboxes};
use pilothouse::authz::{EditMailboxes, ManageDomains};
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::{DomainName, Kind, Protocol, Protocols};

use crate::stage::{Stage, address};
use crate::support::database::rows;

#[tokio::test]
async fn a_grant_ends_on_time_and_closes_the_door() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::Exchange).await;
    let ann = address("ann");
    let until = stage.world.clock.now() + TimeDelta::days(14);
    let grant = SwitchValue {
        on: true,
        until: Some(until),
    };
    let work = stage.work::<EditMailboxes>("acme").await;
    mailboxes::set_switch(work, ann.as_str(), Protocol::Pop3, grant, None)
        .await
        .unwrap();
    stage
        .until("ann", |one| {
            one.seen_open.is_some_and(|open| open.has(Protocol::Pop3))
        })
        .await;
    stage.server.sign_in(&ann, Protocol::Pop3).unwrap();
    stage
        .world
        .clock
        .advance(TimeDelta::days(14) - TimeDelta::seconds(1));
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(stage.server.sessions(&ann), [Protocol::Pop3]);
    stage.world.clock.advance(TimeDelta::seconds(1));
    let closed = stage
        .until("ann", |one| !one.levels.switches.get(Protocol::Pop3).on)
        .await;
    assert_eq!(
        closed.levels.switches.get(Protocol::Pop3),
        SwitchValue::default()
    );
    stage
        .until("ann", |one| {
            one.seen_open.is_some_and(|open| !open.has(Protocol::Pop3))
        })
        .await;
    assert_eq!(stage.server.sessions(&ann), []);
    let conn = stage.world.database.back_door().await;
    let log = "SELECT actor_label FROM audit_events WHERE action = 'mailbox.switch_ended'";
    let log = rows(&conn, log).await;
    assert_eq!(log.len(), 1);
    let by: String = log[0].try_get("", "actor_label").unwrap();
    assert_eq!(by, "grants");
}

#[tokio::test]
async fn a_suspended_tenant_above_closes_everything_and_restoring_gives_exactly_that_back() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    let ann = stage.ready("ann", Kind::Exchange).await;
    let bob = stage.ready("bob", Kind::PopImap).await;
    let ask_again = "UPDATE mailboxes SET asked_generation = asked_generation + 1";
    // What the use-case of suspending a tenant will write.
    stage
        .sql("UPDATE tenants SET suspended_at = created_at, suspended_reason = 'unpaid' WHERE slug = 'quayside'")
        .await;
    stage.sql(ask_again).await;
    for local in ["ann", "bob"] {
        stage
            .until(local, |one| one.seen_open == Some(Protocols::NONE))
            .await;
        stage.server.deliver(&address(local), b"\r\n").unwrap();
    }
    let why = stage
        .server
        .sign_in(&address("bob"), Protocol::Imap)
        .unwrap_err();
    assert!(why.contains("organisation is suspended"), "{why}");
    stage
        .sql("UPDATE tenants SET suspended_at = NULL WHERE slug = 'quayside'")
        .await;
    stage.sql(ask_again).await;
    for before in [ann, bob] {
        let local = before.address.local().to_owned();
        let after = stage
            .until(&local, |one| one.seen_open == before.seen_open)
            .await;
        assert_eq!(after.levels, before.levels);
    }
}

#[tokio::test]
async fn a_domain_that_is_turned_off_closes_its_mailboxes_and_takes_no_mail() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    let name = DomainName::parse("name", "acme.test").unwrap();
    let work = stage.work::<ManageDomains>("acme").await;
    domains::update(work, &name, Some(false), None, None)
        .await
        .unwrap();
    stage
        .until("ann", |one| one.seen_open == Some(Protocols::NONE))
        .await;
    assert!(stage.server.deliver(&ann, b"\r\n").is_err());
    let work = stage.work::<ManageDomains>("acme").await;
    domains::update(work, &name, Some(true), None, None)
        .await
        .unwrap();
    stage
        .until("ann", |one| {
            one.seen_open == Some(Kind::PopImap.starts_on())
        })
        .await;
    stage.server.deliver(&ann, b"\r\n").unwrap();
}
