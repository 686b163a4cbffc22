//! New mailboxes and users: where they may be, where they go, what they start with.
use pilothouse::app::mailboxes;
use pilothouse::app::users::{self, NewMailbox};
use pilothouse::authz::{CreateMailboxes, CreateUsers, EditMailboxes, Role};
use pilothouse::domain::effective::SwitchValue;
use pilothouse::domain::{Kind, MailboxState, Protocol, Protocols, effective};

use crate::hosting::{BOTH, Hosting, POP_IMAP, at, conflict, fault, new, new_user};

#[tokio::test]
async fn a_user_and_a_mailbox_are_made_in_one_step_and_wait_for_their_server() {
    let hosting = Hosting::new().await;
    let user = hosting
        .add_user("acme", "Ann@Acme.test", Some(Kind::PopImap))
        .await
        .unwrap();
    let mailbox = user.mailbox.unwrap();
    assert_eq!(mailbox.address, at("ann@acme.test"));
    assert_eq!(mailbox.display_name, "Name of ann");
    assert_eq!(mailbox.user, Some(user.id));
    assert_eq!(mailbox.state, MailboxState::Pending);
    assert_eq!(
        mailbox.problem.as_deref(),
        Some("The change is on its way to mail-1.")
    );
    assert_eq!((mailbox.asked_generation, mailbox.seen_generation), (1, 0));
    assert_eq!(mailbox.plan_slug.as_str(), "basic");
    assert_eq!(mailbox.quota_bytes, 10 << 30);
    assert_eq!(
        effective(&mailbox.levels, hosting.world.clock.now()),
        POP_IMAP
    );
    assert_eq!(
        hosting
            .count("audit_events WHERE action = 'user.created'")
            .await,
        1
    );
    assert_eq!(
        hosting
            .count("audit_events WHERE action = 'mailbox.created'")
            .await,
        1
    );
    let due = "mailboxes WHERE next_try_at IS NOT NULL AND lease_owner IS NULL";
    assert_eq!(hosting.count(due).await, 1);
}

#[tokio::test]
async fn a_mailbox_is_made_while_its_server_is_down() {
    let hosting = Hosting::new().await;
    hosting
        .sql("UPDATE mail_servers SET state = 'down', failures = 9")
        .await;
    let mailbox = hosting
        .mailbox("acme", "ann@acme.test", Kind::Exchange)
        .await;
    assert_eq!(mailbox.server_name, "mail-1");
}

#[tokio::test]
async fn a_new_mailbox_goes_where_the_least_is_offered_beyond_its_kind() {
    let hosting = Hosting::new().await;
    hosting.server("mail-2", POP_IMAP).await;
    let plain = hosting
        .mailbox("acme", "ann@acme.test", Kind::PopImap)
        .await;
    let exchange = hosting
        .mailbox("acme", "bob@acme.test", Kind::Exchange)
        .await;
    assert_eq!(plain.server_name, "mail-2");
    assert_eq!(exchange.server_name, "mail-1");
}

#[tokio::test]
async fn of_equal_servers_a_new_mailbox_goes_to_the_emptiest_whoever_fills_them() {
    let hosting = Hosting::new().await;
    hosting.server("mail-2", BOTH).await;
    let mut names = vec![];
    for (tenant, address) in [
        ("acme", "a@acme.test"),
        ("globex", "b@globex.test"),
        ("oz", "c@oz.test"),
        ("acme", "d@acme.test"),
    ] {
        names.push(
            hosting
                .mailbox(tenant, address, Kind::Exchange)
                .await
                .server_name,
        );
    }
    assert_eq!(names, ["mail-1", "mail-2", "mail-1", "mail-2"]);
}

#[tokio::test]
async fn without_a_server_for_its_kind_nothing_is_made() {
    let hosting = Hosting::without_servers().await;
    hosting.server("mail-2", POP_IMAP).await;
    let before = hosting.everything().await;
    let refused = hosting
        .add_user("acme", "ann@acme.test", Some(Kind::Exchange))
        .await;
    let (kind, detail) = conflict(refused);
    assert_eq!(kind, "no-server");
    assert!(detail.contains("ActiveSync"), "{detail}");
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn an_address_is_in_a_domain_of_the_customer_that_the_path_names() {
    let hosting = Hosting::new().await;
    for (tenant, address) in [
        ("acme", "ann@globex.test"),
        ("acme", "ann@nowhere.test"),
        ("quayside", "ann@acme.test"),
        ("platform", "ann@acme.test"),
    ] {
        let before = hosting.everything().await;
        fault(
            hosting.add_user(tenant, address, Some(Kind::PopImap)).await,
            "address",
        );
        fault(hosting.shared(tenant, address).await, "address");
        assert_eq!(hosting.everything().await, before, "{tenant} {address}");
    }
}

#[tokio::test]
async fn an_address_is_given_once_to_users_and_mailboxes_alike() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", None)
        .await
        .unwrap();
    hosting.shared("acme", "info@acme.test").await.unwrap();
    let before = hosting.everything().await;
    for taken in ["ann@acme.test", "info@acme.test"] {
        let user = hosting.add_user("acme", taken, None).await;
        assert_eq!(conflict(user).0, "address-taken");
        let shared = hosting.shared("acme", taken).await;
        assert_eq!(conflict(shared).0, "address-taken");
    }
    assert_eq!(hosting.everything().await, before);
}

#[tokio::test]
async fn of_many_who_want_an_address_at_once_one_gets_it() {
    let hosting = Hosting::new().await;
    let mut tries = vec![];
    for turn in 0..8 {
        let actor = hosting.world.member("acme", Role::Owner);
        let db = hosting.world.db.clone();
        tries.push(tokio::spawn(async move {
            let facts = pilothouse::store::RequestFacts::default();
            let tenant = pilothouse::store::TenantRef::from("acme");
            if turn % 2 == 0 {
                let cx = db
                    .authorize::<CreateUsers>(actor, &tenant, facts)
                    .await
                    .unwrap();
                let work = cx.begin().await.unwrap();
                users::create(work, new_user("ann@acme.test", None))
                    .await
                    .is_ok()
            } else {
                let cx = db
                    .authorize::<CreateMailboxes>(actor, &tenant, facts)
                    .await
                    .unwrap();
                let work = cx.begin().await.unwrap();
                let name = Some("Ann".to_owned());
                let made =
                    mailboxes::create(work, at("ann@acme.test"), name, None, new(Kind::PopImap));
                made.await.is_ok()
            }
        }));
    }
    let mut made = 0;
    for one in tries {
        made += usize::from(one.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(
        hosting.count("users").await + hosting.count("mailboxes").await,
        1
    );
}

#[tokio::test]
async fn a_users_mailbox_has_the_address_of_the_user_and_the_user_is_one_of_ours() {
    let hosting = Hosting::new().await;
    hosting
        .add_user("acme", "ann@acme.test", None)
        .await
        .unwrap();
    let stranger = hosting
        .add_user("globex", "zoe@globex.test", None)
        .await
        .unwrap();
    let create = async |address: &str, user: &str| {
        let work = hosting.work::<CreateMailboxes>("acme").await;
        mailboxes::create(work, at(address), None, Some(user), new(Kind::PopImap)).await
    };
    let before = hosting.everything().await;
    fault(create("bob@acme.test", "ann@acme.test").await, "user");
    fault(create("bob@acme.test", "nobody@acme.test").await, "user");
    fault(create("bob@acme.test", "zoe@globex.test").await, "user");
    fault(
        create("bob@acme.test", &stranger.id.to_string()).await,
        "user",
    );
    assert_eq!(hosting.everything().await, before);
    let mailbox = create("ann@acme.test", "ann@acme.test").await.unwrap();
    assert_eq!(mailbox.display_name, "Name of ann");
    assert_eq!(
        conflict(create("ann@acme.test", "ann@acme.test").await).0,
        "address-taken"
    );
}

#[tokio::test]
async fn a_shared_mailbox_needs_a_name() {
    let hosting = Hosting::new().await;
    let work = hosting.work::<CreateMailboxes>("acme").await;
    let made = mailboxes::create(work, at("info@acme.test"), None, None, new(Kind::PopImap)).await;
    fault(made, "display_name");
}

#[tokio::test]
async fn a_plan_is_ones_own_or_that_of_somebody_above_and_of_the_right_kind() {
    let hosting = Hosting::new().await;
    let mib = 1 << 20;
    hosting
        .plan("quayside", "desk", Kind::PopImap, POP_IMAP, 50 * mib)
        .await;
    hosting
        .plan(
            "acme",
            "own",
            Kind::PopImap,
            Protocols::of(&[Protocol::Imap]),
            60 * mib,
        )
        .await;
    hosting
        .plan("globex", "theirs", Kind::PopImap, POP_IMAP, 70 * mib)
        .await;
    hosting
        .plan("acme", "basic", Kind::PopImap, POP_IMAP, 80 * mib)
        .await;
    let create = async |plan: &str, quota_bytes| {
        let work = hosting.dry::<CreateMailboxes>("acme").await;
        let new = NewMailbox {
            kind: Kind::PopImap,
            plan: Some(plan.to_owned()),
            quota_bytes,
        };
        mailboxes::create(work, at("x@acme.test"), Some("X".to_owned()), None, new).await
    };
    assert_eq!(create("desk", None).await.unwrap().quota_bytes, 50 * mib);
    let own = create("own", Some(mib)).await.unwrap();
    assert_eq!(own.quota_bytes, mib);
    let open = effective(&own.levels, hosting.world.clock.now());
    assert_eq!(
        open,
        Protocols::of(&[Protocol::Imap]),
        "a plan starts with what it allows"
    );
    assert_eq!(
        create("basic", None).await.unwrap().quota_bytes,
        80 * mib,
        "the nearest wins"
    );
    let sentence = fault(create("theirs", None).await, "plan");
    assert!(
        sentence.contains("own, basic") || sentence.contains("basic, own"),
        "{sentence}"
    );
    assert!(!sentence.contains("70"), "{sentence}");
    fault(create("exchange", None).await, "plan");
    fault(create("desk", Some(50 * mib + 1)).await, "quota_bytes");
    fault(create("desk", Some(mib - 1)).await, "quota_bytes");
    let work = hosting.work::<CreateUsers>("acme").await;
    let mut user = new_user("u@acme.test", Some(Kind::PopImap));
    user.mailbox.as_mut().unwrap().plan = Some("theirs".to_owned());
    fault(users::create(work, user).await, "mailbox/plan");
}

#[tokio::test]
async fn a_dry_run_answers_as_if_it_had_been_done_and_leaves_no_trace() {
    let hosting = Hosting::new().await;
    hosting
        .mailbox("acme", "old@acme.test", Kind::PopImap)
        .await;
    let before = hosting.everything().await;
    let work = hosting.dry::<CreateUsers>("acme").await;
    let user = users::create(work, new_user("ann@acme.test", Some(Kind::PopImap)))
        .await
        .unwrap();
    assert_eq!(user.mailbox.unwrap().state, MailboxState::Pending);
    let work = hosting.dry::<EditMailboxes>("acme").await;
    let off = SwitchValue::default();
    let changed = mailboxes::set_switch(work, "old@acme.test", Protocol::Pop3, off, None).await;
    assert!(!changed.unwrap().levels.switches.get(Protocol::Pop3).on);
    assert_eq!(hosting.everything().await, before);
}
