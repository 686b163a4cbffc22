//! What can be asked of users.
use pilothouse::app::AppError;
use pilothouse::app::mailboxes;
use pilothouse::app::users::{self, UserFilter};
use pilothouse::authz::{EditUsers, RemoveMailboxes, RemoveUsers, ResetPasswords, ViewUsers};
use pilothouse::domain::{Kind, MailboxState, PageRequest};

use crate::hosting::{Hosting, conflict, is_missing};
use crate::support::world::cheap_hash;

#[tokio::test]
async fn users_are_listed_with_their_mailboxes_and_filtered_by_them() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    hosting
        .add_user("acme", "bob@acme.test", Some(Kind::Exchange))
        .await
        .unwrap();
    hosting
        .add_user("acme", "cid@acme.test", None)
        .await
        .unwrap();
    hosting
        .add_user("oz", "dot@oz.test", Some(Kind::PopImap))
        .await
        .unwrap();
    let list = async |tenant: &str, filter: UserFilter| {
        let work = hosting.work::<ViewUsers>(tenant).await;
        let page = users::list(&work, &filter, &PageRequest::first())
            .await
            .unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items
    };
    let all = list("acme", UserFilter::default()).await;
    let shown: Vec<_> = all
        .iter()
        .map(|user| user.mailbox.as_ref().map(|one| one.kind))
        .collect();
    assert_eq!(shown, [Some(Kind::PopImap), Some(Kind::Exchange), None]);
    assert!(all.iter().all(|user| user.tenant_slug.as_str() == "acme"));
    let names = async |filter| {
        let found = list("platform", filter).await;
        found
            .iter()
            .map(|user| user.address.local().to_owned())
            .collect::<Vec<_>>()
    };
    let none = UserFilter::default;
    assert_eq!(
        names(UserFilter {
            kind: Some(Kind::PopImap),
            ..none()
        })
        .await,
        ["ann", "dot"]
    );
    let pending = Some(MailboxState::Pending);
    assert_eq!(
        names(UserFilter {
            state: pending,
            ..none()
        })
        .await,
        ["ann", "bob", "dot"]
    );
    let both = UserFilter {
        kind: Some(Kind::Exchange),
        state: pending,
        ..none()
    };
    assert_eq!(names(both).await, ["bob"]);
    assert_eq!(
        names(UserFilter {
            domain: Some("oz.test".into()),
            ..none()
        })
        .await,
        ["dot"]
    );
    assert_eq!(
        names(UserFilter {
            q: Some("OF cid".into()),
            ..none()
        })
        .await,
        ["cid"]
    );
    assert_eq!(
        names(UserFilter {
            q: Some("%".into()),
            ..none()
        })
        .await,
        [""; 0]
    );
}

#[tokio::test]
async fn pages_of_users_join_without_a_gap() {
    let hosting = Hosting::new().await;
    for n in 0..7 {
        hosting
            .add_user("acme", &format!("u{n}@acme.test"), Some(Kind::PopImap))
            .await
            .unwrap();
    }
    let work = hosting.work::<ViewUsers>("acme").await;
    let mut page = PageRequest {
        limit: 3,
        after: None,
    };
    let mut walked = vec![];
    loop {
        let read = users::list(&work, &UserFilter::default(), &page)
            .await
            .unwrap();
        assert_eq!(read.total, 7);
        walked.extend(
            read.items
                .iter()
                .map(|user| user.address.local().to_owned()),
        );
        let Some(next) = read.next else { break };
        page.after = Some(next);
    }
    assert_eq!(walked, ["u0", "u1", "u2", "u3", "u4", "u5", "u6"]);
}

#[tokio::test]
async fn a_new_name_reaches_the_address_list_of_the_server() {
    let hosting = Hosting::new().await;
    let read = hosting
        .add_user("acme", "ann@acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    hosting.settle().await;
    hosting.world.clock.advance(chrono::TimeDelta::seconds(1));
    let rename = async |name: &str, expected: Option<&str>| {
        let work = hosting.work::<EditUsers>("acme").await;
        users::rename(work, "ann@acme.test", name.to_owned(), expected).await
    };
    let renamed = rename("Ann Archer", None).await.unwrap();
    let mailbox = renamed.mailbox.as_ref().unwrap();
    assert_eq!(
        (mailbox.display_name.as_str(), mailbox.asked_generation),
        ("Ann Archer", 2)
    );
    let before = hosting.everything().await;
    for stale in [read.version(), read.asked_version()] {
        assert!(matches!(
            rename("Other", Some(&stale)).await,
            Err(AppError::Stale)
        ));
    }
    rename("Ann Archer", None).await.unwrap();
    assert_eq!(hosting.everything().await, before);
    rename("Ann", Some(&renamed.version())).await.unwrap();
    let found = UserFilter {
        q: Some("archer".to_owned()),
        ..UserFilter::default()
    };
    let work = hosting.work::<ViewUsers>("acme").await;
    assert_eq!(
        users::list(&work, &found, &PageRequest::first())
            .await
            .unwrap()
            .total,
        0
    );
}

#[tokio::test]
async fn a_new_password_reaches_the_server_and_stands_in_no_log() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    let old = hosting.table("users").await;
    let work = hosting.work::<ResetPasswords>("acme").await;
    let user = users::set_password(work, "ann@acme.test", cheap_hash("another one"))
        .await
        .unwrap();
    assert_eq!(user.mailbox.unwrap().asked_generation, 2);
    assert_ne!(hosting.table("users").await, old);
    let log = hosting.table("audit_events").await;
    assert!(log.contains("user.password_set"));
    assert!(!log.contains("argon2") && !log.contains("another one"));
}

#[tokio::test]
async fn a_removed_user_leaves_the_mailbox_behind_for_a_while() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    hosting
        .add_user("acme", "bob@acme.test", None)
        .await
        .unwrap();
    for user in ["ann@acme.test", "bob@acme.test"] {
        let work = hosting.work::<RemoveUsers>("acme").await;
        users::remove(work, user).await.unwrap();
        let work = hosting.work::<ViewUsers>("acme").await;
        assert!(is_missing(&users::find(&work, user).await));
    }
    let kept = hosting.see("acme", "ann@acme.test").await;
    assert_eq!((kept.state, kept.user), (MailboxState::Retained, None));
    assert!(kept.purge_after.is_some());
    assert_eq!(hosting.audit("user.removed").await.len(), 2);
    assert_eq!(hosting.audit("mailbox.retained").await.len(), 1);
    let again = hosting.add_user("acme", "ann@acme.test", None).await;
    assert_eq!(conflict(again).0, "address-taken");
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    let back = mailboxes::bring_back(work, "ann@acme.test").await.unwrap();
    assert_eq!((back.state, back.user), (MailboxState::Pending, None));
}

#[tokio::test]
async fn a_user_whose_mailbox_is_being_converted_stays() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    hosting
        .set(
            "ann@acme.test",
            "converting_item = id, state = 'converting'",
        )
        .await;
    let before = hosting.everything().await;
    let work = hosting.work::<RemoveUsers>("acme").await;
    assert_eq!(
        conflict(users::remove(work, "ann@acme.test").await).0,
        "converting"
    );
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn somebody_elses_user_is_not_there_by_whatever_name() {
    let hosting = Hosting::new().await;
    let theirs = hosting
        .add_user("globex", "zoe@globex.test", Some(Kind::PopImap))
        .await
        .unwrap();
    let before = hosting.everything().await;
    for name in [theirs.id.to_string(), "zoe@globex.test".to_owned()] {
        let work = hosting.work::<ViewUsers>("acme").await;
        assert!(is_missing(&users::find(&work, &name).await));
        let work = hosting.work::<EditUsers>("acme").await;
        assert!(is_missing(
            &users::rename(work, &name, "X".to_owned(), None).await
        ));
        let work = hosting.work::<ResetPasswords>("acme").await;
        assert!(is_missing(
            &users::set_password(work, &name, cheap_hash("correct horse")).await
        ));
        let work = hosting.work::<RemoveUsers>("acme").await;
        assert!(is_missing(&users::remove(work, &name).await));
    }
    assert_eq!(hosting.everything().await, before);
}
