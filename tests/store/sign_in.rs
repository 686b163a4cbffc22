//! Signing in, being throttled, sessions and their ends, the first owner, keys.
use std::time::Duration;

use chrono::TimeDelta;
use pilothouse::app::api_keys::{self, NewApiKey};
use pilothouse::app::{AppError, sign_in};
use pilothouse::authz::{ManageApiKeys, Origin, Role, Scope, ViewApiKeys};
use pilothouse::domain::{EmailAddress, PageRequest};
use secrecy::{ExposeSecret, SecretString};

use crate::support::World;
use crate::support::world::{PASSWORD, cheap_hash};

fn from(ip: &str) -> Origin {
    Origin {
        ip: Some(ip.parse().unwrap()),
        request: None,
    }
}

async fn attempt(
    world: &World,
    email: &str,
    password: &str,
    ip: &str,
) -> Result<SecretString, AppError> {
    sign_in::sign_in(
        &world.db,
        email,
        password.to_owned().into(),
        &from(ip),
        Some("browser"),
    )
    .await
}

#[tokio::test]
async fn the_right_password_begins_a_session_that_can_be_ended() {
    let world = World::new().await;
    let token = attempt(&world, "Admin@Acme.test ", PASSWORD, "192.0.2.1")
        .await
        .unwrap();
    let person = sign_in::session(&world.db, &token).await.unwrap().unwrap();
    assert_eq!(person.email.as_str(), "admin@acme.test");
    let roles = sign_in::memberships(&world.db, person.member)
        .await
        .unwrap();
    assert_eq!(
        (roles.len(), roles[0].slug.as_str(), roles[0].role),
        (1, "acme", Role::Admin)
    );
    sign_in::set_theme(&world.db, &person, "dark")
        .await
        .unwrap();
    assert!(
        sign_in::set_theme(&world.db, &person, "pink")
            .await
            .is_err()
    );
    let again = sign_in::session(&world.db, &token).await.unwrap().unwrap();
    assert_eq!(again.theme, "dark");
    sign_in::sign_out(&world.db, &token).await.unwrap();
    assert!(sign_in::session(&world.db, &token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_the_same() {
    let world = World::new().await;
    let wrong = attempt(&world, "admin@acme.test", "wrong", "192.0.2.1")
        .await
        .unwrap_err();
    let unknown = attempt(&world, "nobody@acme.test", "wrong", "192.0.2.1")
        .await
        .unwrap_err();
    let nonsense = attempt(&world, "no address", "wrong", "192.0.2.1")
        .await
        .unwrap_err();
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert_eq!(wrong.to_string(), nonsense.to_string());
}

#[tokio::test]
async fn guessing_one_password_is_slowed_down_from_anywhere() {
    let world = World::new().await;
    for host in 1..=5 {
        let fault = attempt(
            &world,
            "admin@acme.test",
            "wrong",
            &format!("192.0.2.{host}"),
        )
        .await;
        assert!(matches!(fault, Err(AppError::Invalid(_))), "{fault:?}");
    }
    // Even the right one is not looked at now.
    let fault = attempt(&world, "admin@acme.test", PASSWORD, "192.0.2.99").await;
    assert!(
        matches!(fault, Err(AppError::TooMany { seconds: 15 })),
        "{fault:?}"
    );
    attempt(&world, "owner@acme.test", PASSWORD, "192.0.2.99")
        .await
        .unwrap();
    world.clock.advance(TimeDelta::seconds(16));
    attempt(&world, "admin@acme.test", PASSWORD, "192.0.2.99")
        .await
        .unwrap();
    // The right one cleared the count.
    let fault = attempt(&world, "admin@acme.test", "wrong", "192.0.2.1").await;
    assert!(matches!(fault, Err(AppError::Invalid(_))), "{fault:?}");
}

#[tokio::test]
async fn trying_many_addresses_from_one_network_is_slowed_down() {
    let world = World::new().await;
    for n in 0..20 {
        let ip = format!("2001:db8:1:2::{n:x}");
        let fault = attempt(&world, &format!("user{n}@acme.test"), "wrong", &ip).await;
        assert!(matches!(fault, Err(AppError::Invalid(_))), "{n}: {fault:?}");
    }
    let fault = attempt(&world, "admin@acme.test", PASSWORD, "2001:db8:1:2:ffff::1").await;
    assert!(matches!(fault, Err(AppError::TooMany { .. })), "{fault:?}");
    attempt(&world, "admin@acme.test", PASSWORD, "2001:db8:1:3::1")
        .await
        .unwrap();
}

#[tokio::test]
async fn many_guesses_at_once_are_not_more_than_one_after_the_other() {
    let world = World::new().await;
    let guesses = (0..12).map(|_| attempt(&world, "admin@acme.test", "wrong", "192.0.2.1"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers
        .iter()
        .filter(|one| matches!(one, Err(AppError::Invalid(_))))
        .count();
    assert_eq!(looked_at, 5, "{answers:?}");
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case_after_thirty_days() {
    let world = World::new().await;
    let idle = attempt(&world, "admin@acme.test", PASSWORD, "192.0.2.1")
        .await
        .unwrap();
    let used = attempt(&world, "admin@acme.test", PASSWORD, "192.0.2.1")
        .await
        .unwrap();
    let mut hours = 0;
    while hours < 30 * 24 - 6 {
        world.clock.advance(TimeDelta::hours(6));
        hours += 6;
        let person = sign_in::session(&world.db, &used).await.unwrap();
        assert!(person.is_some(), "after {hours} hours");
        wait_until_noted(&world, &used).await;
    }
    assert!(sign_in::session(&world.db, &idle).await.unwrap().is_none());
    world.clock.advance(TimeDelta::hours(7));
    assert!(sign_in::session(&world.db, &used).await.unwrap().is_none());
}

/// The use is noted beside the request.
async fn wait_until_noted(world: &World, token: &SecretString) {
    let back_door = world.database.back_door().await;
    let hash = {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(token.expose_secret().as_bytes());
        pilothouse::domain::snapshot::hex(&digest)
    };
    let sql = format!("SELECT seen_at FROM sessions WHERE token_hash = '{hash}'");
    for _ in 0..500 {
        let rows = crate::support::database::rows(&back_door, &sql).await;
        let seen: chrono::DateTime<chrono::Utc> = rows[0].try_get("", "seen_at").unwrap();
        if seen == world.clock.now() {
            back_door.close().await.unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the use was not noted");
}

#[tokio::test]
async fn two_first_runs_at_once_make_one_owner() {
    let world = World::bare().await;
    assert!(sign_in::is_first_run(&world.db).await.unwrap());
    let run = |name: &'static str| {
        let email = EmailAddress::parse("email", &format!("{name}@example.test")).unwrap();
        let origin = Origin::default();
        let db = world.db.clone();
        async move {
            let hash = cheap_hash(PASSWORD);
            sign_in::first_run(&db, email, name.to_owned(), hash, &origin).await
        }
    };
    let (ann, bob) = tokio::join!(run("ann"), run("bob"));
    assert!(ann.is_ok() != bob.is_ok(), "{ann:?} {bob:?}");
    let lost = ann.as_ref().err().or(bob.as_ref().err()).unwrap();
    assert!(
        matches!(
            lost,
            AppError::Conflict {
                kind: "first-run-over",
                ..
            }
        ),
        "{lost:?}"
    );
    assert!(!sign_in::is_first_run(&world.db).await.unwrap());
    let token = ann.or(bob).unwrap();
    let owner = sign_in::session(&world.db, &token).await.unwrap().unwrap();
    let roles = sign_in::memberships(&world.db, owner.member).await.unwrap();
    assert_eq!(
        (roles[0].slug.as_str(), roles[0].role),
        ("platform", Role::Owner)
    );
}

fn new_key(role: Role, scopes: &[&str]) -> NewApiKey {
    NewApiKey {
        label: "script".to_owned(),
        role,
        scopes: scopes
            .iter()
            .map(|word| Scope::parse(word).unwrap())
            .collect(),
        networks: vec![],
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_works_from_its_networks_until_it_ends() {
    let world = World::new().await;
    let admin = || world.member("acme", Role::Admin);
    let work = world.work::<ManageApiKeys>(admin(), "acme").await;
    let new = NewApiKey {
        networks: vec![("192.0.2.0".parse().unwrap(), 24)],
        expires_at: Some(world.clock.now() + TimeDelta::days(1)),
        ..new_key(Role::Admin, &[])
    };
    let (key, secret) = api_keys::create(work, new).await.unwrap();
    assert!(secret.expose_secret().starts_with("ph_") && secret.expose_secret().len() == 46);
    let good = async |ip: &str| sign_in::key(&world.db, &secret, &from(ip)).await.unwrap();
    assert!(good("192.0.2.7").await.is_some());
    assert!(good("198.51.100.7").await.is_none(), "another network");
    let nowhere = sign_in::key(&world.db, &secret, &Origin::default())
        .await
        .unwrap();
    assert!(nowhere.is_none(), "from nowhere");
    let guess = SecretString::from("ph_nonsense".to_owned());
    assert!(
        sign_in::key(&world.db, &guess, &from("192.0.2.7"))
            .await
            .unwrap()
            .is_none()
    );
    let work = world.work::<ManageApiKeys>(admin(), "acme").await;
    api_keys::revoke(work, key.id).await.unwrap();
    assert!(good("192.0.2.7").await.is_none(), "revoked");
    let work = world.work::<ViewApiKeys>(admin(), "acme").await;
    let listed = api_keys::list(&work, &PageRequest::first()).await.unwrap();
    assert!(listed.items[0].revoked_at.is_some());
}

#[tokio::test]
async fn a_key_is_over_at_its_time() {
    let world = World::new().await;
    let work = world
        .work::<ManageApiKeys>(world.member("acme", Role::Admin), "acme")
        .await;
    let end = world.clock.now() + TimeDelta::hours(1);
    let new = NewApiKey {
        expires_at: Some(end),
        ..new_key(Role::Viewer, &[])
    };
    let (_, secret) = api_keys::create(work, new).await.unwrap();
    let origin = Origin::default();
    assert!(
        sign_in::key(&world.db, &secret, &origin)
            .await
            .unwrap()
            .is_some()
    );
    world.clock.advance(TimeDelta::hours(1));
    assert!(
        sign_in::key(&world.db, &secret, &origin)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_key_is_never_stronger_than_its_maker() {
    let world = World::new().await;
    let work = world
        .work::<ManageApiKeys>(world.member("acme", Role::Admin), "acme")
        .await;
    let fault = api_keys::create(work, new_key(Role::Owner, &[]))
        .await
        .unwrap_err();
    assert!(
        matches!(&fault, AppError::Invalid(faults) if faults.of("role").is_some()),
        "{fault:?}"
    );
    let scopes = ["api-keys:write", "mailboxes:read"];
    let work = world
        .work::<ManageApiKeys>(world.member("acme", Role::Admin), "acme")
        .await;
    let (_, secret) = api_keys::create(work, new_key(Role::Admin, &scopes))
        .await
        .unwrap();
    let limited = sign_in::key(&world.db, &secret, &Origin::default())
        .await
        .unwrap()
        .unwrap();
    for wider in [vec![], vec!["mailboxes:write"], vec!["domains:read"]] {
        let work = world.work::<ManageApiKeys>(limited.clone(), "acme").await;
        let fault = api_keys::create(work, new_key(Role::Viewer, &wider))
            .await
            .unwrap_err();
        assert!(
            matches!(&fault, AppError::Invalid(faults) if faults.of("scopes").is_some()),
            "{fault:?}"
        );
    }
    let work = world.work::<ManageApiKeys>(limited, "acme").await;
    api_keys::create(work, new_key(Role::Viewer, &["mailboxes:read"]))
        .await
        .unwrap();
}
