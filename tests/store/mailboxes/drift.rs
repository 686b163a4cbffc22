//! What a sweep found different: repair or adopt; and accounts that nobody knows.
use pilothouse::app::{mailboxes, servers};
use pilothouse::authz::{ManageServers, RepairMailboxes, ViewServers};
use pilothouse::domain::{Kind, MailboxState, PageRequest, Protocol, Protocols};

use crate::hosting::{Hosting, at, conflict, is_missing};

/// Plays a sweep that found differences: aspect and what is there.
async fn found(hosting: &Hosting, address: &str, differences: &[(&str, &str)]) {
    let each = |(aspect, found): &(&str, &str)| {
        format!(r#"{{"aspect":"{aspect}","asked":"as asked","found":"{found}"}}"#)
    };
    let all: Vec<_> = differences.iter().map(each).collect();
    let now = hosting.world.clock.now().to_rfc3339();
    let columns = format!("drift = '[{}]', drift_at = '{now}'", all.join(","));
    hosting.set(address, &columns).await;
}

#[tokio::test]
async fn a_repair_asks_for_everything_once_more() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    hosting.settle().await;
    found(
        &hosting,
        "ann@acme.test",
        &[("password", "another"), ("open.imap", "off")],
    )
    .await;
    assert_eq!(hosting.see("acme", "ann@acme.test").await.drift.len(), 2);
    assert_eq!(hosting.see_server("mail-1").await.drifted, 1);
    let work = hosting.work::<RepairMailboxes>("acme").await;
    let repaired = mailboxes::repair(work, "ann@acme.test").await.unwrap();
    assert_eq!(repaired.drift, []);
    assert_eq!(repaired.state, MailboxState::Pending);
    assert_eq!(repaired.asked_generation, 2);
    assert!(
        repaired.levels.switches.get(Protocol::Imap).on,
        "what was asked for stays"
    );
    let told = hosting.audit("mailbox.repaired").await;
    assert!(told[0].0.contains("open.imap"), "{told:?}");
}

#[tokio::test]
async fn what_was_found_becomes_what_is_asked_for() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::Exchange)
        .await;
    hosting.settle().await;
    let changes = [
        ("open.pop3", "on"),
        ("open.imap", "off"),
        ("quota", "2097152"),
        ("display_name", "Ann of the server"),
        ("receives", "off"),
        ("closed_reason", "whatever"),
    ];
    found(&hosting, "ann@acme.test", &changes).await;
    let work = hosting.work::<RepairMailboxes>("acme").await;
    let adopted = mailboxes::adopt(work, "ann@acme.test").await.unwrap();
    assert!(adopted.levels.switches.get(Protocol::Pop3).on);
    assert!(!adopted.levels.switches.get(Protocol::Imap).on);
    assert_eq!(adopted.quota_bytes, 2_097_152);
    assert_eq!(adopted.display_name, "Ann of the server");
    assert!(!adopted.receives);
    assert_eq!(adopted.drift, []);
    assert_eq!(adopted.asked_generation, 2);
}

#[tokio::test]
async fn what_cannot_be_adopted_is_said_and_nothing_of_it_is_taken() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let work = hosting.work::<RepairMailboxes>("acme").await;
    assert_eq!(
        conflict(mailboxes::adopt(work, "ann@acme.test").await).0,
        "no-drift"
    );
    for (aspect, value, says) in [
        (
            "open.activesync",
            "on",
            "This kind of mailbox does not have it.",
        ),
        ("open.jmap", "on", "The mail server does not offer it."),
        ("open.nonsense", "on", "cannot be taken over"),
        ("quota", "0", "without limit"),
        ("quota", "99999999999999", "allows up to"),
        ("quota", "much", "not a number"),
        ("display_name", "", "Enter a name"),
        ("password", "another", "cannot be taken over"),
        ("account", "missing", "cannot be taken over"),
    ] {
        found(
            &hosting,
            "ann@acme.test",
            &[("open.pop3", "off"), (aspect, value)],
        )
        .await;
        let before = hosting.everything().await;
        let work = hosting.work::<RepairMailboxes>("acme").await;
        let (kind, detail) = conflict(mailboxes::adopt(work, "ann@acme.test").await);
        assert_eq!(kind, "cannot-adopt");
        assert!(detail.contains(says), "{aspect} {value}: {detail}");
        assert_eq!(hosting.everything().await, before);
    }
}

#[tokio::test]
async fn nobody_repairs_what_is_somebody_elses() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("globex", "zoe@globex.test", Kind::PopImap)
        .await;
    let work = hosting.work::<RepairMailboxes>("acme").await;
    assert!(is_missing(
        &mailboxes::repair(work, "zoe@globex.test").await
    ));
    let work = hosting.work::<RepairMailboxes>("acme").await;
    assert!(is_missing(&mailboxes::adopt(work, "zoe@globex.test").await));
}

/// Plays a sweep that found an account.
async fn stray(hosting: &Hosting, address: &str, open: Protocols, quota_bytes: i64) {
    let server = hosting.see_server("mail-1").await.id;
    let found = pilothouse::domain::ObservedMailbox {
        remote_id: "their-own-id".to_owned(),
        marker: None,
        address: at(address),
        display_name: String::new(),
        password: None,
        open,
        receives: true,
        closed_reason: None,
        quota_bytes,
    };
    let engine = &hosting.world.engine;
    pilothouse::store::engine::sweep::record_strays(engine, server, &[found])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_account_becomes_a_shared_mailbox_of_the_tenant_whose_domain_it_is() {
    let hosting = Hosting::new().await;
    let open = Protocols::of(&[Protocol::Imap, Protocol::Activesync]);
    stray(&hosting, "old@globex.test", open, 77 << 30).await;
    stray(&hosting, "x@nowhere.test", Protocols::NONE, 0).await;
    let work = hosting.work::<ViewServers>("platform").await;
    let strays = servers::strays(&work, "mail-1", &PageRequest::first())
        .await
        .unwrap();
    let shown = |one: &pilothouse::domain::Stray| (one.address.to_string(), one.adoptable);
    let shown: Vec<_> = strays.items.iter().map(shown).collect();
    let (old, x) = ("old@globex.test".to_owned(), "x@nowhere.test".to_owned());
    assert_eq!(shown, [(old, true), (x, false)]);
    let work = hosting.work::<ManageServers>("platform").await;
    let mailbox = servers::adopt_stray(work, "mail-1", &at("old@globex.test"))
        .await
        .unwrap();
    assert_eq!(mailbox.tenant, hosting.tenant("globex").await);
    assert_eq!((mailbox.kind, mailbox.user), (Kind::Exchange, None));
    assert_eq!(mailbox.display_name, "old");
    assert_eq!(mailbox.quota_bytes, 77 << 30, "it keeps its size");
    assert_eq!(
        pilothouse::domain::effective(&mailbox.levels, hosting.world.clock.now()),
        open
    );
    assert_eq!(
        hosting
            .count("mailboxes WHERE remote_id = 'their-own-id'")
            .await,
        1
    );
    assert_eq!(hosting.see_server("mail-1").await.strays, 1);
    let before = hosting.everything().await;
    let work = hosting.work::<ManageServers>("platform").await;
    let again = servers::adopt_stray(work, "mail-1", &at("old@globex.test")).await;
    assert!(is_missing(&again));
    let work = hosting.work::<ManageServers>("platform").await;
    let homeless = servers::adopt_stray(work, "mail-1", &at("x@nowhere.test")).await;
    assert_eq!(conflict(homeless).0, "stray-domain");
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn servers_are_the_platforms() {
    let hosting = Hosting::new().await;
    hosting
        .server("mail-2", Protocols::of(&[Protocol::Imap]))
        .await;
    hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let page = PageRequest {
        limit: 1,
        after: None,
    };
    let work = hosting.work::<ViewServers>("platform").await;
    let first = servers::list(&work, &page).await.unwrap();
    assert_eq!((first.items[0].name.as_str(), first.total), ("mail-1", 2));
    assert_eq!((first.items[0].mailboxes, first.items[0].queue), (1, 1));
    let rest = PageRequest {
        limit: 1,
        after: first.next,
    };
    let second = servers::list(&work, &rest).await.unwrap();
    assert_eq!(
        (second.items[0].name.as_str(), second.next),
        ("mail-2", None)
    );
    for tenant in ["quayside", "acme"] {
        let work = hosting.work::<ViewServers>(tenant).await;
        assert_eq!(servers::list(&work, &page).await.unwrap().total, 0);
        assert!(is_missing(&servers::find(&work, "mail-1").await));
        assert!(is_missing(&servers::strays(&work, "mail-1", &page).await));
    }
}
