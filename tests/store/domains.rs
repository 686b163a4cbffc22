//! Domains: whose they are, and how they are proved.
use std::time::Duration;

use pilothouse::app::AppError;
use pilothouse::app::domains::{self, Domain};
use pilothouse::authz::{ManageDomains, Role, ViewDomains};
use pilothouse::domain::DomainName;
use pilothouse::engine::dns::Dns;
use pilothouse::engine::{Context, Pace, servers::Servers};

use crate::support::World;
use crate::support::name_server::NameServer;

fn acme() -> DomainName {
    DomainName::parse("name", "acme.test").unwrap()
}

async fn manage(world: &World, from: &str) -> pilothouse::store::Work<ManageDomains> {
    world.work(world.member(from, Role::Admin), "acme").await
}

async fn look_now(world: &World, name_server: &NameServer) -> Domain {
    let work = manage(world, "acme").await;
    let asked = domains::request_verification(work, &acme()).await.unwrap();
    assert!(asked.checking);
    let context = Context {
        store: world.engine.clone(),
        servers: Servers::default(),
        pace: Pace::default(),
        owner: "test".to_owned(),
    };
    let dns = Dns::new(Some(name_server.address)).unwrap();
    let look = pilothouse::engine::domains::run_once(context, dns);
    tokio::time::timeout(Duration::from_secs(20), look)
        .await
        .unwrap()
        .unwrap();
    let work = world
        .work::<ViewDomains>(world.member("acme", Role::Viewer), "acme")
        .await;
    domains::find(&work, &acme()).await.unwrap()
}

#[tokio::test]
async fn a_domain_is_proved_by_its_record() {
    let world = World::new().await;
    let name_server = NameServer::start().await;
    let made = domains::create(manage(&world, "acme").await, acme(), false)
        .await
        .unwrap();
    assert!(!made.is_proved());
    let proof = made
        .records
        .iter()
        .find(|one| one.purpose == "proof")
        .unwrap()
        .clone();
    assert_eq!(proof.seen, None);

    let looked = look_now(&world, &name_server).await;
    assert!(!looked.is_proved() && !looked.checking);
    let problem = looked.check_problem.unwrap();
    assert!(problem.contains(&proof.name), "{problem}");
    assert_eq!(looked.records[0].seen, Some(false));

    name_server.publish(&proof.name, "pilothouse-proof=of-another");
    let problem = look_now(&world, &name_server).await.check_problem.unwrap();
    assert!(problem.contains("of-another"), "{problem}");

    name_server.publish(&proof.name, &proof.value);
    let proved = look_now(&world, &name_server).await;
    assert!(proved.is_proved(), "{proved:?}");
    assert_eq!(proved.check_problem, None);
    assert_eq!(proved.records[0].seen, Some(true));
}

#[tokio::test]
async fn only_the_platform_vouches() {
    let world = World::new().await;
    let fault = domains::create(manage(&world, "quayside").await, acme(), true)
        .await
        .unwrap_err();
    assert!(matches!(fault, AppError::Forbidden(_)), "{fault:?}");
    let made = domains::create(manage(&world, "platform").await, acme(), true)
        .await
        .unwrap();
    assert!(made.is_proved());
    let fault = domains::update(
        manage(&world, "acme").await,
        &acme(),
        None,
        Some(false),
        None,
    )
    .await;
    assert!(matches!(fault, Err(AppError::Forbidden(_))), "{fault:?}");
}

#[tokio::test]
async fn a_domain_belongs_to_one_customer() {
    let world = World::new().await;
    domains::create(manage(&world, "acme").await, acme(), false)
        .await
        .unwrap();
    let work = world.work(world.member("oz", Role::Admin), "oz").await;
    let fault = domains::create(work, acme(), false).await.unwrap_err();
    assert!(
        matches!(
            fault,
            AppError::Conflict {
                kind: "domain-taken",
                ..
            }
        ),
        "{fault:?}"
    );
    let work = world
        .work(world.member("quayside", Role::Admin), "quayside")
        .await;
    let other = DomainName::parse("name", "quayside.test").unwrap();
    let fault = domains::create(work, other, false).await.unwrap_err();
    assert!(matches!(fault, AppError::Invalid(_)), "{fault:?}");
}

#[tokio::test]
async fn a_change_of_what_was_read_before_another_change_is_refused() {
    let world = World::new().await;
    let read = domains::create(manage(&world, "acme").await, acme(), false)
        .await
        .unwrap();
    let version = read.version();
    let off = domains::update(
        manage(&world, "acme").await,
        &acme(),
        Some(false),
        None,
        Some(&version),
    )
    .await
    .unwrap();
    assert!(!off.enabled);
    let fault = domains::update(
        manage(&world, "acme").await,
        &acme(),
        Some(true),
        None,
        Some(&version),
    )
    .await;
    assert!(matches!(fault, Err(AppError::Stale)), "{fault:?}");
    domains::remove(manage(&world, "acme").await, &acme())
        .await
        .unwrap();
    let gone = domains::remove(manage(&world, "acme").await, &acme()).await;
    assert!(matches!(gone, Err(AppError::NotFound(_))), "{gone:?}");
}
